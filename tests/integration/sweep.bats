#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# nsrun, or init, dies of SIGKILL at a system call (tests/killat.c), wherever that is, not only between steps as
# in faults.bats. Afterwards `delete --force` succeeds, nothing is left that was not there before, and the same id
# runs as if nothing had been.
#
# Of each verb's system calls a sample is tried: evenly spread, from a random offset on. NSRUN_SWEEP=N: N of each
# verb; NSRUN_SWEEP=all: every one. Where processors are emulated the sample is a sixth.

load ../helpers
load ../recovery

setup_file()
{
	KILLAT=${BUILD:-$(dirname "$NSRUN")}/tests/killat
	[[ -x $KILLAT ]] || fail "$KILLAT: not built; make check does it"
	export KILLAT
	# The leak detector of a build with sanitizers stops itself by ptrace, and cannot be traced.
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	recovery_begin_file
}

teardown_file() { recovery_end_file "system calls to die at"; }
setup() { recovery_begin; }
teardown() { recovery_end; }

# killat [-c] N|count ARG...: nsrun ARG..., into $BATS_TEST_TMPDIR/out; $status.
killat()
{
	local child=()
	if [[ $1 == -c ]]; then
		child=(-c)
		shift
	fi
	status=0
	{ # into the void: the shell's own "Killed"
		timeout 20 "$KILLAT" "${child[@]}" "$1" "$NSRUN" "${@:2}" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- ||
			status=$?
	} 2>/dev/null
	((status < 120 || status > 128)) || ((status == 120)) || # of timeout, of killat
		fail "$*: exit status $status: $(<"$BATS_TEST_TMPDIR/out")"
}

# sweep POINTS [-c] ARG...: nsrun ARG... dies at each of POINTS of its system calls; before each `before_each` makes
# what it needs, after each `after_each` looks. One that was not reached (not every run has the same number, and
# some wait for others) is no point; a tenth, or one, may be so.
sweep()
{
	local patience=${TEST_PATIENCE:-1}
	local points=${NSRUN_SWEEP:-$((($1 + patience - 1) / patience))} child=() total offset at nth missed=0 who=nsrun
	shift
	if [[ $1 == -c ]]; then
		child=(-c)
		who=init
		shift
	fi
	before_each
	killat "${child[@]}" count "$@"
	((status == 0)) || fail "$1: $(<"$BATS_TEST_TMPDIR/out")"
	total=$(tail -n 1 "$BATS_TEST_TMPDIR/out")
	[[ $total =~ ^[0-9]+$ ]] && ((total >= 20)) || fail "only $total system calls of $1"
	after_each "$1: counted"
	[[ $points != all ]] && ((points < total)) || points=$total
	offset=$((RANDOM % 1000))
	# ("i" would be changed by bats' own run.)
	for ((nth = 0; nth < points; nth++)); do
		at=$(((nth * 1000 + offset) * total / points / 1000 + 1))
		before_each
		killat "${child[@]}" "$at" "$@"
		((status != 120)) || missed=$((missed + 1))
		after_each "$1: $who, system call $at of $total ($(grep killat: "$BATS_TEST_TMPDIR/out" | cut -c1-80))"
	done
	((missed <= 1 || missed * 10 <= points)) || fail "$missed of $points system calls were never reached"
}

before_each() { :; }
after_each() { recovers "$1" "${options[@]}"; }

@test "create" {
	options=()
	settle
	sweep 25 create -b "$BUNDLE" "$ID"
}

@test "create: init" {
	options=()
	settle
	sweep 25 -c create -b "$BUNDLE" "$ID"
}

@test "create with a network" {
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	sweep 50 create "${options[@]}" -b "$BUNDLE" "$ID"
}

@test "create with a network: init" {
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	sweep 25 -c create "${options[@]}" -b "$BUNDLE" "$ID"
}

@test "run" {
	options=()
	settle
	sweep 25 run -b "$BUNDLE" "$ID" true
}

@test "run with a network" {
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	sweep 40 run "${options[@]}" -b "$BUNDLE" "$ID" true
}

