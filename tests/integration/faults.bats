#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Each step of each verb that makes something fails once after it was done, and once the process dies there of
# SIGKILL, be it the runtime process or init (base/step.h; tests/nsrun-faults has the fault points). Afterwards
# `delete --force` succeeds, nothing is left that was not there before, and the same id runs as if nothing had been.

load ../helpers
load ../recovery

setup_file()
{
	NSRUN=${NSRUN_FAULTY:-${BUILD:-$(dirname "$NSRUN")}/tests/nsrun-faults}
	[[ -x $NSRUN ]] || fail "$NSRUN: not built; make check does it"
	export NSRUN
	recovery_begin_file
}

teardown_file() { recovery_end_file "fault points"; }
setup() { recovery_begin; }
teardown() { recovery_end; }

# steps ARG...: the names of the steps of nsrun ARG..., init's as well.
steps()
{
	NSRUN_FAULT=list timeout 10 "$NSRUN" "$@" >/dev/null 2>"$BATS_TEST_TMPDIR/steps" </dev/null 3>&-
	sed -n 's/^step: //p' "$BATS_TEST_TMPDIR/steps" | awk '!seen[$0]++'
}

# faulty FAULT ARG...: nsrun ARG... with that fault ends soon, and not well.
faulty()
{
	local fault=$1
	shift
	status=0
	{ # into the void: the shell's own "Killed"
		NSRUN_FAULT=$fault timeout 10 "$NSRUN" "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- || status=$?
	} 2>/dev/null
	((status != 0)) || fail "\"$fault\": $1 succeeded"
	((status != 124)) || fail "\"$fault\": $1 hangs: $(<"$BATS_TEST_TMPDIR/out")"
}

