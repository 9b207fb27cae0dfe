#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The container's cgroup: where it is, what limits it gets, whose it was before. Runs in each view of the host:
# v1 and hybrid hosts have a directory in each hierarchy, pure v2 has one.

load cgroups

setup() { cgroup_begin; }
teardown() { cgroup_end; }

# ---- where ------------------------------------------------------------------------------------------------

@test "membership: /nsrun/ID in every hierarchy, gone after the end, the parent too" {
	launch run -d -b "$BUNDLE" "$ID"
	assert_equal "$(paths "$(pid_of "$ID")" | sort -u)" "/nsrun/$ID"
	run -0 nsrun delete --force "$ID"
	for d in $(dirs); do
		[[ ! -e $d/nsrun/$ID ]] || fail "$d/nsrun/$ID is still there"
	done
}

@test "membership: the process never sees itself elsewhere, and children are inside" {
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'cat /proc/self/cgroup; sh -c "cat /proc/self/cgroup"'
	assert_equal "$(inside_paths <<<"$output" | sort -u)" /
	set_config 'del(.linux.namespaces[] | select(.type == "cgroup"))'
	run -0 nsrun run -b "$BUNDLE" "$ID" cat /proc/self/cgroup
	assert_equal "$(inside_paths <<<"$output" | sort -u)" "/nsrun/$ID"
}

@test "cgroupsPath: absolute, with parents made and removed" {
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID-top/middle/bottom"
	launch run -d -b "$BUNDLE" "$ID"
	for d in $(dirs); do
		grep -qx "$(pid_of "$ID")" "$d/$ID-top/middle/bottom/cgroup.procs"
	done
	run -0 nsrun delete --force "$ID"
	for d in $(dirs); do [[ ! -e $d/$ID-top ]]; done
}

@test "cgroupsPath: relative, from the runtime's own cgroup" {
	set_config '.linux.cgroupsPath = $p' --arg p "$ID-relative"
	launch run -d -b "$BUNDLE" "$ID"
	if is_v2; then
		# Beside it: a cgroup that has processes can have no controllers below.
		assert_equal "$(cgroup_of "$(pid_of "$ID")")" "$(cgroup_of self | sed 's|/[^/]*$||')/$ID-relative"
	else
		assert_equal "$(cgroup_of "$(pid_of "$ID")" memory)" \
			"$(cgroup_of self memory | sed 's|/$||')/$ID-relative"
	fi
}

@test "cgroupsPath: .. does not lead out, and the root is refused" {
	set_config '.linux.cgroupsPath = $p' --arg p "/../../$ID-up/../$ID-top"
	launch run -d -b "$BUNDLE" "$ID"
	for d in $(dirs); do [[ -d $d/$ID-top && ! -e $d/$ID-up ]]; done
	run -0 nsrun delete --force "$ID"
	set_config '.linux.cgroupsPath = "/a/.."'
	refused 'linux.cgroupsPath: "/a/.." is the root of the hierarchy' run -b "$BUNDLE" "$ID"
}

@test "an existing cgroup is used, and neither it nor what is in it is removed" {
	make_cgroup "$ID-mine/sub"
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID-mine"
	if has_v1 devices; then
		refused "cgroup \"/$ID-mine\" has children, and cgroup v1 then takes no new default for devices" \
			run -b "$BUNDLE" "$ID"
	fi
	resources '{}'
	launch run -d -b "$BUNDLE" "$ID"
	for d in $(dirs); do grep -qx "$(pid_of "$ID")" "$d/$ID-mine/cgroup.procs"; done
	run -0 nsrun delete --force "$ID"
	for d in $(dirs); do [[ -d $d/$ID-mine/sub ]]; done
	# Below an existing one: only what was made goes.
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID-mine/made/here"
	run -0 nsrun run -b "$BUNDLE" "$ID" true
	for d in $(dirs); do [[ -d $d/$ID-mine && ! -e $d/$ID-mine/made ]]; done
}

