" cgwfw policies. An empty line ends what is generated.
if exists('b:current_syntax')
  finish
endif
syntax case match
syntax sync fromstart

syntax match cgwfwComment /#.*/ contains=@Spell
" A sentence ends with its line, but for lists in braces and a backslash.
syntax region cgwfwSentence start=/^\ze\s*[^[:blank:]#]/ end=/$/ transparent contains=@cgwfwParts,cgwfwVerb,cgwfwNewVerb
syntax cluster cgwfwParts contains=cgwfwComment,cgwfwString,cgwfwVariable,cgwfwNumber,cgwfwEquals,cgwfwValue,cgwfwClause,cgwfwOnly,cgwfwList,cgwfwContinued
syntax match cgwfwContinued /\\\s*\n\s*/ contained
syntax region cgwfwList matchgroup=cgwfwBrace start=/{/ end=/}/ contained contains=@cgwfwParts

syntax match cgwfwNumber /\v[^[:blank:],{}"]@1<!%(\d[^[:blank:],{}"#$\\]*|[^[:blank:],{}"#$\\]*:[^[:blank:],{}"#$\\]*)/ contained
syntax match cgwfwVariable /\$[A-Za-z0-9._-]\+/ contained
syntax match cgwfwEscape /\\["\\]/ contained
syntax region cgwfwString start=/"/ skip=/\\["\\]/ end=/"/ oneline contained contains=cgwfwEscape
syntax match cgwfwEquals /\s\@1<==\_s\@=/ contained
syntax match cgwfwInterface /[A-Za-z0-9._+-]\+/ contained
syntax match cgwfwFamily /[a-z0-9]\+/ contained
syntax match cgwfwDefined /[A-Za-z0-9._-]\+/ contained
syntax match cgwfwLint /[a-z_]\+/ contained

" generated: values
syntax match cgwfwValue /\v[^[:blank:],{}"]@1<!%(Q.931|RAS|accept|admin-prohibited|amanda|amqp|amqps|any|auth|bacula-dir|bfd-control|bfd-echo|bfd-lag|bfd-multi-ctl|bgp|bootpc|bootps|both|bridge|calico|chargen|coap|coaps|daytime|deny|destination-unreachable|dhcpv6-client|dhcpv6-server|diameter|diameters|discard|dns|docker|docker-s|domain|domain-s|drop|echo|echo-reply|echo-request|epmap|error|established|etcd-client|etcd-server|filter|finger|first|forward|ftp|ftp-data|geneve|git|gopher|gre|gre-in-udp|gretap|gsigatekeeper|gtp-c|gtp-u|hkp|host-prohibited|host-unreachable|http|http-alt|https|https-alt|ident|imap|imap2|imaps|input|invalid|ipfix|ipfixs|ipip|ipp|ipsec-nat-t|ipv4|ipv6|irc|isakmp|iscsi-target|kerberos|kpasswd|l2f|l2tp|later|ldap|ldaps|ldp|lisp-control|lisp-data|llmnr|m2ua|m3ua|mangle|mdns|microsoft-ds|mld-done|mld-query|mld-report|mld2-report|mpls-udp|mqtt|ms-wbt-server|msdp|mysql|nat|neighbor-advertisement|neighbor-solicitation|net-prohibited|net-unreachable|netbios-dgm|netbios-ns|netbios-ssn|netconf-ssh|new|nfs|nntp|note|nqs|ntp|off|openvpn|output|packet-too-big|parameter-problem|policy-fail|pop3|pop3s|port-unreachable|postgresql|pptp|printer|proto-unreachable|ptp-event|ptp-general|public|puppet|radius|radius-acct|raw|redirect|redis|reject|reject-route|related|rfb|rip|ripng|router-advertisement|router-solicitation|rsync|rtsp|s1-control|sane|secure-mqtt|service|sflow|sip|sip-tls|sit|smtp|snmp|snmp-trap|snmp_trap|snmptrap|socks|ssdp|ssh|stun|stuns|sua|submission|submissions|sunrpc|svn|syslog|syslog-tls|tacacs|tcp-reset|telnet|tftp|time|time-exceeded|turn|untracked|vlan|vti|vxlan|warn|whois|wireguard|ws-discovery|wsman|x11|x2-control|xfrm|xmpp-client|xmpp-server|zabbix-agent|zabbix-trapper)[^[:blank:],{}"#$\\]@!/ contained

" generated: clauses
syntax match cgwfwClause /\v[^[:blank:],{}"]@1<!%(ah|all|as|burst|code|comment|dccp|eigrp|esp|except|flags|forward|fragment|from|gre|icmp|igmp|in|ip6ip6|ipip|ipsec|ipv6|l2tp|limit|log|loose|mark|multihop|not|only|ospf|out|peer|persistent|pim|port|protocol|sctp|set|sit|spoofed|state|tcp|to|ttl|type|udp|udplite|vrrp|with)[^[:blank:],{}"#$\\]@!/ contained
syntax match cgwfwClause /\v[^[:blank:],{}"]@1<!%(and|between|on|over|through)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwNot,cgwfwInterface skipwhite
syntax match cgwfwClause /\v[^[:blank:],{}"]@1<!%(no\s+ipsec\s+in|no\s+ipsec\s+out|as\s+port|by\s+mark|connection\s+mark|except\s+ipsec|floating\s+ports|ipsec\s+in|ipsec\s+out|no\s+ipsec|no\s+syn|original\s+to|over\s+limit|per\s+source|source\s+port|to\s+group|with\s+ah|with\s+fragments|without\s+esp|without\s+nat-traversal|without\s+routing)[^[:blank:],{}"#$\\]@!/ contained
syntax match cgwfwClause /\v[^[:blank:],{}"]@1<!%(hairpin\s+on|in\s+on|out\s+on)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwNot,cgwfwInterface skipwhite

syntax match cgwfwOnly /\v[^[:blank:],{}"]@1<!only\ze\s/ contained nextgroup=cgwfwFamily skipwhite
syntax match cgwfwNot /\v<not\ze\s/ contained nextgroup=cgwfwInterface skipwhite

" A verb that no block has, words behind a verb that are none of the library.
syntax match cgwfwNewVerb /\v^\s*\zs[a-z][a-z0-9-]*[^[:blank:],{}"#$\\]@!/ contained
" generated: names
syntax match cgwfwOwnName /\v%(%(no\s+ipsec\s+in|no\s+ipsec\s+out|as\s+port|by\s+mark|connection\s+mark|except\s+ipsec|floating\s+ports|hairpin\s+on|in\s+on|ipsec\s+in|ipsec\s+out|no\s+ipsec|no\s+syn|original\s+to|out\s+on|over\s+limit|per\s+source|source\s+port|to\s+group|with\s+ah|with\s+fragments|without\s+esp|without\s+nat-traversal|without\s+routing|Q.931|RAS|ah|all|amanda|and|as|between|burst|code|comment|dccp|eigrp|esp|except|flags|forward|fragment|from|ftp|gre|icmp|igmp|in|ip6ip6|ipip|ipsec|ipv6|irc|l2tp|limit|log|loose|mark|multihop|netbios-ns|not|on|only|ospf|out|over|peer|persistent|pim|port|pptp|protocol|sane|sctp|set|sip|sit|snmp|snmp_trap|spoofed|state|tcp|tftp|through|to|ttl|type|udp|udplite|vrrp|with)[^[:blank:],{}"#$\\]@!)@![a-z][a-z0-9-]*[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwOwnName skipwhite
syntax match cgwfwVerb /\v^\s*\zs%(accept)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwName_accept,cgwfwOwnName skipwhite
syntax match cgwfwName_accept /\v%(router-advertisements)[^[:blank:],{}"#$\\]@!/ contained
highlight default link cgwfwName_accept cgwfwName
syntax match cgwfwVerb /\v^\s*\zs%(allow)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwName_allow,cgwfwOwnName skipwhite
syntax match cgwfwName_allow /\v%(bfd|bgp|calico|dhcp|dns|established|gre|http|http3|https|icmp|igmp|imaps|ipsec|ldap|ldaps|loopback|mdns|metrics|neighbor-discovery|ntp|ospf|radius|rdp|router-advertisements|routing|smtp|snmp|ssh|syslog|tunnel|vrrp|vti|vxlan|wireguard)[^[:blank:],{}"#$\\]@!/ contained
highlight default link cgwfwName_allow cgwfwName
syntax match cgwfwVerb /\v^\s*\zs%(clamp)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwName_clamp,cgwfwOwnName skipwhite
syntax match cgwfwName_clamp /\v%(mss\s+to\s+pmtu|mss)[^[:blank:],{}"#$\\]@!/ contained
highlight default link cgwfwName_clamp cgwfwName
syntax match cgwfwVerb /\v^\s*\zs%(dnat)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwOwnName skipwhite
syntax match cgwfwVerb /\v^\s*\zs%(drop)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwName_drop,cgwfwOwnName skipwhite
syntax match cgwfwName_drop /\v%(bogons|dns|http|http3|https|imaps|invalid|ldap|ldaps|metrics|ntp|radius|rdp|smtp|snmp|spoofed|ssh|syslog)[^[:blank:],{}"#$\\]@!/ contained
highlight default link cgwfwName_drop cgwfwName
syntax match cgwfwVerb /\v^\s*\zs%(helper)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwOwnName skipwhite
syntax match cgwfwVerb /\v^\s*\zs%(log)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwName_log,cgwfwOwnName skipwhite
syntax match cgwfwName_log /\v%(dns|http|http3|https|imaps|ldap|ldaps|metrics|ntp|radius|rdp|smtp|snmp|ssh|syslog)[^[:blank:],{}"#$\\]@!/ contained
highlight default link cgwfwName_log cgwfwName
syntax match cgwfwVerb /\v^\s*\zs%(map)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwOwnName skipwhite
syntax match cgwfwVerb /\v^\s*\zs%(mark)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwName_mark,cgwfwOwnName skipwhite
syntax match cgwfwName_mark /\v%(connection)[^[:blank:],{}"#$\\]@!/ contained
highlight default link cgwfwName_mark cgwfwName
syntax match cgwfwVerb /\v^\s*\zs%(masquerade)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwOwnName skipwhite
syntax match cgwfwVerb /\v^\s*\zs%(no)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwName_no,cgwfwOwnName skipwhite
syntax match cgwfwName_no /\v%(nat)[^[:blank:],{}"#$\\]@!/ contained
highlight default link cgwfwName_no cgwfwName
syntax match cgwfwVerb /\v^\s*\zs%(notrack)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwOwnName skipwhite
syntax match cgwfwVerb /\v^\s*\zs%(publish)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwOwnName skipwhite
syntax match cgwfwVerb /\v^\s*\zs%(reassemble)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwName_reassemble,cgwfwOwnName skipwhite
syntax match cgwfwName_reassemble /\v%(fragments)[^[:blank:],{}"#$\\]@!/ contained
highlight default link cgwfwName_reassemble cgwfwName
syntax match cgwfwVerb /\v^\s*\zs%(redirect)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwOwnName skipwhite
syntax match cgwfwVerb /\v^\s*\zs%(reject)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwName_reject,cgwfwOwnName skipwhite
syntax match cgwfwName_reject /\v%(dns|http|http3|https|imaps|ldap|ldaps|metrics|ntp|radius|rdp|smtp|snmp|ssh|syslog)[^[:blank:],{}"#$\\]@!/ contained
highlight default link cgwfwName_reject cgwfwName
syntax match cgwfwVerb /\v^\s*\zs%(snat)[^[:blank:],{}"#$\\]@!/ contained nextgroup=cgwfwOwnName skipwhite

" generated: core
syntax match cgwfwVerb /\v^\s*\zs%(default|interface|define|include|rules|expect|lint)[^[:blank:],{}"#$\\]@!/ contained

syntax match cgwfwVerb /^\s*\zsdefine\ze\s/ contained nextgroup=cgwfwDefined skipwhite
syntax match cgwfwVerb /^\s*\zsinterface\ze\s/ contained nextgroup=cgwfwInterface skipwhite
syntax match cgwfwVerb /^\s*\zslint\ze\s/ contained nextgroup=cgwfwLint skipwhite

" `rules`: lines of iptables-save.
syntax match cgwfwVerb /\v^\s*\zsrules\ze[[:blank:]{]/ contained nextgroup=cgwfwRulesHead
syntax match cgwfwRulesHead /\v%([^#{\\]|\\\s*\n)*/ contained transparent contains=cgwfwValue,cgwfwClause nextgroup=cgwfwRules
syntax region cgwfwRules matchgroup=cgwfwBrace start=/{/ end=/}/ contained contains=cgwfwRuleComment,cgwfwRuleString,cgwfwOption,cgwfwJump,cgwfwAppend
syntax match cgwfwRuleComment /\v%(^|\{@1<=)\s*#.*/ contained contains=@Spell
syntax region cgwfwRuleString start=/"/ skip=/\\./ end=/"/ oneline contained
syntax match cgwfwOption /\v[[:blank:]{]@1<=--?[A-Za-z][A-Za-z0-9-]*/ contained
syntax match cgwfwJump /\v[[:blank:]{]@1<=%(-j|-g)\ze\s/ contained nextgroup=cgwfwTarget skipwhite
syntax match cgwfwAppend /\v%(^|[[:blank:]{])@1<=%(-A\ze\s|:)/ contained nextgroup=cgwfwChain skipwhite
syntax match cgwfwTarget /[A-Za-z0-9._-]\+/ contained
syntax match cgwfwChain /[A-Za-z0-9._-]\+/ contained

highlight default link cgwfwComment Comment
highlight default link cgwfwRuleComment Comment
highlight default link cgwfwVerb Statement
highlight default link cgwfwNewVerb Function
highlight default link cgwfwName Function
highlight default link cgwfwOwnName Function
highlight default link cgwfwClause Type
highlight default link cgwfwOnly Type
highlight default link cgwfwNot Type
highlight default link cgwfwEquals Operator
highlight default link cgwfwValue Constant
highlight default link cgwfwFamily Constant
highlight default link cgwfwLint Constant
highlight default link cgwfwNumber Number
highlight default link cgwfwInterface Special
highlight default link cgwfwDefined Identifier
highlight default link cgwfwVariable Identifier
highlight default link cgwfwString String
highlight default link cgwfwRuleString String
highlight default link cgwfwEscape SpecialChar
highlight default link cgwfwContinued SpecialChar
highlight default link cgwfwBrace Delimiter
highlight default link cgwfwOption Type
highlight default link cgwfwJump Type
highlight default link cgwfwAppend Statement
highlight default link cgwfwTarget Function
highlight default link cgwfwChain Special

let b:current_syntax = 'cgwfw'
