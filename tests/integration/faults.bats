#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Each step of each verb that makes something fails once after it was done, and once the process dies there of
# SIGKILL, be it the runtime process or init (base/step.h; tests/nsrun-faults has the fault points). Afterwards
# `delete --force` succeeds, nothing is left that was not there before, and the same id runs as if nothing had been.

load ../helpers
load ../recovery

setup_file() { faults_begin_file; }
teardown_file() { recovery_end_file "fault points"; }
setup() { recovery_begin; }
teardown() { recovery_end; }

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
