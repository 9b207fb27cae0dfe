#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Each resource of config.json in its file of cgroup v2, where all controllers are: at create, by update, and that
# the kernel holds the container to it.

load ../integration/cgroups

setup() { cgroup_begin; }
teardown() { cgroup_end; }

up() { launch run -d -b "$BUNDLE" "$ID"; }
# v2 FILE...: what the container's files say, in one line.
v2() { (cd "$ROOT/nsrun/$ID" && cat "$@") | xargs; }

@test "cpu: weight, quota, period, burst; what is not asked for keeps the kernel's default" {
	resources '{cpu: {shares: 1024, quota: 50000, period: 200000, burst: 10000}}'
	up
	assert_equal "$(v2 cpu.weight cpu.max cpu.max.burst cpu.idle)" "100 50000 200000 10000 0"
	# The files of other controllers are there only if a neighbour asked for them.
	assert_equal "$(cat "$ROOT/nsrun/$ID"/{memory,pids}.max 2>/dev/null | sort -u | grep -vx max)" ""
	run -0 nsrun update --cpu-share 2 --cpu-quota -1 "$ID"
	assert_equal "$(v2 cpu.weight cpu.max)" "1 max 200000"
	run -0 nsrun update --cpu-share 262144 --cpu-period 100000 "$ID"
	assert_equal "$(v2 cpu.weight cpu.max)" "10000 max 100000"
	run -0 nsrun update --cpu-idle 1 "$ID"
	assert_equal "$(v2 cpu.idle)" 1
}

@test "cpu: a quota that the kernel does not take is refused by its key, and nothing is left" {
	resources '{cpu: {quota: 10, period: 100000}}'
	refused "linux.resources.cpu.quota: cgroup \"/nsrun/$ID\"" run -b "$BUNDLE" "$ID"
	[[ ! -e $ROOT/nsrun/$ID ]]
}

@test "cpuset: cpus and mems, and the process runs there" {
	resources '{cpu: {cpus: "1", mems: "0"}}'
	up
	assert_equal "$(v2 cpuset.cpus cpuset.cpus.effective cpuset.mems)" "1 1 0"
	assert_equal "$(awk '/Cpus_allowed_list/ { print $2 }' "/proc/$(pid_of "$ID")/status")" 1
	run -0 nsrun exec "$ID" grep Cpus_allowed_list /proc/self/status
	assert_output --partial "	1"
	run -0 nsrun update --cpuset-cpus 0 "$ID"
	assert_equal "$(awk '/Cpus_allowed_list/ { print $2 }' "/proc/$(pid_of "$ID")/status")" 0
	run -1 nsrun update --cpuset-cpus 99 "$ID"
	assert_output --partial "--cpuset-cpus: cgroup \"/nsrun/$ID\""
	assert_equal "$(v2 cpuset.cpus)" 0
}

@test "memory: limit, reservation, swap" {
	resources '{memory: {limit: 67108864, reservation: 33554432, swap: 100663296}}'
	up
	assert_equal "$(v2 memory.max memory.low memory.swap.max)" "67108864 33554432 33554432"
	run -0 nsrun update --memory 128M --memory-swap 128M --memory-reservation 16M "$ID"
	assert_equal "$(v2 memory.max memory.low memory.swap.max)" "134217728 16777216 0"
	run -0 nsrun update --memory -1 "$ID"
	assert_equal "$(v2 memory.max memory.swap.max)" "max max"
}

@test "memory: who takes more is killed, and the container's status says so" {
	resources '{memory: {limit: 16777216, swap: 16777216}}'
	run -137 nsrun run -b "$BUNDLE" "$ID" dd if=/dev/zero of=/dev/null bs=64M count=1
}

@test "pids: the limit holds" {
	resources '{pids: {limit: 3}}'
	up
	assert_equal "$(v2 pids.max)" 3
	run nsrun exec "$ID" sh -c 'sleep 100 & sleep 100 & sleep 100 & wait'
	assert_failure
	assert_output --partial "fork"
	(($(awk '$1 == "max" { print $2 }' "$ROOT/nsrun/$ID/pids.events") > 0))
	run -0 nsrun update --pids-limit -1 "$ID"
	assert_equal "$(v2 pids.max)" max
}

@test "io: rates of a drive, weights" {
	local drive
	drive=$(lsblk -dno MAJ:MIN /dev/vda | xargs)
	resources '{blockIO: {throttleReadBpsDevice: [{major: 254, minor: 0, rate: 1048576}],
		throttleWriteBpsDevice: [{major: 254, minor: 0, rate: 2097152}],
		throttleReadIOPSDevice: [{major: 254, minor: 0, rate: 100}],
		throttleWriteIOPSDevice: [{major: 254, minor: 0, rate: 200}]}}'
	set_config '.linux.resources.blockIO |= walk(if type == "object" and has("rate") then
		.major = ($d | split(":")[0] | tonumber) | .minor = ($d | split(":")[1] | tonumber) else . end)' --arg d "$drive"
	up
	assert_equal "$(v2 io.max)" "$drive rbps=1048576 wbps=2097152 riops=100 wiops=200"
}

