// Finds the program `cgwfw`, starts its language server, and shows the rules that its command answers with.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

const RULES = 'cgwfw-rules';

let client;
// Starts and stops wait for each other.
let pending = Promise.resolve();
let texts;

function activate(context) {
  texts = readOnlyTexts();
  context.subscriptions.push(
    texts,
    vscode.commands.registerCommand('cgwfw.restart', () => restart(context)),
    vscode.commands.registerCommand('cgwfw.rules', rulesOfThisSentence),
    vscode.workspace.onDidChangeConfiguration((event) => {
      const needed = ['path', 'snippets', 'inlayHints', 'codeLenses'];
      if (needed.some((name) => event.affectsConfiguration(`cgwfw.${name}`))) {
        restart(context);
      }
    }),
  );
  return restart(context);
}

function deactivate() {
  return stop();
}

function restart(context) {
  pending = pending.then(stop).then(() => start(context)).catch((error) => {
    vscode.window.showErrorMessage(`cgwfw: ${error.message}`);
  });
  return pending;
}

async function stop() {
  const stopped = client;
  client = undefined;
  await stopped?.dispose();
}

async function start(context) {
  const settings = vscode.workspace.getConfiguration('cgwfw');
  const program = find(settings.get('path'));
  if (!program) {
    // Nobody need answer before the editor goes on.
    sayHowToInstall(context, settings.get('path'));
    return;
  }
  const started = new LanguageClient('cgwfw', 'cgwfw', { command: program, args: ['lsp'] }, {
    documentSelector: [
      { scheme: 'file', language: 'cgwfw' },
      { scheme: 'untitled', language: 'cgwfw' },
      { scheme: 'file', pattern: '**/snippets/*/{snippet.toml,rules.j2}' },
    ],
    initializationOptions: {
      snippets: settings.get('snippets').map(absolute),
      inlayHints: settings.get('inlayHints'),
      codeLenses: settings.get('codeLenses'),
    },
    // The client registers the commands of the server itself, and drops what they answer.
    middleware: { executeCommand: showAnswer },
  });
  client = started;
  await started.start();
}

/** The program that is set, or the first that is installed; undefined if there is none. */
function find(set) {
  if (set) {
    return [absolute(set)].find(isProgram);
  }
  const name = process.platform === 'win32' ? 'cgwfw.exe' : 'cgwfw';
  const onPath = (process.env.PATH ?? '').split(path.delimiter).filter(path.isAbsolute);
  return [...onPath, path.join(os.homedir(), '.cargo', 'bin')].map((folder) => path.join(folder, name)).find(isProgram);
}

function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** A path of the settings: `~` is the home, and relative ones are those of the workspace. */
function absolute(file) {
  const home = file.replace(/^~(?=$|[\\/])/, os.homedir());
  return path.resolve(vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? os.homedir(), home);
}

async function sayHowToInstall(context, set) {
  const where = set ? `at \`${set}\` (the setting \`cgwfw.path\`)` : 'on the PATH or in ~/.cargo/bin';
  const message = `There is no program cgwfw ${where}: install it with \`cargo install --path .\` in a checkout of cgwfw, or set \`cgwfw.path\`.`;
  const [how, settings, again] = ['How to install', 'Settings', 'Try again'];
  const answer = await vscode.window.showErrorMessage(message, how, settings, again);
  if (answer === how) {
    await vscode.commands.executeCommand('extension.open', context.extension.id);
  } else if (answer === settings) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'cgwfw.path');
  } else if (answer === again) {
    await restart(context);
  }
}

/** `cgwfw.showRules` with an address and a line, from a code lens: its answer is shown beside the policy. */
async function showAnswer(command, parameters, next) {
  const text = await next(command, parameters);
  if (command === 'cgwfw.showRules') {
    const [uri, line] = parameters;
    if (text) {
      await texts.show(`${path.posix.basename(vscode.Uri.parse(uri).path)}, line ${line + 1}`, text);
    } else {
      vscode.window.showInformationMessage('cgwfw: no rules come from this line');
    }
  }
  return text;
}

async function rulesOfThisSentence() {
  const editor = vscode.window.activeTextEditor;
  if (editor && client?.isRunning()) {
    const { document, selection } = editor;
    await vscode.commands.executeCommand('cgwfw.showRules', document.uri.toString(), selection.active.line);
  }
}

/** Texts that can be read and not changed, by their titles. */
function readOnlyTexts() {
  const contents = new Map();
  const changed = new vscode.EventEmitter();
  const provider = vscode.workspace.registerTextDocumentContentProvider(RULES, {
    onDidChange: changed.event,
    provideTextDocumentContent: (uri) => contents.get(uri.path),
  });
  return {
    async show(title, text) {
      const uri = vscode.Uri.from({ scheme: RULES, path: title });
      contents.set(uri.path, text);
      changed.fire(uri);
      const document = await vscode.workspace.openTextDocument(uri);
      // Below, not beside: the lines of two families are long.
      const open = vscode.window.visibleTextEditors.find((editor) => editor.document.uri.scheme === RULES);
      if (!open) {
        await vscode.commands.executeCommand('workbench.action.newGroupBelow');
      }
      await vscode.window.showTextDocument(document, { viewColumn: open?.viewColumn ?? vscode.ViewColumn.Active, preview: true });
    },
    dispose() {
      provider.dispose();
      changed.dispose();
    },
  };
}

module.exports = { activate, deactivate };
