autocmd BufNewFile,BufRead *.cgwfw setfiletype cgwfw