@test "an existing cgroup that holds processes is refused, and they live" {
	local dir pid
	make_cgroup "$ID-busy/deep"
	dir=$(dirs | head -n 1)
	sleep 1000 3>&- &
	pid=$!
	echo "$pid" >"$dir/$ID-busy/deep/cgroup.procs"
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID-busy"
	refused "cgroup \"/$ID-busy\" already holds 1 process" run -b "$BUNDLE" "$ID"
	kill -0 "$pid"
	run -0 nsrun delete --force "$ID"
	kill "$pid"
	wait "$pid" || true
}

@test "processes that stray into an existing cgroup are not killed with the container" {
	local pid
	make_cgroup "$ID-mine"
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID-mine"
	launch run -d -b "$BUNDLE" "$ID"
	sleep 1000 3>&- &
	pid=$!
	for d in $(dirs); do echo "$pid" >"$d/$ID-mine/cgroup.procs"; done
	run -0 timeout 30 "$NSRUN" delete --force "$ID"
	kill -0 "$pid"
	kill "$pid"
	wait "$pid" || true
}

@test "cgroups that the container made go with it; a frozen one does not hang delete" {
	set_config '(.mounts[] | select(.type == "cgroup")).options = [] |
		.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])'
	set_args sh -c 'cd /sys/fs/cgroup; [ -d freezer ] && cd freezer; mkdir -p a/b; sleep 1000 & echo $! >a/b/cgroup.procs;
		if [ -e a/b/freezer.state ]; then echo FROZEN >a/b/freezer.state; else echo 1 >a/cgroup.freeze; fi; echo ready; wait'
	launch run -d -b "$BUNDLE" "$ID"
	wait_until grep -q ready "$OUTPUT"
	run -0 timeout 30 "$NSRUN" delete --force "$ID"
}

@test "--cgroup-manager disabled: the process stays where the runtime is, limits are refused" {
	resources '{}'
	launch --cgroup-manager disabled run -d -b "$BUNDLE" "$ID"
	assert_equal "$(cat "/proc/$(pid_of "$ID")/cgroup")" "$(cat /proc/self/cgroup)"
	run -0 nsrun exec "$ID" cat /proc/1/comm
	assert_output sleep
	run -0 nsrun delete --force "$ID"
	resources '{pids: {limit: 5}}'
	refused "pids limit asked for, but there is no cgroup (--cgroup-manager disabled)" \
		--cgroup-manager disabled run -b "$BUNDLE" "$ID" true
	resources '{unified: {"pids.max": "5"}}'
	refused "pids limit asked for" --cgroup-manager disabled run -b "$BUNDLE" "$ID" true
}

@test "--systemd-cgroup where no systemd runs: said so, with a hint, and nothing is left" {
	NSRUN=${BUILD:-$(dirname "$NSRUN")}/tests/nsrun-faults # it finds the helper of the build directory
	nsrun features | jq -e .linux.cgroup.systemd || skip "built --without-systemd"
	refused "reserve id: systemd cannot be reached: missing" --log "$BATS_TEST_TMPDIR/log" --log-format json \
		--systemd-cgroup run -b "$BUNDLE" "$ID"
	[[ $(jq -r .hint "$BATS_TEST_TMPDIR/log") == "systemctl is-system-running"* ]]
	set_config '.linux.cgroupsPath = "/a/b"'
	refused 'linux.cgroupsPath: "/a/b" is not "SLICE:PREFIX:NAME", as --systemd-cgroup needs it' \
		--systemd-cgroup run -b "$BUNDLE" "$ID"
	run -0 nsrun list -q
	assert_output ""
}

