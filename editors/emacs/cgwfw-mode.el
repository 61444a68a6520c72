;;; cgwfw-mode.el --- Firewall policies of cgwfw  -*- lexical-binding: t -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "27.1"))
;; Keywords: languages
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Colours for `.cgwfw' files.  With eglot the language server does the rest: M-x eglot.

;;; Code:

(defgroup cgwfw nil
  "Firewall policies of cgwfw."
  :group 'languages)

(defcustom cgwfw-program "cgwfw"
  "The program, or the path to it."
  :type 'string)

;; An empty line ends what is generated.
(defconst cgwfw--core
  ;; generated: core
  '("default" "interface" "define" "include" "rules" "expect" "lint")

  "The first words of the sentences that are no building blocks.")

(defconst cgwfw--names
  ;; generated: names
  '(("accept" "router-advertisements")
    ("allow" "bfd" "bgp" "calico" "dhcp" "dns" "established" "gre" "http" "http3" "https" "icmp" "igmp" "imaps"
      "ipsec" "ldap" "ldaps" "loopback" "mdns" "metrics" "neighbor-discovery" "ntp" "ospf" "radius" "rdp"
      "router-advertisements" "routing" "smtp" "snmp" "ssh" "syslog" "tunnel" "vrrp" "vti" "vxlan" "wireguard")
    ("clamp" "mss to pmtu" "mss")
    ("dnat")
    ("drop" "bogons" "dns" "http" "http3" "https" "imaps" "invalid" "ldap" "ldaps" "metrics" "ntp" "radius" "rdp"
      "smtp" "snmp" "spoofed" "ssh" "syslog")
    ("helper")
    ("log" "dns" "http" "http3" "https" "imaps" "ldap" "ldaps" "metrics" "ntp" "radius" "rdp" "smtp" "snmp" "ssh"
      "syslog")
    ("map")
    ("mark" "connection")
    ("masquerade")
    ("no" "nat")
    ("notrack")
    ("publish")
    ("reassemble" "fragments")
    ("redirect")
    ("reject" "dns" "http" "http3" "https" "imaps" "ldap" "ldaps" "metrics" "ntp" "radius" "rdp" "smtp" "snmp" "ssh"
      "syslog")
    ("snat"))

  "By verb, the words behind it that name a building block.")

(defconst cgwfw--not-names
  ;; generated: not names
  '("no ipsec in" "no ipsec out" "as port" "by mark" "connection mark" "except ipsec" "floating ports" "hairpin on"
    "in on" "ipsec in" "ipsec out" "no ipsec" "no syn" "original to" "out on" "over limit" "per source"
    "source port" "to group" "with ah" "with fragments" "without esp" "without nat-traversal" "without routing"
    "Q.931" "RAS" "ah" "all" "amanda" "and" "as" "between" "burst" "code" "comment" "dccp" "eigrp" "esp" "except"
    "flags" "forward" "fragment" "from" "ftp" "gre" "icmp" "igmp" "in" "ip6ip6" "ipip" "ipsec" "ipv6" "irc" "l2tp"
    "limit" "log" "loose" "mark" "multihop" "netbios-ns" "not" "on" "only" "ospf" "out" "over" "peer" "persistent"
    "pim" "port" "pptp" "protocol" "sane" "sctp" "set" "sip" "sit" "snmp" "snmp_trap" "spoofed" "state" "tcp"
    "tftp" "through" "to" "ttl" "type" "udp" "udplite" "vrrp" "with")

  "Words after a verb that are not the name of a block.")

(defconst cgwfw--clauses
  ;; generated: clauses
  '("no ipsec in" "no ipsec out" "as port" "by mark" "connection mark" "except ipsec" "floating ports" "hairpin on"
    "in on" "ipsec in" "ipsec out" "no ipsec" "no syn" "original to" "out on" "over limit" "per source"
    "source port" "to group" "with ah" "with fragments" "without esp" "without nat-traversal" "without routing"
    "ah" "all" "and" "as" "between" "burst" "code" "comment" "dccp" "eigrp" "esp" "except" "flags" "forward"
    "fragment" "from" "gre" "icmp" "igmp" "in" "ip6ip6" "ipip" "ipsec" "ipv6" "l2tp" "limit" "log" "loose" "mark"
    "multihop" "not" "on" "only" "ospf" "out" "over" "peer" "persistent" "pim" "port" "protocol" "sctp" "set" "sit"
    "spoofed" "state" "tcp" "through" "to" "ttl" "type" "udp" "udplite" "vrrp" "with")

  "The words of clauses.")

(defconst cgwfw--interfaces
  ;; generated: interfaces
  '("hairpin on" "in on" "out on" "and" "between" "on" "over" "through")

  "The words of clauses that an interface comes after.")

(defconst cgwfw--values
  ;; generated: values
  '("Q.931" "RAS" "accept" "admin-prohibited" "amanda" "amqp" "amqps" "any" "auth" "bacula-dir" "bfd-control"
    "bfd-echo" "bfd-lag" "bfd-multi-ctl" "bgp" "bootpc" "bootps" "both" "bridge" "calico" "chargen" "coap" "coaps"
    "daytime" "deny" "destination-unreachable" "dhcpv6-client" "dhcpv6-server" "diameter" "diameters" "discard"
    "dns" "docker" "docker-s" "domain" "domain-s" "drop" "echo" "echo-reply" "echo-request" "epmap" "error"
    "established" "etcd-client" "etcd-server" "filter" "finger" "first" "forward" "ftp" "ftp-data" "geneve" "git"
    "gopher" "gre" "gre-in-udp" "gretap" "gsigatekeeper" "gtp-c" "gtp-u" "hkp" "host-prohibited" "host-unreachable"
    "http" "http-alt" "https" "https-alt" "ident" "imap" "imap2" "imaps" "input" "invalid" "ipfix" "ipfixs" "ipip"
    "ipp" "ipsec-nat-t" "ipv4" "ipv6" "irc" "isakmp" "iscsi-target" "kerberos" "kpasswd" "l2f" "l2tp" "later"
    "ldap" "ldaps" "ldp" "lisp-control" "lisp-data" "llmnr" "m2ua" "m3ua" "mangle" "mdns" "microsoft-ds" "mld-done"
    "mld-query" "mld-report" "mld2-report" "mpls-udp" "mqtt" "ms-wbt-server" "msdp" "mysql" "nat"
    "neighbor-advertisement" "neighbor-solicitation" "net-prohibited" "net-unreachable" "netbios-dgm" "netbios-ns"
    "netbios-ssn" "netconf-ssh" "new" "nfs" "nntp" "note" "nqs" "ntp" "off" "openvpn" "output" "packet-too-big"
    "parameter-problem" "policy-fail" "pop3" "pop3s" "port-unreachable" "postgresql" "pptp" "printer"
    "proto-unreachable" "ptp-event" "ptp-general" "public" "puppet" "radius" "radius-acct" "raw" "redirect" "redis"
    "reject" "reject-route" "related" "rfb" "rip" "ripng" "router-advertisement" "router-solicitation" "rsync"
    "rtsp" "s1-control" "sane" "secure-mqtt" "service" "sflow" "sip" "sip-tls" "sit" "smtp" "snmp" "snmp-trap"
    "snmp_trap" "snmptrap" "socks" "ssdp" "ssh" "stun" "stuns" "sua" "submission" "submissions" "sunrpc" "svn"
    "syslog" "syslog-tls" "tacacs" "tcp-reset" "telnet" "tftp" "time" "time-exceeded" "turn" "untracked" "vlan"
    "vti" "vxlan" "warn" "whois" "wireguard" "ws-discovery" "wsman" "x11" "x2-control" "xfrm" "xmpp-client"
    "xmpp-server" "zabbix-agent" "zabbix-trapper")

  "Values that have a name.")

(defun cgwfw--phrases (phrases)
  "A regular expression for any of PHRASES, as whole words."
  (concat "\\_<" (replace-regexp-in-string " " "[ \t]+" (regexp-opt phrases t) t t) "\\_>"))

(defun cgwfw--begins-p (at)
  "Whether a sentence begins in the line that begins AT."
  (goto-char at)
  (and (zerop (car (syntax-ppss at)))
       (not (looking-back "\\\\[ \t]*\n" (line-beginning-position 0)))))

(defun cgwfw--sentence-p (at)
  "Whether AT is in a sentence, and not in the lines of `rules'."
  (let ((brace (car (nth 9 (syntax-ppss at)))))
    (goto-char (or brace at))
    (beginning-of-line)
    (not (and brace (looking-at "[ \t]*rules\\_>")))))

