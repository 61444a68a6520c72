-- What Neovim's own client gets from the server for the file that is open: written to `answers.json`.
local function at(line, column)
  vim.api.nvim_win_set_cursor(0, { line, column })
end
local function wait_for(what, ready)
  if not vim.wait(20000, ready, 20) then
    error(what .. ': waited in vain')
  end
end
local function asked(method, parameters)
  local answers = vim.lsp.buf_request_sync(0, method, parameters, 20000)
  local _, answer = next(answers or {})
  return answer and answer.result
end

vim.o.virtualedit = 'onemore'
local function drive()
  local answers = {}
  wait_for('diagnostics', function() return #vim.diagnostic.get(0) >= 2 end)
  answers.diagnostics = {}
  for _, found in ipairs(vim.diagnostic.get(0)) do
    table.insert(answers.diagnostics, ('%d:%d %s'):format(found.lnum + 1, found.col + 1, found.code))
  end
  table.sort(answers.diagnostics)
  answers.colours = vim.fn.synIDattr(vim.fn.synID(3, 1, 1), 'name')

  at(3, 0)
  vim.lsp.buf.hover()
  local function float()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then return window end
    end
  end
  wait_for('hover', float)
  answers.hover = table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(float()), 0, -1, false), '\n')
  vim.api.nvim_win_close(float(), true)

  at(6, 22)
  local completions = asked('textDocument/completion', vim.lsp.util.make_position_params(0, 'utf-16'))
  answers.completions = {}
  for _, item in ipairs(completions.items or completions) do
    table.insert(answers.completions, item.label)
  end

  at(4, 8)
  vim.ui.select = function(actions, options, choose)
    answers.actions = vim.tbl_map(options.format_item, actions)
    choose(actions[1], 1)
  end
  vim.lsp.buf.code_action()
  wait_for('code action', function() return vim.fn.getline(4) ~= 'allow loopbck' end)
  wait_for('fewer diagnostics', function() return #vim.diagnostic.get(0) == #answers.diagnostics - 1 end)

  local format = vim.lsp.buf.format or vim.lsp.buf.formatting_sync
  format(vim.lsp.buf.format and { async = false, timeout_ms = 20000 } or nil, 20000)
  answers.text = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  return answers
end

local good, answers = xpcall(drive, debug.traceback)
if not good then
  io.stderr:write(answers .. '\n')
  vim.cmd('cquit')
end
vim.fn.writefile({ vim.fn.json_encode(answers) }, 'answers.json')
vim.cmd('quitall!')