# bats test_tags=only:v2
@test "v2: exec reaches a container that moved itself into a cgroup of its own, as systemd does" {
	set_config '(.mounts[] | select(.type == "cgroup")).options = [] |
		.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])'
	resources '{unified: {"hugetlb.2MB.max": "max"}}'
	launch run -d -b "$BUNDLE" "$ID" sh -c 'cd /sys/fs/cgroup && mkdir -p payload/init && echo $$ >payload/init/cgroup.procs &&
		echo +hugetlb >cgroup.subtree_control && echo +hugetlb >payload/cgroup.subtree_control && echo ready && sleep 1000'
	wait_until grep -q ready "$OUTPUT"
	run -0 nsrun exec "$ID" cat /proc/self/cgroup
	assert_line 0::/payload/init
	assert_equal "$(nsrun ps -f json "$ID" | jq -c .)" "[$(pid_of "$ID")]"
	mkdir "$ROOT/nsrun/$ID/other"
	run -0 nsrun exec --cgroup other "$ID" cat /proc/self/cgroup
	assert_line 0::/other
	run -0 nsrun delete --force "$ID"
}

# ---- limits -----------------------------------------------------------------------------------------------

@test "pids: the limit holds" {
	has_v1 pids || has_v2 pids || skip "the pids controller is not in this cgroup hierarchy"
	resources '{pids: {limit: 4}}'
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null;
		(sleep 1 & sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait) 2>&1; true'
	assert_line --index 0 4
	assert_output --partial "can't fork"
	resources '{pids: {limit: -1}}'
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true'
	assert_output max
}

# bats test_tags=only:v1
@test "memory: limit, reservation and swap; the limit holds" {
	resources '{memory: {limit: 33554432, reservation: 16777216, swappiness: 10}}'
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'cd /sys/fs/cgroup/memory; cat memory.limit_in_bytes \
		memory.soft_limit_in_bytes memory.swappiness'
	assert_output "$(printf '33554432\n16777216\n10')"
	run nsrun run -b "$BUNDLE" "$ID" sh -c 'tail -c 100000000 /dev/zero'
	assert_equal "$status" 137
}

# bats test_tags=only:v1
@test "memory: a limit of 2 MiB is enough to start and to exec" {
	resources '{memory: {limit: 2097152}}'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" echo alive
	assert_output alive
}

# bats test_tags=only:v1
@test "cpu and cpuset" {
	resources '{cpu: {shares: 512, quota: 50000, period: 100000, cpus: "0", mems: "0"}}'
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'cd /sys/fs/cgroup; cat cpu/cpu.shares cpu/cpu.cfs_quota_us \
		cpu/cpu.cfs_period_us cpuset/cpuset.cpus; grep Cpus_allowed_list /proc/self/status'
	assert_output "$(printf '512\n50000\n100000\n0\nCpus_allowed_list:\t0')"
}

@test "hugetlb" {
	has_v2 hugetlb || skip "no cgroup v2 hierarchy here has hugetlb"
	resources '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	launch run -d -b "$BUNDLE" "$ID"
	assert_equal "$(cat "$UNIFIED/nsrun/$ID/hugetlb.2MB.max")" 4194304
	resources '{hugepageLimits: [{pageSize: "3MB", limit: 1}]}'
	run -1 nsrun run -b "$BUNDLE" "$ID-2" true
	assert_output --partial "3MB"
}

@test "unified keys, verbatim" {
	has_v2 hugetlb || skip "no cgroup v2 hierarchy here has hugetlb"
	resources '{unified: {"hugetlb.2MB.max": "2097152", "cgroup.max.depth": "3"}}'
	launch run -d -b "$BUNDLE" "$ID"
	assert_equal "$(cat "$UNIFIED/nsrun/$ID/hugetlb.2MB.max" "$UNIFIED/nsrun/$ID/cgroup.max.depth" | xargs)" "2097152 3"
	resources '{unified: {"../cgroup.max.depth": "3"}}'
	run -1 nsrun run -b "$BUNDLE" "$ID-2" true
	assert_output --partial "../cgroup.max.depth"
}

