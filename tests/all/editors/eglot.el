;;; What eglot gets from the server for policy.cgwfw: printed.  -*- lexical-binding: t -*-
(defun wait-for (what ready)
  (let ((end (+ (float-time) 20)) answer)
    (while (not (setq answer (funcall ready)))
      (when (> (float-time) end) (error "%s: waited in vain" what))
      (accept-process-output nil 0.02))
    answer))

(find-file "policy.cgwfw")
;; In batch nobody types: what eglot does after the first command is done here.
(run-hooks 'post-command-hook)
(wait-for "the server" #'eglot-current-server)
(wait-for "diagnostics" (lambda () (flymake-start) (cdr (flymake-diagnostics))))
(dolist (found (sort (flymake-diagnostics) (lambda (a b) (< (flymake-diagnostic-beg a) (flymake-diagnostic-beg b)))))
  (goto-char (flymake-diagnostic-beg found))
  (princ (format "%d:%d %s\n" (line-number-at-pos) (1+ (current-column)) (flymake-diagnostic-text found))))

(goto-char (point-min))
(search-forward "ssh in on inet0 ")
(let ((table (nth 2 (eglot-completion-at-point))))
  (princ (format "completes: %s\n" (mapconcat #'substring-no-properties (all-completions "" table) ", "))))

(goto-char (point-min))
(search-forward "loopbck")
(backward-char)
;; The way out that eglot would take: asked at the keyboard, not by the mouse.
(cl-letf (((symbol-function 'completing-read) (lambda (&rest arguments) (nth 6 arguments)))
          (last-nonmenu-event t))
  (call-interactively #'eglot-code-actions))
(eglot-format-buffer)
(princ (buffer-substring-no-properties (point-min) (point-max)))
(eglot-shutdown (eglot-current-server))
