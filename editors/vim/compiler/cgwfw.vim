" `:make` checks the policy; `:cnext` goes to the next mistake.
if exists('current_compiler')
  finish
endif
let current_compiler = 'cgwfw'

if exists(':CompilerSet') != 2
  command -nargs=* CompilerSet setlocal <args>
endif

CompilerSet makeprg=cgwfw\ check\ --format\ short\ %:p:S
CompilerSet errorformat=%f:%l:%c:\ %trror[%.%#]:\ %m,%f:%l:%c:\ %tarning[%.%#]:\ %m,%f:%l:%c:\ %tote[%.%#]:\ %m
