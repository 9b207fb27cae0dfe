#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The steps of linux.intelRdt fail and die as those of integration/faults.bats. No processor for it is emulated: a
# hierarchy of cgroup v1 at /run/resctrl has directories with tasks files in them as well, and the program with fault
# points takes it for one. A hierarchy is seen by the whole machine, and stays if it ends while the kernel
# still frees a directory of it: so this runs in a machine of its own.

load ../helpers
load ../recovery

setup_file() { faults_begin_file; }
teardown_file() { recovery_end_file "fault points"; }
setup() { recovery_begin; }
teardown()
{
	resctrl_end
	recovery_end
}

resctrl_begin()
{
	mkdir /run/resctrl
	mount -t cgroup -o none,name="$ID-$$" none /run/resctrl
	mkdir /run/resctrl/mon_groups
}

resctrl_end()
{
	mountpoint -q /run/resctrl || return 0
	nsrun delete --force "$ID"
	rmdir /run/resctrl/mon_groups
	umount /run/resctrl
	rmdir /run/resctrl
}

tasks_are() { (($(wc -l <"/run/resctrl/$1/tasks") == $2)); }
classes() { find /run/resctrl -mindepth 1 -type d | sort; }

# try_resctrl CLASS FAULT
try_resctrl()
{
	faulty "$2" create "${options[@]}" -b "$BUNDLE" "$ID"
	recovers "$2" "${options[@]}"
	assert_equal "$(classes)" /run/resctrl/mon_groups
	launch run -d "${options[@]}" -b "$BUNDLE" "$ID"
	# The class that it was promised.
	grep -qx "$(pid_of "$ID")" "/run/resctrl/$1/tasks"
	nsrun exec "$ID" sh -c 'exec sleep 1000' >/dev/null 2>&1 3>&- &
	wait_until tasks_are "$1" 2
	nsrun delete --force "$ID"
	wait $! || true
	assert_equal "$(classes)" /run/resctrl/mon_groups
}

@test "create, exec and delete with a class of resctrl, and with a monitoring group" {
	local rdt name class
	resctrl_begin
	options=(-f "$BATS_TEST_TMPDIR/config.json")
	for rdt in '{}' '{"closID": "/", "enableMonitoring": true}'; do
		class=$ID
		[[ $rdt == "{}" ]] || class=mon_groups/$ID
		jq --argjson rdt "$rdt" '.linux.intelRdt = $rdt' "$BUNDLE/config.json" >"$BATS_TEST_TMPDIR/config.json"
		settle "${options[@]}"
		for name in "prepare resctrl" "spawn init" "attach resctrl" "save state"; do
			try_resctrl "$class" "$name"
			try_resctrl "$class" "$name=kill"
		done
		launch run -d "${options[@]}" -b "$BUNDLE" "$ID"
		faulty "remove resctrl=kill" delete --force "$ID"
		recovers "remove resctrl=kill" "${options[@]}"
		assert_equal "$(classes)" /run/resctrl/mon_groups
	done
}