# each_step CMD...: CMD "STEP" and CMD "STEP=kill" for each step in $names.
each_step()
{
	local name
	((${#names[@]} > 3)) || fail "only ${#names[@]} steps: ${names[*]}"
	for name in "${names[@]}"; do
		"$@" "$name"
		"$@" "$name=kill"
	done
}

try_create()
{
	faulty "$1" create "${options[@]}" -b "$BUNDLE" "$ID"
	recovers "$1" "${options[@]}"
}

@test "create" {
	options=()
	settle
	mapfile -t names < <(steps create -b "$BUNDLE" "$ID")
	nsrun delete "$ID"
	each_step try_create
}

@test "create with a network" {
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	mapfile -t names < <(steps create "${options[@]}" -b "$BUNDLE" "$ID")
	nsrun delete "$ID"
	each_step try_create
}

try_run()
{
	faulty "$1" run "${options[@]}" -b "$BUNDLE" "$ID" true
	recovers "$1" "${options[@]}"
}

# only_of_run: of the steps $names those that create has not.
only_of_run()
{
	mapfile -t names < <(printf '%s\n' "${names[@]}" | grep -vxFf <(steps create "$@" -b "$BUNDLE" "$ID"))
	nsrun delete "$ID"
}

@test "run" {
	options=()
	settle
	mapfile -t names < <(steps run -b "$BUNDLE" "$ID" true)
	only_of_run
	each_step try_run
}

@test "run with a network" {
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	mapfile -t names < <(steps run "${options[@]}" -b "$BUNDLE" "$ID" true)
	each_step try_run
}

# init has its environment from create, so its last step is armed there.
try_start()
{
	if [[ $1 == startContainer* ]]; then
		NSRUN_FAULT=$1 launch create "${options[@]}" -b "$BUNDLE" "$ID"
		faulty "" start "$ID"
	else
		launch create "${options[@]}" -b "$BUNDLE" "$ID"
		faulty "$1" start "$ID"
	fi
	recovers "$1" "${options[@]}"
}

@test "start" {
	options=()
	settle
	launch create -b "$BUNDLE" "$ID"
	mapfile -t names < <(steps start "$ID")
	nsrun delete --force "$ID"
	names+=("startContainer hooks")
	each_step try_start
}

try_delete()
{
	launch run -d "${options[@]}" -b "$BUNDLE" "$ID"
	faulty "$1" delete --force "$ID"
	recovers "$1" "${options[@]}"
}

@test "delete" {
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	launch run -d "${options[@]}" -b "$BUNDLE" "$ID"
	mapfile -t names < <(steps delete --force "$ID")
	each_step try_delete
}

# Nothing ends by itself there: init's death takes nobody along, and it has to wait for its maps.
@test "create in a user namespace, with the host's pids" {
	options=(-f "$BATS_TEST_TMPDIR/config.json")
	jq '.linux.namespaces |= map(select(.type != "pid")) + [{"type": "user"}]
		| .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 65536}] | .linux.gidMappings = .linux.uidMappings
		| (.mounts[] | select(.type == "proc")) |= {"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]}' \
		"$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/config.json"
	settle "${options[@]}"
	mapfile -t names < <(steps create "${options[@]}" -b "$BUNDLE" "$ID")
	nsrun delete "$ID"
	each_step try_create
}

# Half way through a delete: not --force, but the plain one goes on.
@test "delete, then delete" {
	local fault
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	for fault in "kill processes" "detach networks" "unpin the network namespace" "remove cgroup" "remove mount targets"; do
		for how in "" =kill; do
			launch create "${options[@]}" -b "$BUNDLE" "$ID"
			faulty "$fault$how" delete "$ID"
			timeout 20 "$NSRUN" delete "$ID"
			recovers "$fault$how" "${options[@]}"
		done
	done
}

@test "killed at any time" {
	local ms fault
	options=("${NETWORK[@]}")
	settle "${options[@]}"
	for ms in {1..40}; do
		fault="after $ms ms"
		{
			timeout -s KILL "$(printf '0.%03d' "$ms")" "$NSRUN" create "${options[@]}" -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- || true
		} 2>/dev/null
		recovers "$fault" "${options[@]}"
	done
}

alone() { [[ $(nsrun ps -f json "$ID" | jq length) == 1 ]]; }

try_exec()
{
	faulty "$1" exec "$ID" true
	wait_until alone
	point
}

@test "exec" {
	settle
	launch run -d -b "$BUNDLE" "$ID"
	mapfile -t names < <(steps exec "$ID" true)
	each_step try_exec
	assert_status running
	run -0 nsrun exec "$ID" true
	recovers exec
}

# undone POINT: what there is is what there was before.
undone()
{
	local now
	now=$(snapshot)
	[[ $now == "$before" ]] || fail "\"$1\": left behind: $(diff <(echo "$before") <(echo "$now"))"
	point
}

# settle_networks: as settle, for those that make and remove networks themselves: the last one takes empty folders along.
settle_networks()
{
	settle "${NETWORK[@]}"
	nsrun network create web >/dev/null
	nsrun network rm web
	before=$(snapshot)
}

# A failure makes nothing; who dies after the list was put in place has made a network.
try_network_create()
{
	faulty "$1" network create web
	[[ $1 != "write list=kill" ]] || nsrun network rm web
	undone "$1"
	nsrun network create web >/dev/null
	nsrun network rm web
	undone "$1, then a normal one"
}

@test "network create" {
	settle_networks
	mapfile -t names < <(steps network create web)
	nsrun network rm web
	each_step try_network_create
}

# However far it came, another one finishes it.
try_network_rm()
{
	nsrun network create web >/dev/null
	nsrun run --network web -b "$BUNDLE" "$ID" true
	faulty "$1" network rm web
	nsrun network rm web 2>/dev/null || refused 'no network called "web"' network rm web
	nsrun network create web >/dev/null # a normal one, whose end takes empty folders along
	nsrun network rm web
	undone "$1"
}

@test "network rm" {
	settle_networks
	nsrun network create web >/dev/null
	nsrun run --network web -b "$BUNDLE" "$ID" true
	mapfile -t names < <(steps network rm web)
	each_step try_network_rm
}

has_no_link() { [[ ! $(nsrun netns exec "$1" ip -o link | grep lnk) ]]; }

# A failure lays nothing; whatever a death left goes with either end, or with the next link.
try_link()
{
	launch create -b "$BUNDLE" "$ID"
	nsrun netns create "lab-$ID"
	faulty "$1" network link "$ID" "lab-$ID"
	[[ $1 == *=kill ]] || {
		has_no_link "lab-$ID"
		[[ ! -e /run/nsrun/networks/links ]] || fail "\"$1\": a record is left"
	}
	if ((delete_first)); then
		nsrun delete "$ID"
		wait_until has_no_link "lab-$ID"
	else
		run -0 nsrun network link "$ID" "lab-$ID"
		[[ $1 == "save link=kill" ]] || assert_output "$ID lnk0 192.168.15.1/24 -- lab-$ID lnk0 192.168.15.2/24"
	fi
	nsrun netns rm "lab-$ID"
	recovers "$1"
}

@test "network link" {
	settle_networks
	nsrun netns create "lab-$ID"
	launch create -b "$BUNDLE" "$ID"
	mapfile -t names < <(steps network link "$ID" "lab-$ID")
	nsrun netns rm "lab-$ID"
	recovers "list"
	for delete_first in 0 1; do
		each_step try_link
	done
}

# linked: a created container with a link to a namespace.
linked()
{
	launch create -b "$BUNDLE" "$ID"
	nsrun netns create "lab-$ID"
	nsrun network link "$ID" "lab-$ID"
}

# unlinked POINT: of those two nothing stays.
unlinked()
{
	nsrun delete --force "$ID"
	wait_until has_no_link "lab-$ID"
	nsrun netns rm "lab-$ID"
	recovers "$1"
}

# What ends a link dies half way: the next one goes on.
try_unlink()
{
	linked
	faulty "$1" network unlink "$ID" "lab-$ID"
	nsrun network unlink "$ID" "lab-$ID" 2>/dev/null || refused "no link between" network unlink "$ID" "lab-$ID"
	has_no_link "lab-$ID"
	unlinked "$1"
}

@test "network unlink" {
	settle_networks
	linked
	mapfile -t names < <(steps network unlink "$ID" "lab-$ID")
	unlinked "list"
	each_step try_unlink
}

@test "delete of what has a link" {
	settle_networks
	for how in "" =kill; do
		linked
		faulty "unlink$how" delete "$ID"
		unlinked "unlink$how"
	done
}
