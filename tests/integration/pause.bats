#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# pause and resume, by v1's freezer and by v2's; what other verbs do to a paused container.

load cgroups

setup() { cgroup_begin; }
teardown() { cgroup_end; }

# count: a container that counts up, by a child; counted prints how far it is.
count()
{
	set_config '.root.readonly = false'
	launch run -d -b "$BUNDLE" "$ID" sh -c \
		'sh -c "i=0; while :; do i=\$((i + 1)); echo \$i >/count.new; mv /count.new /count; done" & wait'
	wait_until test -s "$BUNDLE/rootfs/count"
}
counted() { cat "$BUNDLE/rootfs/count"; }
counts_beyond() { (($(counted) > $1)); }

# own_freezer: $BUNDLE's process freezes a child of its own in a cgroup below, and waits.
own_freezer()
{
	set_config '(.mounts[] | select(.type == "cgroup")).options = [] |
		.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])'
	set_args sh -c 'cd /sys/fs/cgroup; [ -d freezer ] && cd freezer; mkdir a; sleep 1000 & echo $! >a/cgroup.procs;
		if [ -e a/freezer.state ]; then echo FROZEN >a/freezer.state; else echo 1 >a/cgroup.freeze; fi; echo ready; wait'
	launch run -d -b "$BUNDLE" "$ID"
	wait_until grep -q ready "$OUTPUT"
	if is_v2; then
		NESTED=$ROOT/nsrun/$ID/a/cgroup.freeze
	else
		NESTED=$ROOT/freezer/nsrun/$ID/a/freezer.state
	fi
}

@test "pause stops all processes, resume lets them go on; the status tells" {
	local before
	count
	run -0 nsrun pause "$ID"
	assert_output ""
	assert_status paused
	before=$(counted)
	run -0 nsrun list
	assert_line --regexp "^$ID +$(pid_of "$ID") +paused "
	assert_equal "$(nsrun list -f json | jq -r --arg id "$ID" '.[] | select(.id == $id).status')" paused
	(($(nsrun ps -f json "$ID" | jq length) >= 2))
	assert_equal "$(counted)" "$before"
	run -0 nsrun resume "$ID"
	assert_output ""
	assert_status running
	wait_until counts_beyond "$before"
}

@test "pause returns when all are frozen, however many fork and die" {
	launch run -d -b "$BUNDLE" "$ID" sh -c 'for i in 1 2 3 4 5 6 7 8; do (while :; do /bin/true; done) & done; wait'
	for _ in {1..10}; do
		run -0 timeout 30 "$NSRUN" pause "$ID"
		assert_status paused
		run -0 timeout 30 "$NSRUN" resume "$ID"
	done
}

@test "a created container can be paused; start says so, and works once it is resumed" {
	launch create -b "$BUNDLE" "$ID"
	run -0 nsrun pause "$ID"
	assert_status paused
	refused "cannot start: container is paused" start "$ID"
	run -0 nsrun resume "$ID"
	assert_status created
	run -0 nsrun start "$ID"
	assert_status running
}

@test "what cannot be: paused twice, not paused, stopped, unknown, without a cgroup" {
	launch run -d -b "$BUNDLE" "$ID"
	refused "resume \"$ID\": container not paused" resume "$ID"
	run -0 nsrun pause "$ID"
	refused "pause \"$ID\": container not running: it is paused already" pause "$ID"
	refused "cannot delete container \"$ID\" that is not stopped: paused" delete "$ID"
	run -255 nsrun exec "$ID" true
	assert_output "nsrun: exec \"$ID\": cannot exec in a paused container (use --ignore-paused to override)"
	run -0 timeout 20 "$NSRUN" kill "$ID" KILL
	wait_until is_status stopped
	refused "container not running" pause "$ID"
	refused "container not paused" resume "$ID"
	refused "container does not exist" pause "$ID-2"
	refused "container does not exist" resume "$ID-2"
	run -0 nsrun delete "$ID"
	set_config 'del(.linux.resources)'
	launch --cgroup-manager disabled run -d -b "$BUNDLE" "$ID"
	refused "the container has no cgroup, so it cannot be paused or resumed" pause "$ID"
}

@test "exec --ignore-paused ends when the container is resumed" {
	local pid
	launch run -d -b "$BUNDLE" "$ID"
	nsrun pause "$ID"
	timeout 30 "$NSRUN" exec --ignore-paused "$ID" echo resumed >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pid=$!
	wait_until bash -c '(($("$NSRUN" ps -f json "$1" | jq length) == 2))' - "$ID"
	assert_equal "$(<"$BATS_TEST_TMPDIR/out")" ""
	nsrun resume "$ID"
	wait "$pid"
	assert_equal "$(<"$BATS_TEST_TMPDIR/out")" resumed
}

@test "a signal waits for resume, KILL does not; delete --force ends a paused container" {
	launch run -d -b "$BUNDLE" "$ID" sh -c 'trap "echo got TERM; exit" TERM; echo ready; while :; do sleep 0.1; done'
	wait_until grep -q ready "$OUTPUT"
	nsrun pause "$ID"
	run -0 nsrun kill "$ID"
	assert_status paused
	assert_equal "$(<"$OUTPUT")" ready
	nsrun resume "$ID"
	wait_until grep -q "got TERM" "$OUTPUT"
	wait_until is_status stopped
	nsrun delete "$ID"
	for how in "kill --all $ID KILL" "delete --force $ID"; do
		launch run -d -b "$BUNDLE" "$ID" sleep 1000
		nsrun pause "$ID"
		# shellcheck disable=SC2086 # words
		run -0 timeout 20 "$NSRUN" $how
		[[ $how == delete* ]] || wait_until is_status stopped
		run -0 nsrun delete --force "$ID"
	done
}

@test "what the container froze itself stays as it is; kill, and delete, reach it all the same" {
	local state
	own_freezer
	state=$(<"$NESTED")
	assert_status running
	run -0 nsrun pause "$ID"
	run -0 nsrun resume "$ID"
	assert_status running
	assert_equal "$(<"$NESTED")" "$state"
	run -0 timeout 20 "$NSRUN" kill "$ID" KILL
	wait_until is_status stopped
	run -0 timeout 20 "$NSRUN" delete "$ID"
	own_freezer
	run -0 nsrun pause "$ID"
	run -0 timeout 20 "$NSRUN" delete --force "$ID"
}

@test "where a cgroup above is frozen, resume says so" {
	make_cgroup "$ID-above"
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID-above/here"
	launch run -d -b "$BUNDLE" "$ID"
	nsrun pause "$ID"
	if is_v2; then
		echo 1 >"$ROOT/$ID-above/cgroup.freeze"
	else
		echo FROZEN >"$ROOT/freezer/$ID-above/freezer.state"
	fi
	refused "a cgroup above the container's is frozen" resume "$ID"
	assert_status paused
	if is_v2; then
		echo 0 >"$ROOT/$ID-above/cgroup.freeze"
	else
		echo THAWED >"$ROOT/freezer/$ID-above/freezer.state"
	fi
	wait_until is_status running
}
