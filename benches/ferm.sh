#!/usr/bin/env bash
# The same peers with ferm and with cgwfw: 60,000 rules from 10,000 IPsec peers, half of them IPv4 and half IPv6.
# By hand, with ferm installed: benches/ferm.sh [RUNS]. CGWFW is the program to measure, else the release build is.
#
# Both read one policy, a line for each peer, and write the text that the restore tools load, to files; neither
# touches a kernel. Runs alternate, so that a busy machine is busy for both. Fails when they do not give the same rules.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-7}
sentences=10000
command -v ferm >/dev/null || { echo "ferm is not installed: apt-get install ferm" >&2; exit 2; }
if [ -z "${CGWFW:-}" ]; then
    cargo build --release --locked
    CGWFW=${CARGO_TARGET_DIR:-target}/release/cgwfw
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The peers of benches/policies.rs: in turn one of 198.18.0.0/15 and one of 2001:2::/48.
awk -v sentences="$sentences" 'BEGIN {
    for (i = 0; i < sentences; i++) {
        n = int(i / 2) + 1
        print i % 2 ? sprintf("ip6 2001:2::%x", n) : sprintf("ip 198.%d.%d.%d", 18 + int(n / 65536), int(n / 256) % 256, n % 256)
    }
}' >"$work/peers"
{
    printf 'interface inet0 public\ndefault drop\n'
    awk '{ print "allow ipsec peer " $2 " on inet0" }' "$work/peers"
} >"$work/policy.cgwfw"
# ferm as one would write it: for each peer a function call, which gives its six rules.
{
    cat <<'FERM'
domain (ip ip6) table filter chain (INPUT FORWARD OUTPUT) policy DROP;
@def &ipsec($family, $peer) = {
    domain $family table filter {
        chain INPUT saddr $peer interface inet0 {
            proto esp ACCEPT;
            proto udp sport 500 dport 500 ACCEPT;
            proto udp sport 4500 dport 4500 ACCEPT;
        }
        chain OUTPUT daddr $peer outerface inet0 {
            proto esp ACCEPT;
            proto udp sport 500 dport 500 ACCEPT;
            proto udp sport 4500 dport 4500 ACCEPT;
        }
    }
}
FERM
    awk '{ print "&ipsec(" $1 ", " $2 ");" }' "$work/peers"
} >"$work/policy.ferm"

run_cgwfw() { "$CGWFW" build "$work/policy.cgwfw" -o "$work/rules"; }
run_ferm() { ferm --noexec --lines "$work/policy.ferm" >"$work/ferm.rules"; }


# A family's rules, one a line, in the spelling of iptables-save and in one order.
rules_of_ferm() {
    ferm --noexec --lines --domain "$1" "$work/policy.ferm" | sed -nE "/^-A/ {
        s/--in-interface/-i/; s/--out-interface/-o/; s/--jump/-j/
        s/--protocol udp/-p udp -m udp/; s/--protocol/-p/
        s:--source ([^ ]+):-s \\1/$2:; s:--destination ([^ ]+):-d \\1/$2:
        p
    }" | sort
}
rules_of_cgwfw() { grep '^-A' "$work/rules/$1.rules" | sort; }

# Both once, unmeasured: the files come into the cache, and the rules are compared.
run_ferm
run_cgwfw
for family in "ip 32 iptables" "ip6 128 ip6tables"; do
    read -r domain length file <<<"$family"
    rules_of_ferm "$domain" "$length" >"$work/ferm"
    rules_of_cgwfw "$file" >"$work/cgwfw"
    if ! cmp -s "$work/ferm" "$work/cgwfw"; then
        echo "$file: ferm and cgwfw give different rules" >&2
        diff "$work/ferm" "$work/cgwfw" | head -5 >&2 || true
        exit 1
    fi
done
count() { cat "$@" | grep -c '^-A'; }
rules=$(count "$work/rules/iptables.rules" "$work/rules/ip6tables.rules")
if [ "$rules" != $((sentences * 6)) ] || [ "$(count "$work/ferm.rules")" != "$rules" ]; then
    echo "$rules rules by cgwfw, $(count "$work/ferm.rules") by ferm" >&2
    exit 1
fi

# Appends the microseconds that a command takes to a file. Each writes new files: the kernel's time for taking away large
# old ones, whose pages it may still be writing, is not a time of either program.
measure() {
    local times=$1 start end
    shift
    rm -rf "$work/rules" "$work/ferm.rules"
    start=$(date +%s%N)
    "$@"
    end=$(date +%s%N)
    echo $(((end - start) / 1000)) >>"$times"
}
median() { sort -n "$1" | awk '{ at[NR] = $1 } END { print (at[int((NR + 1) / 2)] + at[int(NR / 2) + 1]) / 2 }'; }

for _ in $(seq "$runs"); do
    measure "$work/ferm.times" run_ferm
    measure "$work/cgwfw.times" run_cgwfw
done
ferm --version | head -1
"$CGWFW" --version
awk -v ferm="$(median "$work/ferm.times")" -v cgwfw="$(median "$work/cgwfw.times")" -v rules="$rules" -v runs="$runs" 'BEGIN {
    printf "%d rules, the same from both; medians of %d runs\n", rules, runs
    printf "ferm   %8.1f ms\ncgwfw  %8.1f ms\nratio  %8.1f\n", ferm / 1000, cgwfw / 1000, ferm / cgwfw
}'