# bats test_tags=only:partial
@test "a limit whose controller is absent is refused by name" {
	if is_v2; then
		resources '{memory: {limit: 33554432}}'
		refused "memory limit asked for, but the memory controller is not available" run -b "$BUNDLE" "$ID"
		resources '{pids: {limit: 10}}'
		refused "the pids controller is not available" run -b "$BUNDLE" "$ID"
		resources '{unified: {"memory.max": "1000000"}}'
		refused "the memory controller is not available" run -b "$BUNDLE" "$ID"
	else
		resources '{network: {classID: 1048577}}'
		refused "the net_cls controller is not available" run -b "$BUNDLE" "$ID"
	fi
	assert_output --partial "(has: "
}

@test "limits that cannot be are an error with the file's name, and leave nothing" {
	if is_v2; then
		resources '{hugepageLimits: [{pageSize: "junk", limit: 1}]}'
		run -1 nsrun run -b "$BUNDLE" "$ID" true
		assert_output --partial junk
	else
		resources '{cpu: {cpus: "77"}}'
		run -1 nsrun run -b "$BUNDLE" "$ID" true
		assert_output --partial "cpuset.cpus"
	fi
	refused "container does not exist" state "$ID"
}

# ---- devices ----------------------------------------------------------------------------------------------

# Nodes of the container's own whose number has no driver: ENXIO is what the open of an allowed one says.
add_nodes()
{
	set_config '.linux.devices = [{path: "/dev/a", type: "c", major: 60, minor: 1},
		{path: "/dev/b", type: "c", major: 60, minor: 2}, {path: "/dev/block", type: "b", major: 60, minor: 1}]'
	ALLOWED="No such device or address" DENIED="Operation not permitted"
}

# opens [BUNDLE-COMMAND]: "a r", "a w", ... : what opening the nodes says, a line each.
opens()
{
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c "${1-}"'
		for d in a b block; do (exec 3</dev/$d) 2>&1; (exec 3>>/dev/$d) 2>&1; done; true'
	run -0 sed -E 's/^sh: can.t (open|create) .dev.([a-z]+): /\2 /' <<<"$output"
}

@test "devices: the default devices can be used, others not, by deny all" {
	resources '{devices: [{allow: false, access: "rwm"}]}'
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'for d in null zero full random urandom ptmx; do (exec 3<>/dev/$d) && echo $d; done'
	assert_output "$(printf '%s\n' null zero full random urandom ptmx)"
	add_nodes
	opens
	assert_output "$(printf '%s\n' "a $DENIED" "a $DENIED" "b $DENIED" "b $DENIED" "block $DENIED" "block $DENIED")"
}

@test "devices: rules in order, by number, kind and access; the last one that fits decides" {
	add_nodes
	resources '{devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 60, minor: 1, access: "r"},
		{allow: true, type: "b", major: 60, access: "rw"}]}'
	opens
	assert_output "$(printf '%s\n' "a $ALLOWED" "a $DENIED" "b $DENIED" "b $DENIED" "block $ALLOWED" "block $ALLOWED")"
	# One taken back, by its own numbers and within a wider rule; the default devices are always allowed.
	resources '{devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 60, minor: 1, access: "rw"},
		{allow: true, type: "c", major: 60, minor: 2, access: "rwm"}, {allow: false, type: "c", major: 60, minor: 1, access: "w"},
		{allow: false, type: "a", major: 60, access: "r"}, {allow: false, type: "c", major: 1, minor: 3}]}'
	opens 'echo x >/dev/null;'
	assert_output "$(printf '%s\n' "a $DENIED" "a $DENIED" "b $DENIED" "b $ALLOWED" "block $DENIED" "block $DENIED")"
	# By default all, but some.
	resources '{devices: [{allow: true, access: "rwm"}, {allow: false, type: "c", major: 60, minor: 2, access: "w"}]}'
	opens
	assert_output "$(printf '%s\n' "a $ALLOWED" "a $ALLOWED" "b $ALLOWED" "b $DENIED" "block $ALLOWED" "block $ALLOWED")"
}