# After CREATED it is the container's program.
@test "run with a network: init" {
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	sweep 15 -c run "${options[@]}" -b "$BUNDLE" "$ID" true
}

@test "start" {
	before_each() { launch create -b "$BUNDLE" "$ID"; }
	options=()
	settle
	sweep 15 start "$ID"
}

@test "delete" {
	before_each() { launch run -d "${options[@]}" -b "$BUNDLE" "$ID"; }
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	sweep 25 delete --force "$ID"
}

alone() { [[ $(nsrun ps -f json "$ID" | jq length) == 1 ]]; }

@test "exec" {
	before_each() { [[ $(nsrun list -q) ]] || launch run -d -b "$BUNDLE" "$ID"; }
	after_each()
	{
		wait_until alone
		assert_status running
		point
	}
	settle
	sweep 20 exec "$ID" true
	run -0 nsrun exec "$ID" true
	recovers exec
}

# settle_network: as settle, for those that make and remove networks; the last one takes empty folders along.
settle_network()
{
	mkdir -p "$NSRUN_NET_DIR"
	settle "${NETWORK[@]}"
	nsrun network create web >/dev/null
	nsrun network rm web
	# shellcheck disable=SC2034 # recovers looks at it
	before=$(snapshot)
}

# network_is_gone POINT: it is removed if it is there, and one of that name can be made and removed.
network_is_gone()
{
	nsrun network rm web 2>/dev/null || refused 'no network called "web"' network rm web
	nsrun network create web >/dev/null
	nsrun network rm web
	[[ ! $(ls -A "$NSRUN_NET_DIR") ]] || fail "$1: left behind: $(ls -A "$NSRUN_NET_DIR")"
	recovers "$1" "${NETWORK[@]}"
}

@test "network create" {
	after_each() { network_is_gone "$1"; }
	settle_network
	sweep 15 network create web
}

@test "network rm" {
	before_each()
	{
		nsrun network create web >/dev/null
		nsrun run --network web -b "$BUNDLE" "$ID" true
	}
	after_each() { network_is_gone "$1"; }
	settle_network
	sweep 25 network rm web
}

has_no_link() { [[ ! $(nsrun netns exec "$1" ip -o link | grep lnk) ]]; }

@test "network link" {
	before_each()
	{
		launch create -b "$BUNDLE" "$ID"
		nsrun netns create "lab-$ID"
	}
	after_each()
	{
		nsrun delete --force "$ID"
		wait_until has_no_link "lab-$ID"
		nsrun netns rm "lab-$ID"
		recovers "$1"
	}
	settle_network
	sweep 20 network link "$ID" "lab-$ID"
}

# Ours are called in the process, xa is executed.
@test "create with a network whose list is run plugin by plugin" {
	export CNI_PATH=$BATS_TEST_TMPDIR/cni
	mkdir "$CNI_PATH" "$NSRUN_NET_DIR"
	cat >"$CNI_PATH/xa" <<-'END'
		#!/bin/sh
		[ "$CNI_COMMAND" != ADD ] || jq .prevResult
	END
	chmod +x "$CNI_PATH/xa"
	jq -n --arg leases "/run/leases-$ID" '{cniVersion: "1.0.0", name: "far", plugins: [
		{type: "bridge", bridge: "far0", isGateway: true, ipMasq: true, ipam: {type: "host-local", dataDir: $leases,
			subnet: "10.66.0.0/24", routes: [{dst: "0.0.0.0/0"}]}},
		{type: "xa"}, {type: "bandwidth", ingressRate: 8000000, ingressBurst: 800000}]}' >"$NSRUN_NET_DIR/far.conflist"
	options=(--network far)
	settle "${options[@]}"
	sweep 30 create "${options[@]}" -b "$BUNDLE" "$ID"
	run find "/run/leases-$ID" -name '10.66.*'
	assert_output ''
	nsrun network rm far
	rm -rf "/run/leases-$ID"
	! ip link show far0 2>/dev/null || ip link del far0
}
