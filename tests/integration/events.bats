#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# events: what a container uses and its OOM kills, as runc tells them; and ps, which reads the same cgroups.

load cgroups

setup()
{
	cgroup_begin
	HELPERS=()
}

teardown()
{
	((${#HELPERS[@]} == 0)) || kill "${HELPERS[@]}" 2>/dev/null || true
	cgroup_end
}

# stats FILTER [ID]: of one look.
stats() { nsrun events --stats "${2-$ID}" | jq -c "$1"; }

# follow [ARG...]: the stream, into $STREAM.
follow()
{
	STREAM=$BATS_TEST_TMPDIR/stream
	timeout 60 "$NSRUN" events "$@" "$ID" >"$STREAM" 2>&1 3>&- &
	HELPERS+=($!)
}
has_lines() { (($(wc -l <"$STREAM") >= $1)); }

@test "the members are runc's" {
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun events --stats "$ID"
	assert_equal "${#lines[@]}" 1
	assert_equal "$(jq -c '[.type, .id, keys_unsorted]' <<<"$output")" "[\"stats\",\"$ID\",[\"type\",\"id\",\"data\"]]"
	assert_equal "$(jq -c '.data | keys_unsorted' <<<"$output")" \
		'["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]'
	assert_equal "$(jq -c '.data.memory | del(.psi, .cache, .raw) | keys_unsorted' <<<"$output")" '["usage","swap","kernel","kernelTCP"]'
	assert_equal "$(jq -c '.data.cpu | del(.psi) | keys_unsorted' <<<"$output")" '["usage","throttling"]'
	assert_equal "$(jq -c '.data.intel_rdt' <<<"$output")" '{}'
}

@test "the numbers are the container's: processor time, processes, huge pages" {
	! has_v2 hugetlb || resources '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	launch run -d -b "$BUNDLE" "$ID" sh -c 'sleep 1000 & sleep 1000 & while :; do :; done'
	three() { [[ $(stats .data.pids.current) == 3 ]]; }
	wait_until three
	local before
	before=$(stats .data.cpu.usage.total)
	grows() { (($(stats .data.cpu.usage.total) > before)); }
	wait_until grows
	if has_v1 pids; then
		nsrun update --pids-limit 50 "$ID"
		assert_equal "$(stats .data.pids.limit)" 50
	fi
	if has_v2 hugetlb; then
		assert_equal "$(stats '.data.hugetlb["2MB"].failcnt')" 0
	fi
	[[ ! -e ${UNIFIED-/none}/nsrun/$ID/cpu.pressure ]] || assert_equal "$(stats '.data.cpu.psi.some.total >= 0')" true
}

# bats test_tags=only:v1
@test "v1: memory, its limit and what it counts; cpu per processor; cpuset" {
	resources '{memory: {limit: 67108864}, cpu: {quota: 10000, period: 50000, cpus: "0"}}'
	launch run -d -b "$BUNDLE" "$ID" sh -c 'while :; do :; done'
	assert_equal "$(stats .data.memory.usage.limit)" 67108864
	assert_equal "$(stats '.data.memory.raw.hierarchical_memory_limit')" 67108864
	(($(stats .data.memory.usage.usage) > 0))
	assert_equal "$(stats .data.cpuset.cpus)" '[0]'
	assert_equal "$(stats '.data.cpu.usage.percpu | length')" "$(nproc --all)"
	throttled() { [[ $(stats '.data.cpu.throttling.throttledPeriods > 0') == true ]]; }
	wait_until throttled
}

@test "network interfaces are the container's own, counted; none where it shares the runtime's" {
	local pid counters='.stats64 | [.rx.bytes, .rx.packets, .tx.bytes, .tx.packets]'
	inside() { nsenter -t "$pid" -n "$@"; }
	launch run -d -b "$BUNDLE" "$ID"
	pid=$(pid_of "$ID")
	assert_equal "$(stats .data.network_interfaces)" null # lo is not worth telling
	inside sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
		ip link add eth7 type veth peer name eth8; ip address add 192.0.2.1/24 dev eth7; ip link set eth7 up; ip link set eth8 up'
	inside ping -c 3 -i 0.2 -W 1 -I eth7 224.0.0.1 || true
	assert_equal "$(stats '[.data.network_interfaces[].Name] | sort')" '["eth7","eth8"]'
	(($(stats '.data.network_interfaces[] | select(.Name == "eth7").TxPackets') >= 3))
	for ifname in eth7 eth8; do
		assert_equal "$(stats ".data.network_interfaces[] | select(.Name == \"$ifname\") | [.RxBytes, .RxPackets, .TxBytes, .TxPackets]")" \
			"$(inside ip -j -s link show "$ifname" | jq -c ".[0] | $counters")"
	done
	assert_equal "$(stats '.data.network_interfaces[0] | keys_unsorted')" \
		'["Name","RxBytes","RxPackets","RxErrors","RxDropped","TxBytes","TxPackets","TxErrors","TxDropped"]'
	set_config 'del(.linux.namespaces[] | select(.type == "network")) | del(.mounts[] | select(.type == "sysfs"))'
	launch run -d -b "$BUNDLE" "$ID-2"
	assert_equal "$(stats .data.network_interfaces "$ID-2")" null
}

@test "the stream: a line at once and in each interval, and its end is the container's" {
	launch run -d -b "$BUNDLE" "$ID"
	follow --interval 100ms
	wait_until has_lines 4
	assert_equal "$(head -n 4 "$STREAM" | jq -r .type | sort -u)" stats
	nsrun kill "$ID" KILL
	wait "${HELPERS[0]}"
	assert_equal "$(jq -r .type "$STREAM" | sort -u)" stats
}

# bats test_tags=only:v1
@test "v1: an OOM kill is an event, one that ends the container as well" {
	resources '{memory: {limit: 16777216}}'
	launch run -d -b "$BUNDLE" "$ID" sh -c 'sleep 1000'
	follow --interval 1h
	wait_until has_lines 1
	run nsrun exec "$ID" sh -c 'tail -c 100000000 /dev/zero'
	wait_until has_lines 2
	assert_equal "$(sed -n 2p "$STREAM")" "{\"type\":\"oom\",\"id\":\"$ID\"}"
	(($(stats .data.memory.usage.failcnt) > 0))
	nsrun delete --force "$ID"
	wait "${HELPERS[0]}"
	launch create -b "$BUNDLE" "$ID" sh -c 'exec tail -c 100000000 /dev/zero'
	follow --interval 1h
	wait_until has_lines 1
	nsrun start "$ID"
	wait "${HELPERS[1]}"
	assert_equal "$(tail -n +2 "$STREAM" | sort -u)" "{\"type\":\"oom\",\"id\":\"$ID\"}"
}

@test "a created and a paused container have stats; a stopped and an unknown one are refused" {
	launch create -b "$BUNDLE" "$ID"
	assert_equal "$(stats .data.pids.current)" 1
	nsrun start "$ID"
	nsrun pause "$ID"
	assert_equal "$(stats .data.pids.current)" 1
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	refused "container not running" events --stats "$ID"
	refused "container not running" events "$ID"
	refused "container does not exist" events --stats "$ID-2"
	local bad
	for bad in 5 0s -1s 5x 1.2.3s s 0.1us 9999999h; do
		refused "option --interval: expected a duration such as 5s, 500ms or 1m30s, not \"$bad\"" events --interval="$bad" "$ID"
	done
	# Without a cgroup there is little to tell, but it is told.
	nsrun delete "$ID"
	resources '{}'
	launch --cgroup-manager disabled run -d -b "$BUNDLE" "$ID"
	assert_equal "$(stats .data.memory.usage)" '{"limit":0,"failcnt":0}'
}

@test "ps: host pids, with the processes of cgroups that the container made; ps's own options" {
	set_config '(.mounts[] | select(.type == "cgroup")).options = [] |
		.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])'
	launch run -d -b "$BUNDLE" "$ID" sh -c 'cd /sys/fs/cgroup; for d in . *; do mkdir -p $d/a/b; done 2>/dev/null
		sleep 1000 & for f in a/b/cgroup.procs */a/b/cgroup.procs; do echo $! >$f; done 2>/dev/null; echo ready; wait'
	wait_until grep -q ready "$OUTPUT"
	run -0 nsrun ps --format json "$ID"
	assert_equal "$(jq -c 'length, (map(type) | unique)' <<<"$output" | xargs)" "2 [number]"
	assert_equal "$(jq -c 'sort' <<<"$output")" "$(jq -c . <<<"$output")"
	local pid
	pid=$(jq 'map(select(. != '"$(pid_of "$ID")"'))[0]' <<<"$output")
	assert_equal "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "sleep 1000 "
	run -0 nsrun ps "$ID"
	assert_line --index 0 --regexp '^UID +PID +PPID '
	assert_line --regexp "^root +$pid +$(pid_of "$ID") .* sleep 1000$"
	assert_equal "${#lines[@]}" 3
	run -0 nsrun ps "$ID" -e -o comm,pid
	assert_line --regexp "^sleep +$pid$"
	assert_equal "${#lines[@]}" 3
}
