#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Each step of each verb that makes something fails once after it was done, and once the process dies there of
# SIGKILL, be it the runtime process or init (base/step.h; tests/nsrun-faults has the fault points). Afterwards
# `delete --force` succeeds, nothing is left that was not there before, and the same id runs as if nothing had been.

load ../helpers

setup_file()
{
	NSRUN=${NSRUN_FAULTY:-${BUILD:-$(dirname "$NSRUN")}/tests/nsrun-faults}
	[[ -x $NSRUN ]] || fail "$NSRUN: not built; make check does it"
	export NSRUN
	BUNDLE=$BATS_FILE_TMPDIR/bundle
	make_bundle "$BUNDLE" sleep 1000
	# Targets that have to be made and removed as well.
	rmdir "$BUNDLE/rootfs/sys" "$BUNDLE/rootfs/proc"
	set_config '.root.readonly = false | .hooks = {"createRuntime": [{"path": "/bin/true"}], "poststop": [{"path": "/bin/true"}]}'
	# /run/netns stays a mount point.
	ip netns add "first-$$"
	ip netns delete "first-$$"
	echo 0 >"$BATS_FILE_TMPDIR/points"
}

teardown_file()
{
	umount /run/netns
	echo "# $(<"$BATS_FILE_TMPDIR/points") fault points" >&3
}

setup()
{
	test_begin
	BUNDLE=$BATS_FILE_TMPDIR/bundle
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
}

teardown()
{
	local id
	unset NSRUN_FAULT
	for id in $(nsrun list -q); do
		nsrun delete --force "$id" || true
	done
	wait_until -t 60 no_veth
	nsrun network rm bridge 2>/dev/null || true
	nothing_left
}

no_veth() { [[ ! $(ip -o link show type veth) ]]; }

NETWORK=(--network bridge -p 8080:80)

# What a failure may leave, quickly; the end of the test takes the whole census. A veth goes with its network
# namespace, which the kernel takes apart in its own time: seconds, on a busy machine. The end waits for that.
snapshot()
{
	ip -o link | cut -d: -f2 | cut -d@ -f1 | grep -v "^ ve"
	nft list ruleset
	find /run/nsrun /run/netns "$BUNDLE/rootfs" /sys/fs/cgroup/{,*/}nsrun/"$ID"* -maxdepth 4 \
		! -path '/run/nsrun/cache/*' ! -path "$BUNDLE/rootfs/bin/*" 2>/dev/null
	cut -d' ' -f5 /proc/self/mountinfo
}

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

# recovers FAULT [RUN-OPTION...]: delete --force, nothing left, a normal run.
recovers()
{
	local fault=$1
	shift
	timeout 20 "$NSRUN" delete --force "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- ||
		fail "\"$fault\": delete --force: $(<"$BATS_TEST_TMPDIR/out")"
	[[ $(snapshot) == "$before" ]] || fail "\"$fault\": left behind: $(diff <(echo "$before") <(snapshot))"
	timeout 10 "$NSRUN" run "$@" -b "$BUNDLE" "$ID" true >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- ||
		fail "\"$fault\": a normal run afterwards: $(<"$BATS_TEST_TMPDIR/out")"
	echo $(($(<"$BATS_FILE_TMPDIR/points") + 1)) >"$BATS_FILE_TMPDIR/points"
}

# settle [RUN-OPTION...]: what one run makes and keeps (caches, the bridge) is there; $before.
settle()
{
	nsrun run "$@" -b "$BUNDLE" "$ID" true
	before=$(snapshot)
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
	echo $(($(<"$BATS_FILE_TMPDIR/points") + 1)) >"$BATS_FILE_TMPDIR/points"
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
