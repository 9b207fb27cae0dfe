#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --systemd-cgroup: the container's cgroup is a scope of systemd's, of the system's manager or of a user's. Where the
# VM was booted with --kernel=systemd.unified_cgroup_hierarchy=0: on hybrid cgroups.

load ../helpers
load alice

# Where nsrun looks for the helper is fixed in it; what it says is missing is put there. nsrun-faults has the build
# directory's.
setup_file()
{
	make_bundle "$BATS_FILE_TMPDIR/bundle"
	HELPER=$(nsrun --systemd-cgroup run -b "$BATS_FILE_TMPDIR/bundle" helper 2>&1 |
		sed -n 's/.*the helper for systemd, "\(.*\)", is missing$/\1/p')
	[[ $HELPER == /*/nsrun-systemd ]] || fail "$NSRUN does not tell where its helper is: $HELPER"
	install -D -m 0755 "$BUILD/nsrun-systemd" "$HELPER"
	export HELPER
}

teardown_file() { rm -f "$HELPER"; }

setup()
{
	test_begin
	make_bundle "$BUNDLE"
	UNIT=nsrun-$ID.scope
	DIR=/sys/fs/cgroup/system.slice/$UNIT
}

property() { systemctl show --property "$1" --value "${2-$UNIT}"; }
# gone UNIT: systemd knows nothing of it, not even that it failed.
gone() { [[ $(property LoadState "${1-$UNIT}") == not-found && $(property ActiveState "${1-$UNIT}") == inactive ]]; }
resources() { set_config ".linux.resources = $1"; }
file() { cat "$DIR/$1"; }

# ---- the scope --------------------------------------------------------------------------------------------

# bats test_tags=only:v2
@test "the scope: nsrun-ID in system.slice, delegated, and gone with the container" {
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	assert_equal "$(property ActiveState)" active
	assert_equal "$(property ControlGroup)" "/system.slice/$UNIT"
	assert_equal "$(property Slice)" system.slice
	assert_equal "$(property Delegate)" yes
	assert_equal "$(property DefaultDependencies)" no
	assert_equal "$(property MemoryAccounting) $(property TasksAccounting)" "yes yes"
	[[ $(property Description) == "nsrun container $ID ("*")" ]]
	grep -qx "$(pid_of "$ID")" "$DIR/cgroup.procs"
	run -0 nsrun delete --force "$ID"
	gone
	[[ ! -e $DIR ]]
}

@test "the scope: the container is inside from its first instruction" {
	run -0 nsrun --systemd-cgroup run -b "$BUNDLE" "$ID" cat /proc/self/cgroup
	assert_line 0::/
	set_config 'del(.linux.namespaces[] | select(.type == "cgroup"))'
	run -0 nsrun --systemd-cgroup run -b "$BUNDLE" "$ID" cat /proc/self/cgroup
	assert_line "0::/system.slice/$UNIT"
	gone
}

# bats test_tags=only:v2
@test "cgroupsPath: SLICE:PREFIX:NAME, slices nested by dashes" {
	local top=t${NSRUN_TEST_TAG}
	set_config '.linux.cgroupsPath = $p' --arg p "$top-a-b.slice:pre:$ID"
	launch --cgroup-manager systemd run -d -b "$BUNDLE" "$ID"
	assert_equal "$(property ControlGroup "pre-$ID.scope")" \
		"/$top.slice/$top-a.slice/$top-a-b.slice/pre-$ID.scope"
	run -0 nsrun delete --force "$ID"
	gone "pre-$ID.scope"
	systemctl stop "$top.slice"

	set_config '.linux.cgroupsPath = $p' --arg p "-::_$ID"
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	assert_equal "$(property ControlGroup "_$ID.scope")" "/__$ID.scope"
	grep -qx "$(pid_of "$ID")" "/sys/fs/cgroup/__$ID.scope/cgroup.procs"
}

@test "a unit that is there is refused, and left alone" {
	systemd-run --quiet --scope --unit "$UNIT" sleep 1000 3>&- &
	wait_until systemctl --quiet is-active "$UNIT"
	refused "reserve id: systemd has a unit \"$UNIT\" already, which is active" \
		--systemd-cgroup run -b "$BUNDLE" "$ID"
	run -0 nsrun delete --force "$ID"
	assert_equal "$(property ActiveState)" active
	systemctl stop "$UNIT"
	wait
}

@test "a unit of that name that failed is in nobody's way" {
	systemd-run --quiet --scope --unit "$UNIT" -p RuntimeMaxSec=1 sleep 1000 3>&- || true
	has_failed() { [[ $(property ActiveState) == failed ]]; }
	wait_until has_failed
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	assert_equal "$(property ActiveState)" active
	run -0 nsrun delete --force "$ID"
	gone
}

# ---- limits -----------------------------------------------------------------------------------------------

# bats test_tags=only:v2
@test "limits: properties of the unit, and exactly in its files" {
	resources '{memory: {limit: 67108864, reservation: 33554432, swap: 100663296},
		cpu: {shares: 1024, quota: 33333, period: 100000, cpus: "0", mems: "0"},
		pids: {limit: 42}, blockIO: {weight: 500}, hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	assert_equal "$(property MemoryMax)" 67108864
	assert_equal "$(property MemoryLow)" 33554432
	assert_equal "$(property MemorySwapMax)" 33554432
	assert_equal "$(property CPUWeight)" 100
	assert_equal "$(property CPUQuotaPerSecUSec)" 340ms
	assert_equal "$(property CPUQuotaPeriodUSec)" 100ms
	assert_equal "$(property AllowedCPUs)" 0
	assert_equal "$(property AllowedMemoryNodes)" 0
	assert_equal "$(property TasksMax)" 42
	assert_equal "$(property IOWeight)" 4950
	assert_equal "$(file memory.max) $(file memory.low) $(file memory.swap.max)" "67108864 33554432 33554432"
	assert_equal "$(file cpu.weight) $(file cpu.max)" "100 33333 100000"
	assert_equal "$(file cpuset.cpus) $(file cpuset.mems) $(file pids.max)" "0 0 42"
	assert_equal "$(file hugetlb.2MB.max)" 4194304
}

# bats test_tags=only:v2
@test "limits: unified keys" {
	resources '{unified: {"memory.high": "50331648", "memory.min": "1048576", "pids.max": "30", "cpu.weight": "123",
		"cpu.max": "20000 50000", "cpuset.cpus": "1", "memory.oom.group": "1"}}'
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	assert_equal "$(property MemoryHigh) $(property MemoryMin)" "50331648 1048576"
	assert_equal "$(property TasksMax) $(property CPUWeight)" "30 123"
	assert_equal "$(property CPUQuotaPerSecUSec) $(property CPUQuotaPeriodUSec)" "400ms 50ms"
	assert_equal "$(property AllowedCPUs)" 1
	assert_equal "$(file memory.oom.group) $(file cpu.max)" "1 20000 50000"
}

# bats test_tags=only:v2
@test "limits: a reload of systemd leaves them as they are" {
	resources '{memory: {limit: 67108864}, pids: {limit: 42}}'
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	systemctl daemon-reload
	assert_equal "$(file memory.max) $(file pids.max)" "67108864 42"
}

@test "device rules: the unit's and the container's, also after a reload of systemd" {
	local major minor
	read -r major minor < <(stat -c '%t %T' /dev/vda)
	major=$((16#$major)) minor=$((16#$minor))
	resources '{devices: [{allow: false, access: "rwm"}, {allow: true, type: "b", major: '"$major, minor: $minor"', access: "r"}]}'
	set_config '.linux.devices = [{type: "b", major: '"$major, minor: $minor"', path: "/dev/disk"},
		{type: "c", major: 10, minor: 237, path: "/dev/loop-control"}]'
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	assert_equal "$(property DevicePolicy)" strict
	[[ $(property DeviceAllow) == *"/dev/block/$major:$minor r"* ]]
	systemctl daemon-reload
	run -0 nsrun exec "$ID" sh -c ': </dev/disk && : >/dev/null'
	run ! nsrun exec "$ID" sh -c ': >/dev/disk'
	assert_output --partial "Operation not permitted"
	run ! nsrun exec "$ID" sh -c ': </dev/loop-control'
	assert_output --partial "Operation not permitted"
}

# bats test_tags=only:v2
@test "update: the unit and the files" {
	resources '{memory: {limit: 67108864, swap: 100663296}, pids: {limit: 42}}'
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	run -0 nsrun update --memory 96M --memory-swap 128M --pids-limit 50 --cpu-quota 25001 --cpu-period 100000 "$ID"
	assert_equal "$(property MemoryMax) $(property MemorySwapMax) $(property TasksMax)" "100663296 33554432 50"
	assert_equal "$(property CPUQuotaPerSecUSec)" 260ms
	assert_equal "$(file memory.max) $(file pids.max) $(file cpu.max)" "100663296 50 25001 100000"
	systemctl daemon-reload
	assert_equal "$(file memory.max) $(file pids.max)" "100663296 50"
	run -0 nsrun update --memory-swap 200M "$ID"
	assert_equal "$(property MemorySwapMax)" $((104 << 20))
}

@test "annotations are properties; some are refused" {
	set_config '.annotations = {"org.systemd.property.TimeoutStopUSec": "uint64 123456789",
		"org.systemd.property.CollectMode": "'\''inactive-or-failed'\''",
		"org.systemd.property.RuntimeMaxSec": "300", "org.systemd.property.SendSIGHUP": "true",
		"org.systemd.property.After": "['\''basic.target'\'']", "org.systemd.property.KillSignal": "10",
		"org.systemd.property.Description": "'\''my box'\''"}'
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	assert_equal "$(property TimeoutStopUSec)" "2min 3.456789s"
	assert_equal "$(property CollectMode) $(property SendSIGHUP) $(property KillSignal)" "inactive-or-failed yes 10"
	assert_equal "$(property RuntimeMaxUSec)" 5min
	[[ " $(property After) " == *" basic.target "* ]] || fail "After: $(property After)"
	assert_equal "$(property Description)" "my box"
	run -0 nsrun delete --force "$ID"
	gone
	set_config '.annotations = {"org.systemd.property.PIDs": "[uint32 1]"}'
	refused "annotations[org.systemd.property.PIDs]: this property is not for annotations" \
		--systemd-cgroup run -b "$BUNDLE" "$ID"
	set_config '.annotations = {"org.systemd.property.Nonsense": "1"}'
	refused "attach cgroup: start unit \"$UNIT\": systemd: " --systemd-cgroup run -b "$BUNDLE" "$ID"
	gone
}

# ---- the other verbs --------------------------------------------------------------------------------------

# bats test_tags=only:v2
@test "exec, pause, resume, ps and kill work in the scope" {
	launch --systemd-cgroup create -b "$BUNDLE" "$ID"
	run -0 nsrun start "$ID"
	launch exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000
	grep -qx "$(<"$BATS_TEST_TMPDIR/pid")" "$DIR/cgroup.procs"
	run -0 nsrun ps -f json "$ID"
	assert_equal "$(jq length <<<"$output")" 2
	run -0 nsrun pause "$ID"
	assert_status paused
	grep -qx "frozen 1" "$DIR/cgroup.events"
	run -0 nsrun resume "$ID"
	assert_status running
	run -0 nsrun kill "$ID" KILL
	wait_until gone
	assert_status stopped
	run -0 nsrun delete "$ID"
}

# bats test_tags=only:v2
@test "a container with a user namespace may manage the scope's cgroup" {
	set_config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings
		| (.mounts[] | select(.type == "cgroup")).options |= map(select(. != "ro"))'
	chmod 0755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$BUNDLE"
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	assert_equal "$(stat -c %u "$DIR" "$DIR/cgroup.procs" | sort -u)" 100000
	run -0 nsrun exec "$ID" mkdir /sys/fs/cgroup/sub
	run -0 nsrun delete --force "$ID"
	gone
}

# ---- what goes wrong --------------------------------------------------------------------------------------

@test "SIGKILL after each step: delete --force leaves no scope" {
	local step
	for step in "reserve id" "spawn init" "attach cgroup" "await environment" "save state"; do
		# shellcheck disable=SC2030
		run env NSRUN_FAULT="$step=kill" "$NSRUN_FAULTY" --systemd-cgroup create -b "$BUNDLE" "$ID"
		assert_failure 137
		run -0 nsrun delete --force "$ID"
		gone || fail "after \"$step\": $(systemctl status "$UNIT")"
		[[ ! -e $DIR ]]
		run env NSRUN_FAULT="$step" "$NSRUN_FAULTY" --systemd-cgroup create -b "$BUNDLE" "$ID"
		assert_failure 1
		gone || fail "after \"$step\" failed: $(systemctl status "$UNIT")"
		run -1 nsrun state "$ID"
	done
}

@test "without a record: delete --force finds the scope by its name and description" {
	local config pid
	for config in . '.linux.cgroupsPath = "nsruntest.slice:box:" + $id' \
		'.annotations["org.systemd.property.Description"] = "\u0027a box\u0027"'; do
		rm -rf "$BUNDLE"
		make_bundle "$BUNDLE"
		set_config "$config" --arg id "$ID"
		UNIT=nsrun-$ID.scope
		[[ $config != *cgroupsPath* ]] || UNIT=box-$ID.scope
		launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
		[[ $(property ActiveState) == active ]]
		pid=$(pid_of "$ID")
		echo garbage >"/run/nsrun/containers/$ID/record.json"
		run -0 --separate-stderr nsrun delete --force "$ID"
		assert_regex "$stderr" "what only the record told is not: mount targets made in its root, poststop hooks\$"
		gone || fail "$config: $(systemctl status "$UNIT")"
		[[ ! -e /proc/$pid ]] || [[ $(cut -d' ' -f3 "/proc/$pid/stat") == Z ]]
	done
	# Somebody else's of that name.
	UNIT=nsrun-$ID.scope
	nsrun create -b "$BUNDLE" "$ID"
	systemd-run --quiet --scope --unit="$UNIT" sleep 1000 >/dev/null 2>&1 3>&- &
	wait_until eval '[[ $(property ActiveState) == active ]]'
	echo garbage >"/run/nsrun/containers/$ID/record.json"
	run -0 nsrun delete --force "$ID"
	assert_equal "$(property ActiveState)" active
	systemctl stop "$UNIT"
	wait || true
}

# wrap_helper SCRIPT: the helper is SCRIPT, to which the request is $1, a file, and the real one $REAL.
wrap_helper()
{
	mv "$HELPER" "$HELPER.real"
	printf '#!/bin/sh\nREAL=%s\nset -- /run/helper.request.$$\nexport PATH=/usr/bin:/bin\ncat >"$1"\n%s\n' "$HELPER.real" "$1" >"$HELPER"
	chmod 0755 "$HELPER"
}

teardown()
{
	[[ ! -e $HELPER.real ]] || mv "$HELPER.real" "$HELPER"
	rm -f /run/helper.request.*
	remove_user_bundles
	test_end
}

@test "the helper is killed before and after it did its work: an error, and no scope" {
	# shellcheck disable=SC2016
	wrap_helper 'if tr "\0" "\n" <"$1" | grep -qx start; then kill -9 $$; fi
		"$REAL" <"$1"; rm "$1"'
	refused 'attach cgroup: start unit "'"$UNIT"'": the helper for systemd was killed by signal 9' \
		--systemd-cgroup run -b "$BUNDLE" "$ID"
	gone
	mv "$HELPER.real" "$HELPER"
	# shellcheck disable=SC2016
	wrap_helper 'if tr "\0" "\n" <"$1" | grep -qx start
		then "$REAL" <"$1" >/run/answer; kill -9 $$; fi
		"$REAL" <"$1"; rm "$1"'
	refused "the helper for systemd was killed by signal 9" --systemd-cgroup run -b "$BUNDLE" "$ID"
	grep -q "^ok" /run/answer
	gone
	rm -f /run/answer
}

@test "no systemd to be reached: an error with a hint; delete does without" {
	local hidden=(unshare --mount sh -c 'mount -t tmpfs tmpfs /run/systemd && mount -t tmpfs tmpfs /run/dbus && exec "$@"' -)
	run -1 "${hidden[@]}" "$NSRUN" --log "$BATS_TEST_TMPDIR/log" --log-format json --systemd-cgroup run -b "$BUNDLE" "$ID"
	assert_output --partial "reserve id: systemd cannot be reached: missing"
	[[ $(jq -r .hint "$BATS_TEST_TMPDIR/log") == "systemctl is-system-running"* ]]
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	run -0 "${hidden[@]}" "$NSRUN" delete --force "$ID"
	[[ ! -e $DIR ]]
	wait_until gone
}

@test "the helper gets nothing of the caller's environment or descriptors" {
	# shellcheck disable=SC2016
	wrap_helper 'env | grep -v "^PATH=" >/run/helper.env; ls /proc/$$/fd >/run/helper.fds; "$REAL" <"$1"; rm "$1"'
	exec 7</dev/null
	LD_LIBRARY_PATH=/nonexistent SECRET=7 launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	exec 7<&-
	run ! grep -E "SECRET|LD_LIBRARY_PATH|HOME" /run/helper.env
	run ! grep -x 7 /run/helper.fds
	rm -f /run/helper.env /run/helper.fds
}

# ---- a user's manager -------------------------------------------------------------------------------------

alice_property() { as_alice systemctl --user show --property "$1" --value "$UNIT"; }

# bats test_tags=only:v1
@test "hybrid: the scope is in each hierarchy, with its limits; update, exec, pause and a reload" {
	local each=(memory pids devices freezer "cpu,cpuacct" blkio systemd) h pid
	resources '{memory: {limit: 67108864}, pids: {limit: 42}, cpu: {shares: 512}}'
	launch --systemd-cgroup run -d -b "$BUNDLE" "$ID"
	pid=$(pid_of "$ID")
	for h in "${each[@]}"; do
		grep -qx "$pid" "$(scope "$h")/cgroup.procs" || fail "$h: $(<"/proc/$pid/cgroup")"
	done
	assert_equal "$(property MemoryLimit) $(property TasksMax)" "67108864 42"
	assert_equal "$(property CPUShares)" 512
	assert_equal "$(v1_limits)" "67108864 42 512"
	run -0 nsrun update --memory 96M --pids-limit 50 --cpu-share 256 "$ID"
	assert_equal "$(property MemoryLimit) $(property TasksMax)" "100663296 50"
	systemctl daemon-reload
	assert_equal "$(v1_limits)" "100663296 50 256"
	launch exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000
	for h in "${each[@]}"; do
		grep -qx "$(<"$BATS_TEST_TMPDIR/pid")" "$(scope "$h")/cgroup.procs" || fail "exec: $h"
	done
	nsrun pause "$ID"
	assert_equal "$(<"$(scope freezer)/freezer.state")" FROZEN
	assert_status paused
	nsrun resume "$ID"
	run -0 nsrun delete --force "$ID"
	gone
	run ! compgen -G "/sys/fs/cgroup/*/system.slice/$UNIT"
}

scope() { echo "/sys/fs/cgroup/$1/system.slice/$UNIT"; }
v1_limits()
{
	cat "$(scope memory)/memory.limit_in_bytes" "$(scope pids)/pids.max" \
		"$(scope cpu,cpuacct)/cpu.shares" | xargs
}

# bats test_tags=only:v2
@test "a user: a scope of her own manager, with limits, exec, update and delete" {
	user_bundle alice '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 42}}'
	as_alice "$NSRUN" --systemd-cgroup run -d -b bundle "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- ||
		fail "$(<"$BATS_TEST_TMPDIR/out")"
	DIR=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/$UNIT
	assert_equal "$(alice_property ControlGroup)" "${DIR#/sys/fs/cgroup}"
	assert_equal "$(alice_property Slice) $(alice_property MemoryMax) $(alice_property TasksMax)" \
		"user.slice 67108864 42"
	assert_equal "$(file memory.max) $(file pids.max)" "67108864 42"
	run -0 as_alice "$NSRUN" exec "$ID" sh -c 'cat /proc/self/cgroup; id -u'
	assert_output "0::/"$'\n'0
	run -0 as_alice "$NSRUN" update --pids-limit 50 "$ID"
	assert_equal "$(file pids.max) $(alice_property TasksMax)" "50 50"
	# Engines' clean-up has no environment to speak of.
	run -0 as_alice env -i XDG_RUNTIME_DIR=/run/user/1000 "$NSRUN" delete --force "$ID"
	assert_equal "$(alice_property LoadState)" not-found
	[[ ! -e $DIR ]]
}

# bats test_tags=only:v2
@test "a user without a manager: an error with a hint, and nothing is left" {
	local runtime=~bob/run
	user_bundle bob
	run -1 as_bob "$NSRUN" --log "$runtime/log" --log-format json \
		--systemd-cgroup run -b ~bob/bundle "$ID"
	assert_output --partial "reserve id: systemd cannot be reached: missing"
	[[ $(jq -r .hint "$runtime/log") == *"systemctl --user"* ]]
	run -0 find "$runtime" -mindepth 3
	assert_output ""
}