(defun cgwfw--where (holds regexp)
  "A search for REGEXP in the places of which HOLDS is true."
  (lambda (limit)
    (let ((found nil))
      (while (and (not found) (re-search-forward regexp limit t))
        (setq found (save-match-data (save-excursion (funcall holds (match-beginning 0))))))
      found)))

(defconst cgwfw--own-name
  (concat "[ \t]+\\(?:" (cgwfw--phrases cgwfw--not-names) "\\|\\([a-z][a-z0-9-]*\\)\\_>\\)")
  "What stands behind a verb: a clause, or a word of a name.")

(defun cgwfw--own-name (_limit)
  "Find the next word behind a verb that has no colour yet, up to the first clause."
  (and (looking-at cgwfw--own-name)
       (match-beginning 2)
       (not (get-text-property (match-beginning 2) 'face))
       (goto-char (match-end 0))))

(defun cgwfw--named (entry)
  "The colours of the sentences of ENTRY, a verb and the names behind it."
  (let ((verb (concat "^[ \t]*\\(" (car entry) "\\)\\_>")))
    (delq nil
          (list
           (and (cdr entry)
                `(,(cgwfw--where #'cgwfw--begins-p (concat verb "[ \t]+" (cgwfw--phrases (cdr entry))))
                  (1 font-lock-keyword-face) (2 font-lock-function-name-face)))
           ;; Words that no block of the library has may be those of one's own.
           `(,(cgwfw--where #'cgwfw--begins-p verb) (1 font-lock-keyword-face)
             (cgwfw--own-name nil nil (2 font-lock-function-name-face)))))))

(defconst cgwfw-font-lock-keywords
  (let ((begins (lambda (regexp) (cgwfw--where #'cgwfw--begins-p (concat "^[ \t]*" regexp))))
        (within (lambda (regexp) (cgwfw--where #'cgwfw--sentence-p regexp)))
        (long (seq-filter (lambda (phrase) (string-match-p " " phrase)) cgwfw--clauses)))
    `((,(funcall begins (cgwfw--phrases cgwfw--core)) 1 font-lock-keyword-face)
      (,(funcall begins "define[ \t]+\\([A-Za-z0-9._-]+\\)") 1 font-lock-variable-name-face)
      (,(funcall begins "interface[ \t]+\\([A-Za-z0-9._-]+\\)") 1 font-lock-type-face)
      (,(funcall begins "lint[ \t]+\\([a-z0-9_]+\\)") 1 font-lock-constant-face)
      ,@(apply #'append (mapcar #'cgwfw--named cgwfw--names))
      (,(funcall begins "\\([a-z][a-z0-9-]*\\)\\_>") 1 font-lock-function-name-face)
      ("\\$[A-Za-z0-9._-]+" . font-lock-variable-name-face)
      (,(funcall within "[ \t]\\(=\\)[ \t]") 1 font-lock-builtin-face)
      (,(funcall within "\\_<only[ \t]+\\([a-z0-9]+\\)") 1 font-lock-constant-face)
      (,(funcall within (cgwfw--phrases long)) . font-lock-builtin-face)
      (,(funcall within (concat (cgwfw--phrases cgwfw--interfaces)
                                "[ \t]+\\(?:\\(not\\)[ \t]+\\)?\\(?:\\([A-Za-z0-9._+-]+\\)\\|{\\)"))
       (1 font-lock-builtin-face) (2 font-lock-builtin-face nil t) (3 font-lock-type-face nil t))
      (,(funcall within (cgwfw--phrases cgwfw--clauses)) . font-lock-builtin-face)
      (,(funcall within (cgwfw--phrases cgwfw--values)) . font-lock-constant-face)
      ;; The lines of `rules'.
      ("^[ \t]*\\(-A\\|:\\)[ \t]*\\([A-Za-z0-9._-]+\\)" (1 font-lock-keyword-face) (2 font-lock-type-face))
      ("[ \t]\\(-[jg]\\)[ \t]+\\([A-Za-z0-9._-]+\\)" (1 font-lock-builtin-face) (2 font-lock-function-name-face))
      ("[ \t]\\(--?[A-Za-z][A-Za-z0-9-]*\\)" 1 font-lock-builtin-face)))
  "The colours of a policy.")

(defvar cgwfw-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?\\ "\\" table)
    (modify-syntax-entry ?{ "(}" table)
    (modify-syntax-entry ?} "){" table)
    (dolist (char (string-to-list "-_.:/+*="))
      (modify-syntax-entry char "_" table))
    table)
  "What the characters of a policy are.")

;;;###autoload
(define-derived-mode cgwfw-mode prog-mode "cgwfw"
  "Firewall policies of cgwfw."
  (setq-local comment-start "# ")
  (setq-local comment-start-skip "#+[ \t]*")
  (setq-local indent-tabs-mode nil)
  (setq-local font-lock-defaults '(cgwfw-font-lock-keywords)))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.cgwfw\\'" . cgwfw-mode))

(defvar eglot-server-programs)
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs (cons 'cgwfw-mode (lambda (&rest _) (list cgwfw-program "lsp")))))

(provide 'cgwfw-mode)
;;; cgwfw-mode.el ends here
