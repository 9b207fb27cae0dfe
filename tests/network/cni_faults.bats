#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# nsrun as the plugins of another runtime: each one of a list of five is failed and killed after each of its steps, and
# killed at a sample of its system calls (NSRUN_SWEEP as in tests/integration/sweep.bats). Whatever DEL and GC then
# find, they leave nothing, and the next ADD works.

load ../helpers
load ../recovery

TYPES=(bridge portmap firewall bandwidth tuning)

setup_file()
{
	export KILLAT=$BUILD/tests/killat FAULTY=$BUILD/tests/nsrun-faults
	[[ -x $KILLAT && -x $FAULTY ]] || fail "$KILLAT, $FAULTY: not built; make check does it"
	# The leak detector of a build with sanitizers stops itself by ptrace, and cannot be traced.
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	echo 0 >"$BATS_FILE_TMPDIR/points"
}
teardown_file() { echo "# tried: $(<"$BATS_FILE_TMPDIR/points") points of CNI plugins" >&3; }

setup()
{
	test_begin
	NETNS=cni-$ID
	LEASES=$BATS_TEST_TMPDIR/leases
	make_run_netns
	ip netns add "$NETNS"
	ip -n "$NETNS" link set lo up
	# A host that lets nothing through by itself.
	iptables-nft -P FORWARD DROP
	ip6tables-nft -P FORWARD DROP
	bare=$(host)
	make_configs
	# What the first one makes, and the last one's GC takes away.
	prev=
	add
	del
	before=$(snapshot)
}

teardown()
{
	prev=
	gc || true
	ip netns del "$NETNS"
	nft delete table ip filter
	nft delete table ip6 filter
	umount /run/netns
	rm -rf /run/cni
	test_end
}

make_configs()
{
	local type
	declare -gA CONFIG
	for type in "${TYPES[@]}"; do
		CONFIG[$type]=$(jq -c --arg type "$type" --arg leases "$LEASES" '{cniVersion: "1.1.0", name: "web", type: $type} + .[$type]' <<-'END'
			{
				"bridge": {"bridge": "br-cni", "isDefaultGateway": true, "ipMasq": true, "hairpinMode": true, "ipam": {
					"type": "host-local", "dataDir": "LEASES", "ranges": [[{"subnet": "10.61.0.0/24"}], [{"subnet": "fd00:61::/64"}]]}},
				"portmap": {"runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80},
					{"hostPort": 8053, "containerPort": 53, "protocol": "udp"}]}},
				"firewall": {"backend": "iptables", "ingressPolicy": "isolated", "iptablesAdminChainName": "MINE"},
				"bandwidth": {"ingressRate": 8000000, "ingressBurst": 800000, "egressRate": 8000000, "egressBurst": 800000},
				"tuning": {"sysctl": {"net.core.somaxconn": "500"}, "mtu": 1400, "txQLen": 500}
			}
		END
		)
		CONFIG[$type]=${CONFIG[$type]/LEASES/$LEASES}
	done
}

# plugin COMMAND TYPE PROGRAM...: as a runtime calls it, prevResult being $prev.
plugin()
{
	local command=$1 type=$2 config
	shift 2
	config=${CONFIG[$type]}
	[[ ! $prev ]] || config="${config%\}},\"prevResult\":$prev}"
	[[ $command != GC ]] || config="${config%\}},\"cni.dev/valid-attachments\":[]}"
	env -i PATH="$PATH" ASAN_OPTIONS="$ASAN_OPTIONS" CNI_COMMAND="$command" CNI_CONTAINERID="c-$ID" CNI_NETNS="/run/netns/$NETNS" \
		CNI_IFNAME=eth0 ${NSRUN_FAULT:+NSRUN_FAULT="$NSRUN_FAULT"} timeout $((20 * ${TEST_PATIENCE:-1})) "$@" "${program-$NSRUN}" cni "$type" <<<"$config"
}

# add [TYPE]: all of the list, or those before TYPE; $prev is the result.
add()
{
	local type
	prev=
	for type in "${TYPES[@]}"; do
		[[ $type != "${1-}" ]] || return 0
		prev=$(plugin ADD "$type")
		[[ $prev == *'"ips"'* ]] || fail "ADD of $type: $prev"
	done
}