@test "io: a weight goes into BFQ's file, or into iocost's on its own scale" {
	modprobe bfq 2>/dev/null || true
	resources '{blockIO: {weight: 500}}'
	if [[ -e $ROOT/system.slice/io.bfq.weight ]]; then
		up
		assert_equal "$(v2 io.bfq.weight)" "default 500"
	elif [[ -e $ROOT/system.slice/io.weight ]]; then
		up
		assert_equal "$(v2 io.weight)" "default 4950"
	else
		refused "blockIO.weight" run -b "$BUNDLE" "$ID"
	fi
}

@test "hugetlb: use and reservation are bounded" {
	resources '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	up
	assert_equal "$(v2 hugetlb.2MB.max hugetlb.2MB.rsvd.max)" "4194304 4194304"
}

@test "rdma and misc: what this machine has none of is refused by its name" {
	resources '{rdma: {nosuch0: {hcaHandles: 3, hcaObjects: 10}}}'
	refused "linux.resources.rdma" run -b "$BUNDLE" "$ID"
	assert_output --partial nosuch0
	resources '{unified: {"misc.max": "nosuch 5"}}'
	refused "linux.resources.unified: cgroup \"/nsrun/$ID\"" run -b "$BUNDLE" "$ID"
	assert_output --partial misc.max
	resources '{rdma: {}}'
	up
	[[ ! -e $ROOT/nsrun/$ID/rdma.max || $(v2 rdma.max) == "" ]]
}

@test "unified: each controller's own keys, verbatim and after the others" {
	resources '{memory: {limit: 67108864}, unified: {"memory.high": "50331648", "cpu.weight": "77",
		"pids.max": "44", "memory.oom.group": "1", "cpuset.cpus": "0", "memory.max": "134217728"}}'
	up
	assert_equal "$(v2 memory.high cpu.weight pids.max memory.oom.group cpuset.cpus memory.max)" \
		"50331648 77 44 1 0 134217728"
}

@test "all at once, and only what is asked for is delegated to the container's parent" {
	resources '{cpu: {shares: 512, cpus: "0-1"}, memory: {limit: 134217728}, pids: {limit: 50},
		hugepageLimits: [{pageSize: "2MB", limit: 2097152}]}'
	up
	assert_equal "$(v2 cpu.weight cpuset.cpus memory.max pids.max hugetlb.2MB.max)" "59 0-1 134217728 50 2097152"
	run -0 nsrun exec "$ID" cat /proc/self/cgroup
	assert_output 0::/
	run -0 nsrun delete --force "$ID"
	[[ ! -e $ROOT/nsrun/$ID ]]
}

@test "devices: a BPF program allows the defaults and what is listed, no more" {
	set_config '.linux.devices = [{path: "/dev/drive", type: "b", major: 254, minor: 0, fileMode: 438},
		{path: "/dev/port", type: "c", major: 1, minor: 4, fileMode: 438}]'
	resources '{devices: [{allow: false, access: "rwm"}, {allow: true, type: "b", major: 254, minor: 0, access: "r"}]}'
	up
	run -0 nsrun exec "$ID" sh -c 'head -c 1 /dev/drive >/dev/null && echo read; head -c 1 /dev/zero | wc -c'
	assert_output "$(printf 'read\n1')"
	run -1 nsrun exec "$ID" sh -c '(: <>/dev/drive) 2>&1'
	assert_output --partial "not permitted"
	run -1 nsrun exec "$ID" sh -c '(: </dev/port) 2>&1'
	assert_output --partial "not permitted"
}

@test "delegation: a user namespace's root divides its cgroup, controllers included" {
	set_config '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
		(.mounts[] | select(.type == "cgroup")).options = ["nosuid", "noexec", "nodev"]'
	resources '{memory: {limit: 134217728}, pids: {limit: 100}}'
	up
	run -0 nsrun exec "$ID" sh -ec 'cd /sys/fs/cgroup; mkdir all half
		echo 1 >all/cgroup.procs; echo $$ >all/cgroup.procs
		echo "+memory +pids" >cgroup.subtree_control
		echo 16777216 >half/memory.max; echo 5 >half/pids.max; cat half/memory.max half/pids.max'
	assert_output "$(printf '16777216\n5')"
	# Its own cgroup takes no process any more: exec goes where its first process is.
	run -0 nsrun exec "$ID" sh -c 'echo in; cat /proc/self/cgroup'
	assert_output "$(printf 'in\n0::/all')"
	# What bounds the container itself is not its own.
	assert_equal "$(stat -c %u "$ROOT/nsrun/$ID/memory.max")" 0
	assert_equal "$(v2 memory.max)" 134217728
	run -0 nsrun delete --force "$ID"
	[[ ! -e $ROOT/nsrun/$ID ]]
}
