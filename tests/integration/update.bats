#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# update: other limits for a container that lives. v1's files here, and what cgroup2 has beside them; all of
# cgroup v2's controllers are in tests/vm.

load cgroups

setup() { cgroup_begin; }
teardown() { cgroup_end; }

up() { launch run -d -b "$BUNDLE" "$ID" "$@"; }
# v1 CONTROLLER/FILE..., v2 FILE...: what they say, in one line.
v1() { (cd "$ROOT" && for f in "$@"; do cat "${f%/*}/nsrun/$ID/${f##*/}"; done) | xargs; }
v2() { (cd "$UNIFIED/nsrun/$ID" && cat "$@") | xargs; }
# kept FILTER: of the copy of the config.
kept() { jq -c "$1" "/run/nsrun/containers/$ID/config.json"; }

# bats test_tags=only:v1
@test "flags: each into its file, and nothing else changes" {
	local before
	resources '{memory: {limit: 67108864}, cpu: {shares: 512, quota: 50000, period: 100000}, pids: {limit: 20}}'
	up
	run -0 nsrun update --memory 96M --memory-reservation=48m "$ID"
	assert_output ""
	assert_equal "$(v1 memory/memory.limit_in_bytes memory/memory.soft_limit_in_bytes pids/pids.max)" "100663296 50331648 20"
	run -0 nsrun update --cpu-share 256 --cpu-quota 25000 "$ID"
	assert_equal "$(v1 cpu/cpu.{shares,cfs_quota_us,cfs_period_us})" "256 25000 100000"
	run -0 nsrun update --cpu-period 50000 "$ID"
	assert_equal "$(v1 cpu/cpu.{shares,cfs_quota_us,cfs_period_us})" "256 25000 50000"
	run -0 nsrun update --cpu-quota -1 --cpu-burst 0 --cpu-idle 1 "$ID"
	assert_equal "$(v1 cpu/cpu.{cfs_quota_us,cfs_period_us,idle})" "-1 50000 1"
	run -0 nsrun update --cpu-idle 0 "$ID"
	run -0 nsrun update --cpuset-cpus 0 --cpuset-mems=0 --pids-limit -1 "$ID"
	assert_equal "$(v1 cpuset/cpuset.{cpus,mems} pids/pids.max cpu/cpu.idle)" "0 0 max 0"
	assert_equal "$(v1 memory/memory.limit_in_bytes)" 100663296
	before=$(v1 cpu/cpu.{shares,cfs_quota_us,cfs_period_us} memory/memory.limit_in_bytes pids/pids.max cpuset/cpuset.cpus)
	run -0 nsrun update "$ID"
	assert_equal "$(v1 cpu/cpu.{shares,cfs_quota_us,cfs_period_us} memory/memory.limit_in_bytes pids/pids.max cpuset/cpuset.cpus)" "$before"
}

# bats test_tags=only:v1
@test "sizes as runc and docker take them" {
	local row
	up
	for row in 64m=67108864 64MiB=67108864 0.5g=536870912 1.5G=1610612736 "96 MB=100663296" 65536k=67108864 134217728=134217728; do
		run -0 nsrun update --memory "${row%=*}" "$ID"
		assert_equal "$(v1 memory/memory.limit_in_bytes)" "${row#*=}"
	done
	run -0 nsrun update --memory -1 "$ID"
	(($(v1 memory/memory.limit_in_bytes) > 1 << 60))
	for row in 64x m64 1.g -2 9999999999999999g 0x10 "" "1 2"; do
		[[ $row ]] || continue
		refused "--memory: expected a size such as 64M or 1.5g, or -1, not \"$row\"" update --memory="$row" "$ID"
	done
}

# bats test_tags=only:v1
@test "memory and swap: up, down and lifted, whatever bounds the other" {
	[[ -e $ROOT/memory/memory.memsw.limit_in_bytes ]] || skip "this kernel does not account swap"
	resources '{memory: {limit: 67108864, swap: 134217728}}'
	both() { v1 memory/memory.{limit_in_bytes,memsw.limit_in_bytes}; }
	up
	run -0 nsrun update --memory 512M --memory-swap 1G "$ID"
	assert_equal "$(both)" "536870912 1073741824"
	run -0 nsrun update --memory 64M --memory-swap 64M "$ID"
	assert_equal "$(both)" "67108864 67108864"
	refused "--memory: 134217728 is above 67108864, the limit of memory and swap together" update --memory 128M "$ID"
	assert_equal "$(both)" "67108864 67108864"
	run -0 nsrun update --memory 48M "$ID"
	assert_equal "$(both)" "50331648 67108864"
	run -0 nsrun update --memory -1 "$ID"
	(($(v1 memory/memory.memsw.limit_in_bytes) > 1 << 60))
}

