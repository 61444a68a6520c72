" cgwfw policies: comments, words with dashes, `:make`.
if exists('b:did_ftplugin')
  finish
endif
let b:did_ftplugin = 1

setlocal comments=:# commentstring=#\ %s formatoptions-=t formatoptions+=croql
setlocal iskeyword+=- suffixesadd=.cgwfw
setlocal include=^\\s*include\\s\\+\"
compiler cgwfw

let b:undo_ftplugin = 'setlocal comments< commentstring< formatoptions< iskeyword< suffixesadd< include<'
let b:undo_ftplugin .= ' makeprg< errorformat<'
