// VS Code (code-server) with the packed extension, in a real browser: what a user sees is looked for on the screen.
//
// Arguments: the folder of code-server, the packed extension, the program `cgwfw`, a folder for screenshots.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

const [codeServer, extension, program, pictures] = process.argv.slice(2);
const LONGEST = 60_000;

const POLICY = `\
interface eth0   calico
interface inet0  public

define peer = 192.0.2.1

default drop
allow loopbck
allow calico on eth0
drop forward on inet0
allow icmp on inet0
allow ipsec peer 10.1.0.0/8 on inet0
clamp mss 1250 on inet0

expect deny in on inet0 tcp to $peer
`;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cgwfw-vscode-'));
const inside = (...names) => path.join(folder, ...names);
const settings = {
  'chat.disableAIFeatures': true,
  'editor.fontFamily': 'DejaVu Sans Mono',
  'editor.fontSize': 14,
  'editor.hover.above': false,
  'editor.minimap.enabled': false,
  'extensions.ignoreRecommendations': true,
  'git.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'workbench.activityBar.location': 'hidden',
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.layoutControl.enabled': false,
  'workbench.reduceMotion': 'on',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
};

/** Settings of the user, or of the machine that the server runs on, where `cgwfw.path` belongs. */
function set(whose, values) {
  fs.mkdirSync(inside('data', whose), { recursive: true });
  fs.writeFileSync(inside('data', whose, 'settings.json'), JSON.stringify(values));
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// Neither the home nor the path of whoever runs this: there is no `cgwfw` but the one that the settings name.
const environment = { ...process.env, HOME: folder, PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin` };
const entry = path.join(codeServer, 'node_modules', 'code-server', 'out', 'node', 'entry.js');
const common = [entry, '--config', inside('config.yaml'), '--user-data-dir', inside('data'), '--extensions-dir', inside('extensions')];

function installExtension() {
  const install = [...common, '--install-extension', extension];
  const { status, stdout, stderr } = spawnSync(process.execPath, install, { env: environment, encoding: 'utf8', timeout: LONGEST });
  assert.equal(status, 0, `the extension cannot be installed:\n${stdout}${stderr}`);
}

async function startServer(port) {
  const log = fs.openSync(inside('server.log'), 'w');
  const switches = ['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check',
    '--disable-workspace-trust', '--disable-getting-started-override'];
  // A group of its own, to be ended as a whole.
  const server = spawn(process.execPath, [...common, ...switches], { env: environment, detached: true, stdio: ['ignore', log, log] });
  const end = Date.now() + LONGEST;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
    if (answer?.ok) {
      return server;
    }
    assert(Date.now() < end && server.exitCode === null, `code-server does not answer:\n${fs.readFileSync(inside('server.log'))}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const began = Date.now();
function seen(what) {
  console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s  ${what}`);
}

async function drive(page, port) {
  page.setDefaultTimeout(LONGEST);
  const picture = (name) => page.screenshot({ path: path.join(pictures, `${name}.png`) });
  const line = (text) => page.locator('.monaco-editor .view-line', { hasText: text }).first();
  // The editor shows blanks as no-break spaces.
  const texts = (locator) => locator.allTextContents().then((all) => all.join('\n').replaceAll('\u00a0', ' '));
  async function until(what, ready) {
    const end = Date.now() + LONGEST;
    for (;;) {
      const last = await ready();
      if (last === true) {
        return seen(what);
      }
      assert(Date.now() < end, `${what}: not seen. There is: ${last}`);
      await page.waitForTimeout(100);
    }
  }
  const shows = (what, locator, ...parts) => until(what, async () => {
    const text = await texts(locator);
    return parts.every((part) => text.includes(part)) || text;
  });
  // A loaded machine draws late: what was done too early is done again.
  const shownBy = (what, act, locator, ...parts) => until(what, async () => {
    await act();
    await locator.first().waitFor({ timeout: 4000 }).catch(() => {});
    const text = await texts(locator);
    return parts.every((part) => text.includes(part)) || text;
  });
  const colours = async () => {
    const parts = await line('allow icmp').locator('span span').evaluateAll((spans) =>
      spans.map((span) => [span.textContent.replaceAll('\u00a0', ' ').trim(), getComputedStyle(span).color]));
    return Object.fromEntries(parts);
  };
  const squiggles = (count) => async () => {
    const found = await page.locator('.monaco-editor .squiggly-error').count();
    return found === count || found;
  };

  await page.goto(`http://127.0.0.1:${port}/?folder=${inside('gateway')}`);
  await page.locator('.explorer-viewlet .monaco-list-row', { hasText: 'gateway.cgwfw' }).dblclick();
  await page.keyboard.press('Control+B');
  await shows('without the program: how to install it', page.locator('.notification-toast'), 'cargo install --path .', 'How to install');

  await until('the colours of the grammar', async () => {
    const { allow, icmp, on, inet0 } = await colours();
    return new Set([allow, icmp, on, inet0]).size === 4 || JSON.stringify(await colours());
  });

  // What is set is taken up at once.
  set('Machine', { 'cgwfw.path': program });
  await page.locator('.notification-toast .codicon-notifications-clear').first().click();
  await until('squiggles', squiggles(2));

  await page.keyboard.press('Control+Shift+M');
  await shows('the Problems panel', page.locator('.markers-panel .monaco-list-row'),
    '`loopbck` has no meaning in `allow`', 'help: did you mean `loopback`?', 'unknown_word',
    '`10.1.0.0/8` has bits below its prefix length', 'host_bits');
  await shows('inlay hints', line('allow icmp'), '2 rules each');

  await until('the colours of the server', async () => {
    const { allow, icmp, on, inet0 } = await colours();
    return (allow === icmp && new Set([icmp, on, inet0]).size === 3) || JSON.stringify(await colours());
  });

  const hover = async () => {
    await page.mouse.move(700, 60);
    await line('allow icmp').locator('span', { hasText: /icmp/ }).last().hover();
  };
  await shownBy('the hover', hover, page.locator('.monaco-hover:visible'),
    '-A INPUT -i inet0 -p icmp -j ACCEPT', '-A INPUT -i inet0 -p ipv6-icmp -j ACCEPT');
  // It fades in.
  await page.waitForTimeout(500);
  await picture('hover');

  await page.keyboard.press('Escape');
  const quickFix = async () => {
    await line('allow loopbck').click();
    await page.keyboard.press('Control+.');
  };
  await shownBy('quick fixes', quickFix, page.locator('.action-widget:visible'), 'Replace `loopbck` with `loopback`');
  await picture('quick-fix');
  await page.keyboard.press('Enter');
  await shows('the mistake is repaired', page.locator('.monaco-editor .view-line'), 'allow loopback');
  await until('one squiggle less', squiggles(1));
  await shows('code lenses', page.locator('.codelens-decoration'), 'IPv4: 2 rules | IPv6: 2 rules');

  await line('clamp mss').click();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.keyboard.type('allow ssh in on inet0 ', { delay: 30 });
  const complete = () => page.keyboard.press('Control+Space');
  await shownBy('completion', complete, page.locator('.suggest-widget:visible .monaco-list-row'), 'state', 'from');
  await picture('completion');
  await page.keyboard.press('Escape');

  await page.locator('.codelens-decoration a', { hasText: 'IPv4: 2 rules | IPv6: 2 rules' }).first().click();
  await shows('the tab of the rules', page.locator('.tab'), 'gateway.cgwfw, line ');
  await shows('the rules of a lens', page.locator('.editor-group-container').last().locator('.view-line'), 'IPv4', 'IPv6', '-A INPUT -i eth0 -j ACCEPT');
}

fs.mkdirSync(inside('gateway'));
fs.writeFileSync(inside('gateway', 'gateway.cgwfw'), POLICY);
fs.mkdirSync(pictures, { recursive: true });
set('User', settings);
set('Machine', {});
installExtension();
seen('the extension is installed');
const port = await freePort();
let [server, browser, page] = [];
try {
  server = await startServer(port);
  seen('code-server answers');
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  page = await browser.newPage({ viewport: { width: 960, height: 740 } });
  await drive(page, port);
} catch (error) {
  await page?.screenshot({ path: path.join(pictures, 'failed.png') }).catch(() => {});
  console.error(`${error.message}\nThe screen: ${path.join(pictures, 'failed.png')}`);
  process.exitCode = 1;
} finally {
  await browser?.close();
  if (server?.pid) {
    try {
      process.kill(-server.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