# bats test_tags=only:v1
@test "JSON from a file and from stdin; flags stand over it; zeros and empty objects ask for nothing" {
	resources '{memory: {limit: 67108864}, cpu: {shares: 512}}'
	up
	echo '{"memory": {"limit": 100663296, "swap": 0}, "pids": {"limit": 9}, "cpu": {"shares": 0, "quota": 0, "cpus": ""},
		"blockIO": {"weight": 0}}' >"$BATS_TEST_TMPDIR/r.json"
	run -0 nsrun update -r "$BATS_TEST_TMPDIR/r.json" "$ID"
	assert_equal "$(v1 memory/memory.limit_in_bytes pids/pids.max cpu/cpu.shares)" "100663296 9 512"
	run -0 nsrun update --resources=- "$ID" <<<'{"pids": {"limit": 10}, "cpu": {}}'
	assert_equal "$(v1 memory/memory.limit_in_bytes pids/pids.max)" "100663296 10"
	run -0 nsrun update --resources - --pids-limit 12 "$ID" <<<'{"pids": {"limit": 11}, "cpu": {"shares": 100}}'
	assert_equal "$(v1 pids/pids.max cpu/cpu.shares)" "12 100"
	run -1 nsrun update -r - "$ID" <<<'{"pids": {"limit": "many"}}'
	assert_output --partial "stdin: pids.limit: expected"
	run -1 nsrun update -r - "$ID" <<<'{"pids": {'
	assert_output --partial "stdin"
	run -1 nsrun update -r "$BATS_TEST_TMPDIR/none.json" "$ID"
	assert_output --partial "--resources: "
	assert_equal "$(v1 pids/pids.max)" 12
}

# bats test_tags=only:v1
@test "all or nothing: what came before a refused limit is taken back" {
	resources '{memory: {limit: 67108864}, cpu: {shares: 512}, pids: {limit: 20}}'
	up
	run -1 nsrun update --cpu-share 300 --memory 96M --pids-limit 7 --cpuset-cpus 999 "$ID"
	assert_output --partial "update \"$ID\": --cpuset-cpus: cgroup \"/nsrun/$ID\""
	assert_output --partial "cpuset.cpus"
	assert_equal "$(v1 cpu/cpu.shares memory/memory.limit_in_bytes pids/pids.max)" "512 67108864 20"
	assert_equal "$(kept .linux.resources)" '{"memory":{"limit":67108864},"cpu":{"shares":512},"pids":{"limit":20}}'
}

# bats test_tags=only:v1
@test "the record knows: what was updated stands in the copy of the config, the rest as it was" {
	resources '{memory: {limit: 67108864, swap: 134217728}, unified: {}}'
	up
	nsrun update --pids-limit 30 --memory 96M "$ID"
	assert_equal "$(kept .linux.resources)" '{"memory":{"limit":100663296,"swap":134217728},"pids":{"limit":30}}'
	assert_equal "$(kept .process.args)" '["sleep","1000"]'
	run -0 nsrun exec "$ID" echo in
	assert_output in
}

@test "hugetlb and unified keys; those not named stay in the record" {
	has_v2 hugetlb || skip "no cgroup v2 hierarchy here has hugetlb"
	resources '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}], unified: {"cgroup.max.depth": "5"}}'
	up
	run -0 nsrun update -r - "$ID" <<<'{"hugepageLimits": [{"pageSize": "2MB", "limit": 2097152}]}'
	assert_equal "$(v2 hugetlb.2MB.max cgroup.max.depth)" "2097152 5"
	run -0 nsrun update -r - "$ID" <<<'{"unified": {"hugetlb.2MB.max": "6291456", "cgroup.max.descendants": "7"}}'
	assert_equal "$(v2 hugetlb.2MB.max cgroup.max.depth cgroup.max.descendants)" "6291456 5 7"
	assert_equal "$(kept '.linux.resources.unified | keys | join(" ")')" '"cgroup.max.depth cgroup.max.descendants hugetlb.2MB.max"'
	# The second key does not exist: the first is taken back.
	run -1 nsrun update -r - "$ID" <<<'{"unified": {"cgroup.max.depth": "9", "cgroup.nosuch": "7"}}'
	assert_output --partial "linux.resources.unified: cgroup \"/nsrun/$ID\""
	assert_output --partial "cgroup.nosuch"
	assert_equal "$(v2 cgroup.max.depth)" 5
}

