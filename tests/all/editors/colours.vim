" Writes, for each file NUMBER.cgwfw of a folder, NUMBER.colours: of each byte the highlight group, a line for a line.
set nocompatible
execute 'set runtimepath^=' . fnameescape($EDITORS . '/vim')
filetype plugin on
syntax on
" The group that the syntax file gives a byte; none without a link to one of Vim's.
function s:colour(line, column)
  let id = synID(a:line, a:column, 1)
  return id == 0 || synIDtrans(id) == id ? '-' : synIDattr(id, 'name')
endfunction
for s:number in range($TEXTS)
  execute 'edit ' . s:number . '.cgwfw'
  let s:lines = []
  for s:line in range(1, line('$'))
    call add(s:lines, join(map(range(1, strlen(getline(s:line))), 's:colour(s:line, v:val)'), ' '))
  endfor
  call writefile(s:lines, s:number . '.colours')
endfor
quitall!
