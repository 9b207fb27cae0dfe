# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For files that have nsrun fail or die at a point, and show that nothing stays of it:
#
#	load ../helpers
#	load ../recovery
#	setup_file() { recovery_begin_file; }
#	teardown_file() { recovery_end_file "fault points"; }
#	setup() { recovery_begin; }
#	teardown() { recovery_end; }
#
#	settle [RUN-OPTION...]			before the first point of a test
#	recovers POINT [RUN-OPTION...]		after each
#
# All tests of a file share one bundle, at $BUNDLE. NETWORK: the options of a network and a published port.

# shellcheck disable=SC2034 # for those who load this
NETWORK=(--network bridge -p 8080:80 --bandwidth 100M)

recovery_begin_file()
{
	BUNDLE=$BATS_FILE_TMPDIR/bundle
	make_bundle "$BUNDLE" sleep 1000
	# Targets that have to be made and removed as well.
	rmdir "$BUNDLE/rootfs/sys" "$BUNDLE/rootfs/proc"
	set_config '.root.readonly = false | .hooks = {"createRuntime": [{"path": "/bin/true"}], "poststop": [{"path": "/bin/true"}]}'
	make_run_netns
	echo 0 >"$BATS_FILE_TMPDIR/points"
}

# recovery_end_file WHAT: tests/run shows the line.
recovery_end_file()
{
	umount /run/netns
	echo "# tried: $(<"$BATS_FILE_TMPDIR/points") $1" >&3
}

recovery_begin()
{
	test_begin
	BUNDLE=$BATS_FILE_TMPDIR/bundle
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
}

recovery_end()
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

# What a failure may leave, quickly; the end of the test takes the whole census. A veth goes with its network
# namespace, which the kernel takes apart in its own time: seconds, on a busy machine. The end waits for that.
# A temporary of a network's state file (network/state.h) is taken along by the next writer, or by network rm.
snapshot()
{
	ip -o link | cut -d: -f2 | cut -d@ -f1 | grep -vE "^ (ve|nc)"
	nft list ruleset
	find /run/nsrun /run/netns "$NSRUN_NET_DIR" "$BUNDLE/rootfs" /sys/fs/cgroup/{,*/}nsrun/"$ID"* -maxdepth 4 \
		! -path '/run/nsrun/cache/*' ! -path '/run/nsrun/networks/state/*.tmp' ! -path "$BUNDLE/rootfs/bin/*" 2>/dev/null
	cut -d' ' -f5 /proc/self/mountinfo
}

# settle [RUN-OPTION...]: what one run makes and keeps (caches, the bridge) is there; $before.
settle()
{
	nsrun run "$@" -b "$BUNDLE" "$ID" true
	before=$(snapshot)
}

# point: one more was tried.
point() { echo $(($(<"$BATS_FILE_TMPDIR/points") + 1)) >"$BATS_FILE_TMPDIR/points"; }

# recovers POINT [RUN-OPTION...]: delete --force, nothing left, a normal run.
recovers()
{
	local point=$1 now
	shift
	timeout 20 "$NSRUN" delete --force "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- ||
		fail "\"$point\": delete --force: $(<"$BATS_TEST_TMPDIR/out")"
	now=$(snapshot)
	[[ $now == "$before" ]] || fail "\"$point\": left behind: $(diff <(echo "$before") <(echo "$now"))"
	timeout 10 "$NSRUN" run "$@" -b "$BUNDLE" "$ID" true >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- ||
		fail "\"$point\": a normal run afterwards: $(<"$BATS_TEST_TMPDIR/out")"
	point
}

# ---- fault points -----------------------------------------------------------------------------------------

# faults_begin_file: as recovery_begin_file, with the program that has fault points.
faults_begin_file()
{
	NSRUN=${NSRUN_FAULTY:-${BUILD:-$(dirname "$NSRUN")}/tests/nsrun-faults}
	[[ -x $NSRUN ]] || fail "$NSRUN: not built; make check does it"
	export NSRUN
	recovery_begin_file
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

# each_step CMD...: CMD "STEP" and CMD "STEP=kill" for each step in $names; where processors are emulated, every third
# of them, from a random one on. (`i` would be changed by bats' own run.)
each_step()
{
	local nth every=$((${TEST_PATIENCE:-1} > 1 ? 3 : 1))
	((${#names[@]} > 3)) || fail "only ${#names[@]} steps: ${names[*]}"
	for ((nth = RANDOM % every; nth < ${#names[@]}; nth += every)); do
		"$@" "${names[nth]}"
		"$@" "${names[nth]}=kill"
	done
}

# undone POINT: what there is is what there was before.
undone()
{
	local now
	now=$(snapshot)
	[[ $now == "$before" ]] || fail "\"$1\": left behind: $(diff <(echo "$before") <(echo "$now"))"
	point
}