@test "devices: the new rules take the place of the old ones, in the running container" {
	set_config '.linux.devices = [{path: "/dev/a", type: "c", major: 60, minor: 1}, {path: "/dev/b", type: "c", major: 60, minor: 2}]'
	resources '{devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 60, minor: 1, access: "rw"}]}'
	opens() { run -0 nsrun exec "$ID" sh -c 'for d in a b null; do (exec 3<>/dev/$d) 2>&1 && echo $d; done; true'; }
	up
	opens
	assert_line --index 0 --partial "No such device or address"
	assert_line --index 1 --partial "Operation not permitted"
	assert_line --index 2 null
	run -0 nsrun update -r - "$ID" <<<'{"devices": [{"allow": false, "access": "rwm"},
		{"allow": true, "type": "c", "major": 60, "minor": 2, "access": "rw"}]}'
	opens
	assert_line --index 0 --partial "Operation not permitted"
	assert_line --index 1 --partial "No such device or address"
	assert_line --index 2 null
	# Another limit leaves them as they are.
	run -0 nsrun update -r - "$ID" <<<'{"devices": []}'
	opens
	assert_line --index 0 --partial "Operation not permitted"
	# All: no program is left on v2.
	run -0 nsrun update -r - "$ID" <<<'{"devices": [{"allow": true, "access": "rwm"}]}'
	opens
	refute_output --partial "Operation not permitted"
}

# bats test_tags=only:v2
@test "all or nothing: the device program too" {
	set_config '.linux.devices = [{path: "/dev/a", type: "c", major: 60, minor: 1}]'
	opens() { run -0 nsrun exec "$ID" sh -c '(exec 3<>/dev/a) 2>&1; true'; }
	local all='[{"allow": true, "access": "rwm"}]' none='[{"allow": false, "access": "rwm"}]' rules
	resources "{devices: $none}"
	up
	opens
	assert_output --partial "Operation not permitted"
	for rules in "$all" '[{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 60, "access": "rw"}]'; do
		run -1 nsrun update -r - "$ID" <<<"{\"devices\": $rules, \"unified\": {\"cgroup.nosuch\": \"1\"}}"
		assert_output --partial cgroup.nosuch
		opens
		assert_output --partial "Operation not permitted"
	done
	# And where there was none.
	nsrun update -r - "$ID" <<<"{\"devices\": $all}"
	run -1 nsrun update -r - "$ID" <<<"{\"devices\": $none, \"unified\": {\"cgroup.nosuch\": \"1\"}}"
	opens
	assert_output --partial "No such device or address"
}

# bats test_tags=only:v1
@test "all or nothing: the device rules of cgroup v1 too" {
	set_config '.linux.devices = [{path: "/dev/a", type: "c", major: 60, minor: 1}]'
	opens() { run -0 nsrun exec "$ID" sh -c '(exec 3<>/dev/a) 2>&1; true'; }
	local all='[{"allow": true, "access": "rwm"}]' none='[{"allow": false, "access": "rwm"}]' rules wide
	wide='[{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 60, "access": "rw"}]'
	# Cgroup v1 cannot deny what is within an allowed range: refused when half is written.
	local half='[{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 60, "access": "rw"},
		{"allow": false, "type": "c", "major": 60, "minor": 2, "access": "rw"}]'
	resources "{devices: $none}"
	up
	opens
	assert_output --partial "Operation not permitted"
	for rules in "$all" "$wide"; do
		run -1 nsrun update -r - "$ID" <<<"{\"devices\": $rules, \"unified\": {\"cgroup.nosuch\": \"1\"}}"
		opens
		assert_output --partial "Operation not permitted"
	done
	run -1 nsrun update -r - "$ID" <<<"{\"devices\": $half}"
	assert_output --partial "cgroup v1 cannot"
	opens
	assert_output --partial "Operation not permitted"
	nsrun update -r - "$ID" <<<"{\"devices\": $all}"
	for rules in "{\"devices\": $half}" "{\"devices\": $none, \"unified\": {\"cgroup.nosuch\": \"1\"}}"; do
		run -1 nsrun update -r - "$ID" <<<"$rules"
		opens
		assert_output --partial "No such device or address"
	done
}

