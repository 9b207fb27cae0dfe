#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# update, events and pause where cgroup v2 has all its controllers.

load ../helpers

setup()
{
	test_begin
	make_bundle "$BUNDLE"
	HELPERS=()
}

teardown()
{
	((${#HELPERS[@]} == 0)) || kill "${HELPERS[@]}" 2>/dev/null || true
	test_end
}

resources() { set_config ".linux.resources = $1"; }
up() { launch run -d -b "$BUNDLE" "$ID" "$@"; }
# v2 FILE...: what they say, in one line.
v2() { (cd "/sys/fs/cgroup/nsrun/$ID" && cat "$@") | xargs; }
stats() { nsrun events --stats "$ID" | jq -c "$1"; }

@test "update: each flag, converted, and nothing else changes" {
	resources '{memory: {limit: 67108864}, cpu: {shares: 1024, quota: 50000, period: 100000}, pids: {limit: 20}}'
	up
	assert_equal "$(v2 cpu.weight cpu.max memory.max pids.max)" "100 50000 100000 67108864 20"
	run -0 nsrun update --memory 96M --memory-reservation 48m "$ID"
	assert_equal "$(v2 memory.max memory.low pids.max cpu.max)" "100663296 50331648 20 50000 100000"
	run -0 nsrun update --cpu-share 2000 --cpu-quota 25000 "$ID"
	assert_equal "$(v2 cpu.weight cpu.max)" "170 25000 100000"
	run -0 nsrun update --cpu-period 50000 --cpu-burst 1000 "$ID"
	assert_equal "$(v2 cpu.max cpu.max.burst)" "25000 50000 1000"
	run -0 nsrun update --cpu-burst 0 --cpu-quota -1 --cpuset-cpus 0 --cpuset-mems 0 --pids-limit -1 "$ID"
	assert_equal "$(v2 cpu.max cpu.max.burst cpuset.cpus cpuset.mems pids.max)" "max 50000 0 0 0 max"
	run -0 nsrun update --cpu-idle 1 "$ID"
	assert_equal "$(v2 cpu.idle cpu.weight)" "1 0"
	run -0 nsrun update --cpu-idle 0 --cpu-share 1024 "$ID"
	assert_equal "$(v2 cpu.idle cpu.weight memory.max)" "0 100 100663296"
	run -0 nsrun update --memory -1 "$ID"
	assert_equal "$(v2 memory.max)" max
}

@test "update: memory and swap, up and down; the total stays where memory alone changes" {
	[[ -e /sys/fs/cgroup/init.scope/memory.swap.max ]]
	resources '{memory: {limit: 67108864, swap: 134217728}}'
	up
	assert_equal "$(v2 memory.max memory.swap.max)" "67108864 67108864"
	run -0 nsrun update --memory 512M --memory-swap 1G "$ID"
	assert_equal "$(v2 memory.max memory.swap.max)" "536870912 536870912"
	run -0 nsrun update --memory 64M --memory-swap 96M "$ID"
	assert_equal "$(v2 memory.max memory.swap.max)" "67108864 33554432"
	run -0 nsrun update --memory 80M "$ID"
	assert_equal "$(v2 memory.max memory.swap.max)" "83886080 16777216"
	refused "--memory: 134217728 is above 100663296, the limit of memory and swap together" update --memory 128M "$ID"
	assert_equal "$(v2 memory.max memory.swap.max)" "83886080 16777216"
	run -0 nsrun update --memory-swap -1 "$ID"
	assert_equal "$(v2 memory.max memory.swap.max)" "83886080 max"
	refused "linux.resources.memory.limit: cgroup" update -r - "$ID" <<<'{"memory": {"limit": 4096, "checkBeforeUpdate": true}}'
	assert_output --partial "uses"
	assert_equal "$(v2 memory.max)" 83886080
}

@test "update: block I/O by weight and by device; all or nothing" {
	local dev
	dev=$(lsblk -dno MAJ:MIN | head -n 1 | xargs)
	resources '{blockIO: {weight: 500}}'
	up
	v2 io.weight io.bfq.weight 2>/dev/null | grep -E 'default (4950|500)'
	run -0 nsrun update -r - "$ID" <<<"{\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": ${dev%:*}, \"minor\": ${dev#*:}, \"rate\": 1048576}]}}"
	assert_equal "$(v2 io.max)" "$dev rbps=1048576 wbps=max riops=max wiops=max"
	run -0 nsrun update -r - "$ID" <<<"{\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": ${dev%:*}, \"minor\": ${dev#*:}, \"rate\": 0}]}}"
	assert_equal "$(v2 io.max)" ""
	run -1 nsrun update --memory 96M --pids-limit 7 --cpuset-cpus 999 "$ID"
	assert_output --partial "update \"$ID\": --cpuset-cpus: cgroup \"/nsrun/$ID\""
	assert_equal "$(v2 memory.max pids.max)" "max max"
}

@test "events: memory, processor time, throttling, pressure and processes" {
	resources '{memory: {limit: 67108864}, cpu: {quota: 10000, period: 50000}, pids: {limit: 20},
		hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	up sh -c 'sleep 1000 & while :; do :; done'
	counted() { [[ $(stats '[.data.memory.usage.limit, .data.pids.current, .data.pids.limit]') == "[67108864,2,20]" ]]; }
	wait_until counted
	assert_equal "$(stats '.data.memory.usage.usage > 0 and .data.memory.raw.anon > 0')" true
	throttled() { [[ $(stats '.data.cpu.throttling.throttledPeriods > 0 and .data.cpu.usage.total > 0') == true ]]; }
	wait_until throttled
	assert_equal "$(stats '[.data.cpu, .data.memory, .data.blkio | .psi.some.total >= 0]')" "[true,true,true]"
	assert_equal "$(stats '.data.hugetlb | has("2MB")')" true
}

@test "events: an OOM kill, also one that ends the container" {
	local stream=$BATS_TEST_TMPDIR/stream
	has_lines() { (($(wc -l <"$stream") >= $1)); }
	resources '{memory: {limit: 16777216, swap: 16777216}}'
	up sleep 1000
	"$NSRUN" events --interval 1h "$ID" >"$stream" 2>&1 3>&- &
	HELPERS+=($!)
	wait_until -t 30 has_lines 1
	run nsrun exec "$ID" sh -c 'tail -c 100000000 /dev/zero'
	wait_until -t 30 has_lines 2
	assert_equal "$(sed -n 2p "$stream")" "{\"type\":\"oom\",\"id\":\"$ID\"}"
	nsrun delete --force "$ID"
	wait "${HELPERS[0]}"
	launch create -b "$BUNDLE" "$ID" sh -c 'exec tail -c 100000000 /dev/zero'
	"$NSRUN" events --interval 1h "$ID" >"$stream" 2>&1 3>&- &
	HELPERS=($!)
	wait_until -t 30 has_lines 1
	nsrun start "$ID"
	wait "${HELPERS[0]}"
	assert_equal "$(tail -n +2 "$stream" | sort -u)" "{\"type\":\"oom\",\"id\":\"$ID\"}"
}

@test "pause and resume; kill ends a paused container" {
	up
	run -0 nsrun pause "$ID"
	assert_status paused
	assert_equal "$(v2 cgroup.freeze)" 1
	run -0 nsrun update --pids-limit 9 "$ID"
	run -0 nsrun resume "$ID"
	assert_status running
	nsrun pause "$ID"
	run -0 nsrun kill "$ID" KILL
	wait_until -t 30 is_status stopped
}
