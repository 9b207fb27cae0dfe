#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Users without privileges on a machine with systemd and AppArmor: cgroups of user@UID.service, ids of
# /etc/subuid, networks by a pasta that Debian's profile confines.

load ../helpers
load alice

PROFILE=/etc/apparmor.d/usr.bin.passt
DELEGATED=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service

setup() { test_begin; }

teardown()
{
	by_alice "$NSRUN" delete --force "$ID" || true
	remove_user_bundles
	ip link delete d0 2>/dev/null || true
	! grep -q '^passt ' /sys/kernel/security/apparmor/profiles || apparmor_parser -R "$PROFILE"
	test_end
}

# launch_by_alice ARG...: as launch.
launch_by_alice()
{
	by_alice "$NSRUN" "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- || fail "$(<"$BATS_TEST_TMPDIR/out")"
}

@test "alice: a container in the cgroups of her session, with limits, exec, update, pause and delete" {
	local dir pid
	user_bundle alice '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 42}, cpu: {shares: 512}}'
	launch_by_alice run -d -b bundle "$ID"
	pid=$(by_alice "$NSRUN" state "$ID" | jq .pid)
	dir=$DELEGATED/app.slice/nsrun/$ID
	assert_equal "$(cat "/proc/$pid/cgroup")" "0::${dir#/sys/fs/cgroup}"
	assert_equal "$(cat "$dir"/{memory.max,pids.max,cpu.weight} | xargs)" "67108864 42 59"
	run -0 by_alice "$NSRUN" exec "$ID" sh -c 'cat /proc/self/cgroup; id -u'
	assert_output "$(printf '0::/\n0')"
	run -0 by_alice "$NSRUN" update --pids-limit 50 "$ID"
	assert_equal "$(cat "$dir/pids.max")" 50
	run -0 by_alice "$NSRUN" pause "$ID"
	grep -qx "frozen 1" "$dir/cgroup.events"
	run -0 by_alice "$NSRUN" resume "$ID"
	run -0 by_alice "$NSRUN" delete --force "$ID"
	[[ ! -e $dir ]]
}

@test "alice: a controller that is not delegated to her is an error by its name" {
	user_bundle alice '.linux.resources = {hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	run -1 by_alice "$NSRUN" run -b bundle "$ID"
	assert_output --partial "hugetlb controller is not"
	[[ ! -e $DELEGATED/app.slice/nsrun/$ID ]]
}

@test "ids: alice has those of /etc/subuid, bob his own alone" {
	user_bundle alice 'del(.linux.uidMappings, .linux.gidMappings)' cat /proc/self/uid_map
	run -0 by_alice "$NSRUN" run -b bundle "$ID"
	assert_equal "$(xargs <<<"$output")" "0 1000 1 1 100000 65536"
	user_bundle bob 'del(.linux.uidMappings, .linux.gidMappings)' cat /proc/self/uid_map
	run -0 as_bob "$NSRUN" run -b ~bob/bundle "$ID"
	assert_line --regexp '^ +0 +1001 +1$'
}

@test "pasta: confined by Debian's profile it makes the network, publishes a port and ends with the container" {
	# pasta takes over the address of the interface that has the default route.
	ip link add d0 type dummy
	ip address add 192.0.2.1/24 dev d0
	ip link set d0 up
	ip route add default via 192.0.2.2
	apparmor_parser -r -K "$PROFILE"
	user_bundle alice '.annotations = {"io.nsrun.network": "pasta"} | .mounts |= map(select(.destination != "/tmp"))
		+ [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]' \
		sh -c 'echo hello >/tmp/index.html && exec httpd -f -p 80 -h /tmp'
	launch_by_alice run -d -b bundle -p 8080:80 "$ID"
	run -0 pgrep -u alice '^pas[st]'
	assert_equal "$(cat "/proc/$output/attr/current")" "passt (enforce)"
	wait_until wget -t 1 -T 10 -qO "$BATS_TEST_TMPDIR/page" http://127.0.0.1:8080/
	assert_equal "$(<"$BATS_TEST_TMPDIR/page")" hello
	run -0 by_alice "$NSRUN" exec "$ID" ip address show dev eth0
	assert_output --partial "inet 192.0.2.1/24"
	run -0 by_alice "$NSRUN" delete --force "$ID"
	run -1 pgrep -u alice '^pas[st]'
}