# bats test_tags=only:v1
@test "all or nothing: the device rules of cgroup v1, where there were none" {
	set_config '.linux.devices = [{path: "/dev/a", type: "c", major: 60, minor: 1}] | del(.linux.resources.devices)'
	up
	run -1 nsrun update -r - "$ID" <<<'{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c",
		"major": 60, "access": "r"}, {"allow": false, "type": "c", "major": 60, "minor": 2, "access": "r"}]}'
	assert_output --partial "cgroup v1 cannot"
	run -0 nsrun exec "$ID" sh -c '(exec 3<>/dev/a) 2>&1; true'
	assert_output --partial "No such device or address"
}

# bats test_tags=only:v1
@test "all or nothing: what is limited by device" {
	local disk limit
	disk=$(cat /sys/block/*/dev | head -n 1)
	[[ $disk ]] || skip "this kernel has no block device"
	limit="{major: ${disk%:*}, minor: ${disk#*:}, rate: 1048576}"
	resources "{blockIO: {throttleReadBpsDevice: [$limit]}}"
	up
	run -1 nsrun update -r - "$ID" < <(jq -n "{unified: {\"cgroup.nosuch\": \"1\"}, blockIO:
		{throttleReadBpsDevice: [$limit | .rate = 4096], throttleWriteBpsDevice: [$limit | .rate = 4096]}}")
	assert_output --partial cgroup.nosuch
	assert_equal "$(v1 blkio/blkio.throttle.read_bps_device blkio/blkio.throttle.write_bps_device)" "$disk 1048576"
}

@test "what cannot be is refused by name: bad values, absent controllers, no resctrl, by status" {
	local flag
	up
	refused "--pids-limit: expected a number of at least -1, not \"many\"" update --pids-limit many "$ID"
	refused "--blkio-weight: expected a number from 10 to 1000, not \"5\"" update --blkio-weight 5 "$ID"
	refused "--cpu-idle: expected a number from 0 to 1, not \"2\"" update --cpu-idle 2 "$ID"
	refused "--cpu-period: expected a number of at least 1, not \"-5\"" update --cpu-period -5 "$ID"
	refused "option --no-such is not known" update --no-such 5 "$ID"
	[[ -e /sys/fs/resctrl/schemata ]] || for flag in l3-cache-schema mem-bw-schema; do
		refused "--$flag: no resctrl file system is mounted at \"/sys/fs/resctrl\"" update --$flag L3:0=f "$ID"
	done
	if is_v2; then
		refused "--cpu-rt-runtime: cgroup v2 has nothing like it" update --cpu-rt-runtime 1000 "$ID"
		has_v2 memory || refused "memory limit asked for, but the memory controller is not available" update --memory 64M "$ID"
	fi
	nsrun pause "$ID"
	run -0 nsrun update -r - "$ID" <<<'{"unified": {"cgroup.max.depth": "4"}}'
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	refused "container not running: it has stopped" update --pids-limit 5 "$ID"
	refused "container does not exist" update --pids-limit 5 "$ID-2"
	nsrun delete "$ID"
	resources '{}'
	launch --cgroup-manager disabled run -d -b "$BUNDLE" "$ID"
	refused "the container has no cgroup, so no limits either" update --pids-limit 5 "$ID"
}

@test "a created container can be updated; start, exec and delete work after" {
	launch create -b "$BUNDLE" "$ID"
	run -0 nsrun update -r - "$ID" <<<'{"unified": {"cgroup.max.depth": "4"}}'
	run -0 nsrun start "$ID"
	run -0 nsrun exec "$ID" echo in
	run -0 nsrun delete --force "$ID"
}