@test "devices: a part of a wider rule taken back works on v2, and is refused on v1, which cannot" {
	add_nodes
	resources '{devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 60, access: "rw"},
		{allow: false, type: "c", major: 60, minor: 2, access: "w"}]}'
	if has_v1 devices; then
		refused 'linux.resources.devices: cgroup v1 cannot deny "c 60:2 w" out of "c 60:* rw"' run -b "$BUNDLE" "$ID"
		return
	fi
	opens
	assert_output "$(printf '%s\n' "a $ALLOWED" "a $ALLOWED" "b $ALLOWED" "b $DENIED" "block $DENIED" "block $DENIED")"
}

@test "devices: any node may be made, and is of no use" {
	set_config '.process.capabilities |= with_entries(.value += ["CAP_MKNOD"]) | .root.readonly = false'
	resources '{devices: [{allow: false, access: "rwm"}]}'
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'mknod /tmp/k c 60 1 && echo made; (exec 3</tmp/k) 2>&1; true'
	assert_line --index 0 made
	assert_line --index 1 --partial "$DENIED"
}

@test "devices: without rules all can be used" {
	add_nodes
	resources '{}'
	opens
	refute_output --partial "$DENIED"
	assert_equal "${#lines[@]}" 6
}

# ---- freezing ---------------------------------------------------------------------------------------------

@test "a created container that was frozen is paused: start says so, and works after the thaw" {
	launch create -b "$BUNDLE" "$ID"
	freeze
	for _ in {1..20}; do # more than the start socket's queue has room for
		wait_until is_status paused
	done
	run -1 timeout 10 "$NSRUN" start "$ID"
	assert_output "nsrun: start \"$ID\": cannot start: container is paused"
	thaw
	wait_until is_status created
	run -0 timeout 10 "$NSRUN" start "$ID"
	assert_status running
	# A stopped init, whose queue is full, hangs nobody who looks.
	nsrun delete --force "$ID"
	launch create -b "$BUNDLE" "$ID"
	kill -STOP "$(pid_of "$ID")"
	for _ in {1..20}; do
		run -0 timeout 10 "$NSRUN" state "$ID"
	done
	assert_status created
	run -0 timeout 10 "$NSRUN" delete "$ID"
}

@test "a container that was frozen is paused; kill and delete end it all the same" {
	launch run -d -b "$BUNDLE" "$ID"
	freeze
	wait_until is_status paused
	refused "cannot delete container \"$ID\" that is not stopped: paused" delete "$ID"
	run -0 timeout 20 "$NSRUN" kill "$ID" KILL
	wait_until is_status stopped
	run -0 nsrun delete "$ID"
	launch run -d -b "$BUNDLE" "$ID"
	freeze
	wait_until is_status paused
	run -0 timeout 20 "$NSRUN" delete --force "$ID"
}

# ---- delegation -------------------------------------------------------------------------------------------

# bats test_tags=only:v2
@test "v2: a container with a user namespace and a writable cgroup mount owns its cgroup" {
	set_config '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
		(.mounts[] | select(.type == "cgroup")).options = ["nosuid", "noexec", "nodev"]'
	launch run -d -b "$BUNDLE" "$ID"
	assert_equal "$(stat -c %u "$ROOT/nsrun/$ID" "$ROOT/nsrun/$ID/cgroup.procs" "$ROOT/nsrun/$ID/cgroup.subtree_control" | xargs)" \
		"100000 100000 100000"
	assert_equal "$(stat -c %u "$ROOT/nsrun/$ID/cgroup.freeze")" 0
	run -0 nsrun exec "$ID" sh -c 'mkdir /sys/fs/cgroup/mine && echo $$ >/sys/fs/cgroup/mine/cgroup.procs && cat /proc/self/cgroup'
	assert_line 0::/mine
	run -0 nsrun delete --force "$ID"
	set_config '(.mounts[] | select(.type == "cgroup")).options += ["ro"]'
	launch run -d -b "$BUNDLE" "$ID"
	assert_equal "$(stat -c %u "$ROOT/nsrun/$ID")" 0
}