# del: in reverse, all of it, though one fails.
del()
{
	local i rc=0
	for ((i = ${#TYPES[@]} - 1; i >= 0; i--)); do
		plugin DEL "${TYPES[i]}" || rc=1
	done
	return "$rc"
}

gc()
{
	local type rc=0
	for type in "${TYPES[@]}"; do
		plugin GC "$type" || rc=1
	done
	return "$rc"
}

host()
{
	ip -o link | cut -d: -f2 | cut -d@ -f1
	nft list ruleset
}

snapshot()
{
	host
	ip -n "$NETNS" -o addr | sed 's/valid_lft.*//'
	ip -n "$NETNS" route
	ip -n "$NETNS" -6 route
	find /run/nsrun /run/cni "$LEASES" -mindepth 1 ! -name 'last_reserved_ip.*' ! -name lock | sort
}

# is_undone WHAT: all is as it was before.
is_undone()
{
	local now
	now=$(snapshot)
	[[ $now == "$before" ]] || fail "$1: left behind: $(diff <(echo "$before") <(echo "$now"))"
	point
}

# After an ADD that was not finished a runtime knows no result.
after_add()
{
	prev=
	del || fail "$1: DEL"
	is_undone "$1"
	((RANDOM % 4)) || works "$1"
}

works()
{
	add || fail "$1: the next ADD"
	prev=
	del || fail "$1: its DEL"
	is_undone "$1, then ADD and DEL"
}

after_del()
{
	((RANDOM % 2)) || prev=
	del || fail "$1: the next DEL"
	is_undone "$1"
	((RANDOM % 4)) || works "$1"
}

# What GC leaves of a network that nobody is on: nothing. Its plugins may go on where the one before died.
after_gc()
{
	local left
	prev=
	gc || fail "$1: the next GC"
	left=$(find /run/nsrun "$LEASES" -mindepth 1 ! -type d ! -name 'last_reserved_ip.*' ! -name lock)
	[[ ! $left ]] || fail "$1: left behind: $left"
	[[ $(host) == "$bare" ]] || fail "$1: left behind: $(diff <(echo "$bare") <(host))"
	point
}

# ---- fault points ----

# faults COMMAND TYPE: of each step, "STEP" and "STEP=kill"; where processors are emulated, of every third.
faults()
{
	local nth every=$((${TEST_PATIENCE:-1} > 1 ? 3 : 1))
	NSRUN_FAULT=list program=$FAULTY plugin "$1" "$2" 2>"$BATS_TEST_TMPDIR/steps" >/dev/null
	mapfile -t names < <(sed -n 's/^step: //p' "$BATS_TEST_TMPDIR/steps" | awk '!seen[$0]++')
	((${#names[@]})) || fail "$1 of $2 has no steps: $(<"$BATS_TEST_TMPDIR/steps")"
	for ((nth = RANDOM % every; nth < ${#names[@]}; nth += every)); do
		printf '%s\n' "${names[nth]}" "${names[nth]}=kill"
	done >"$BATS_TEST_TMPDIR/faults"
}

# broken COMMAND TYPE FAULT: it does not end well.
broken()
{
	status=0
	{ # into the void: the shell's own "Killed"
		NSRUN_FAULT=$3 program=$FAULTY plugin "$1" "$2" >"$BATS_TEST_TMPDIR/out" 2>&1 || status=$?
	} 2>/dev/null
	[[ $status == "$([[ $3 == *=kill ]] && echo 137 || echo 1)" ]] ||
		fail "$1 of $2, \"$3\": status $status: $(<"$BATS_TEST_TMPDIR/out")"
}

@test "ADD, failed and killed after each step: a failure undoes its part, DEL the rest" {
	local type fault fine
	for type in "${TYPES[@]}"; do
		add "$type"
		faults ADD "$type"
		after_add list
		while read -r fault <&9; do
			add "$type"
			fine=$(snapshot)
			broken ADD "$type" "$fault"
			if [[ $fault != *=kill ]]; then
				diff <(echo "$fine") <(snapshot) || fail "$type, \"$fault\": left behind"
			fi
			after_add "ADD of $type, \"$fault\""
		done 9<"$BATS_TEST_TMPDIR/faults"
	done
}

@test "DEL, failed and killed after each step: the next one finishes it" {
	local type fault
	for type in "${TYPES[@]}"; do
		add
		faults DEL "$type"
		after_del list
		while read -r fault <&9; do
			add
			broken DEL "$type" "$fault"
			after_del "DEL of $type, \"$fault\""
		done 9<"$BATS_TEST_TMPDIR/faults"
	done
}

@test "GC, failed and killed after each step: the next one finishes it" {
	local type fault
	for type in "${TYPES[@]}"; do
		add
		prev=
		faults GC "$type"
		after_gc list
		while read -r fault <&9; do
			add
			prev=
			broken GC "$type" "$fault"
			after_gc "GC of $type, \"$fault\""
		done 9<"$BATS_TEST_TMPDIR/faults"
	done
}

# ---- system calls ----

# killed COMMAND TYPE N|count
killed()
{
	status=0
	{
		plugin "$1" "$2" "$KILLAT" "$3" >"$BATS_TEST_TMPDIR/out" 2>&1 || status=$?
	} 2>/dev/null
	((status < 120 || status > 128)) || ((status == 120)) || # of timeout, of killat
		fail "$*: status $status: $(<"$BATS_TEST_TMPDIR/out")"
}

# sweep COMMAND POINTS: each of the list dies at each of POINTS of its system calls, evenly spread from a random one on.
# before_one TYPE makes what it needs, after_one WHAT looks.
sweep()
{
	local type points total offset nth at patience=${TEST_PATIENCE:-1}
	for type in "${TYPES[@]}"; do
		before_one "$type"
		killed "$1" "$type" count
		((status == 0)) || fail "$1 of $type: $(<"$BATS_TEST_TMPDIR/out")"
		total=$(tail -n 1 "$BATS_TEST_TMPDIR/out")
		[[ $total =~ ^[0-9]+$ ]] && ((total >= 20)) || fail "only $total system calls of $type"
		after_one "$1 of $type: counted"
		points=${NSRUN_SWEEP:-$((($2 + patience - 1) / patience))}
		[[ $points != all ]] && ((points < total)) || points=$total
		offset=$((RANDOM % 1000))
		for ((nth = 0; nth < points; nth++)); do
			at=$(((nth * 1000 + offset) * total / points / 1000 + 1))
			before_one "$type"
			killed "$1" "$type" "$at"
			after_one "$1 of $type, system call $at of $total ($(grep killat: "$BATS_TEST_TMPDIR/out" | cut -c1-80))"
		done
	done
}

@test "ADD, killed at system calls: DEL leaves nothing, the next ADD works" {
	before_one() { add "$1"; }
	after_one() { after_add "$1"; }
	sweep ADD 4
}

@test "DEL, killed at system calls: the next one leaves nothing" {
	before_one() { add; }
	after_one() { after_del "$1"; }
	sweep DEL 3
}

@test "GC, killed at system calls: the next one leaves an empty host" {
	before_one()
	{
		add
		prev=
	}
	after_one() { after_gc "$1"; }
	sweep GC 3
}
