#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# criu's flags, each of which works or is refused by name, and what a restore must bring back: with
# Debian's criu, which works on this kernel. The rest of checkpoint and restore:
# integration/checkpoint.bats.

load ../helpers

setup()
{
	test_begin
	IMAGE=$BATS_TEST_TMPDIR/image
	HELPERS=()
	PROFILES=
}

teardown()
{
	delete_all
	((${#HELPERS[@]} == 0)) || kill "${HELPERS[@]}" 2>/dev/null || true
	[[ ! $PROFILES ]] || apparmor_parser -R "$PROFILES"
	test_end
}

# A container that has 8 MB of memory, and counts in /tmp/n: another process, as its forks would have those 8 MB until
# they execute `sleep`, and no earlier image of them.
counting()
{
	make_bundle "$BUNDLE" sh -c '{
			until [ -e /tmp/go ]; do sleep 0.05; done
			i=0; while :; do i=$((i + 1)); echo $i >/tmp/n; sleep 0.05; done
		} & x=$(head -c 8000000 /dev/zero | tr "\0" x); : >/tmp/go; wait'
	set_config '.mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
	launch run -d -b "$BUNDLE" "$@" "$ID"
	wait_until counts_past 3
}
count() { nsrun exec "${1-$ID}" cat /tmp/n; }
counts_past() { (($(count "${2-$ID}") > $1)); }
pages() { cat "$1"/pages-*.img | wc -c; }

checkpoint() { run -0 nsrun checkpoint --image-path "$IMAGE" "$@" "$ID"; }
restore() { launch restore -d -b "$BUNDLE" --image-path "$IMAGE" "$@" "${NEW_ID-$ID}"; }

# is_criu VERSION: it or a later one.
is_criu() { printf '%s\n' "$1" "$(criu --version | sed -n 's/^Version: //p')" | sort -VC; }

privileges() { nsrun exec "$ID" grep -E '^(NoNewPrivs|Seccomp|Cap...):' "/proc/$1/status"; }

@test "no_new_privs, capabilities and the filter are as before, of each process" {
	make_bundle "$BUNDLE" sh -c 'sleep 1000 & sleep 1000'
	set_config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["acct"], action: "SCMP_ACT_ERRNO"}]}'
	launch run -d -b "$BUNDLE" "$ID"
	wait_until nsrun exec "$ID" test -e /proc/2/status
	run -0 privileges 1
	before=$output
	assert_line --regexp 'NoNewPrivs:\s1'
	assert_line --regexp 'Seccomp:\s2'
	checkpoint
	run -0 jq -r '.privileges[]' "$IMAGE/nsrun.json"
	assert_line --regexp '^1 NoNewPrivs:1 Seccomp:2 CapInh:0'
	assert_line --regexp '^2 NoNewPrivs:1 Seccomp:2 CapInh:0'
	restore
	run -0 privileges 1
	assert_output "$before"
	run -0 privileges 2
	assert_output "$before"
}

@test "no_new_privs of one process alone: restored, or refused by a criu that cannot" {
	make_bundle "$BUNDLE" sh -c 'setpriv --nnp sleep 1000 & sleep 1000'
	set_config '.process.noNewPrivileges = false'
	launch run -d -b "$BUNDLE" "$ID"
	wait_until nsrun exec "$ID" grep -q 'NoNewPrivs:.1' /proc/2/status
	if is_criu 3.19; then
		checkpoint
		restore
		run -0 privileges 2
		assert_line --regexp 'NoNewPrivs:\s1'
	else
		refused "does not restore no_new_privs, which its process 2 has and 1 has not" \
			checkpoint --image-path "$IMAGE" "$ID"
		assert_output --partial "criu 3."
	fi
	run -0 privileges 1
	assert_line --regexp 'NoNewPrivs:\s0'
}

@test "a restored process with other privileges than it had is killed before it runs" {
	make_bundle "$BUNDLE" sh -c 'while :; do echo >>/tmp/ran; sleep 0.01; done'
	mkdir "$BATS_TEST_TMPDIR/tmp"
	set_config '.mounts += [{destination: "/tmp", type: "bind", source: $d, options: ["bind"]}]' \
		--arg d "$BATS_TEST_TMPDIR/tmp"
	launch run -d -b "$BUNDLE" "$ID"
	wait_until test -s "$BATS_TEST_TMPDIR/tmp/ran"
	checkpoint
	ran=$(wc -c <"$BATS_TEST_TMPDIR/tmp/ran")
	sed -i 's/CapEff:[0-9a-f]*/CapEff:0000000000000000/' "$IMAGE/nsrun.json"
	run -1 restore
	assert_output --partial "has not restored the privileges of its process 1: CapEff:00000000"
	assert_output --partial ", which was CapEff:0000000000000000"
	assert_equal "$(wc -c <"$BATS_TEST_TMPDIR/tmp/ran")" "$ran"
	run -1 nsrun state "$ID"
	nothing_left cgroup process netns
}

@test "--pre-dump, --parent-path: it runs on; the last images have what has changed since" {
	counting
	run -0 nsrun checkpoint --pre-dump --image-path "$IMAGE.1" "$ID"
	assert_status running
	[[ ! -e $IMAGE.1/nsrun.json ]]
	run -0 nsrun checkpoint --pre-dump --image-path "$IMAGE.2" --parent-path ../image.1 "$ID"
	last=$(count)
	wait_until counts_past $((last + 3))
	refused '--parent-path: open the directory "../none": missing' \
		checkpoint --image-path "$IMAGE" --parent-path ../none "$ID"
	refused "--parent-path: expected a path from the images, not \"$IMAGE.2\"" \
		checkpoint --image-path "$IMAGE" --parent-path "$IMAGE.2" "$ID"
	assert_status running
	checkpoint --parent-path ../image.2
	(($(pages "$IMAGE.1") > 8000000 && $(pages "$IMAGE") < 4000000)) || fail "$(du -ab "$IMAGE"*)"
	restore
	wait_until counts_past $((last + 20))
	run -0 nsrun delete --force "$ID"
	refused "it has no nsrun.json" restore -b "$BUNDLE" --image-path "$IMAGE.1" "$ID"
}

@test "--page-server: its memory goes there, and is missing here until it is brought" {
	counting
	mkdir "$BATS_TEST_TMPDIR/there"
	criu page-server --images-dir "$BATS_TEST_TMPDIR/there" --address 127.0.0.1 --port 27111 \
		--log-file log 3>&- &
	HELPERS+=($!)
	wait_until listens 27111
	checkpoint --page-server 127.0.0.1:27111
	wait "${HELPERS[0]}"
	(($(pages "$BATS_TEST_TMPDIR/there") > 8000000)) || fail "$(ls -l "$BATS_TEST_TMPDIR/there")"
	[[ ! -e $IMAGE/pages-1.img ]]
	cp "$BATS_TEST_TMPDIR"/there/pages-*.img "$BATS_TEST_TMPDIR"/there/pagemap-*.img "$IMAGE"
	restore
	wait_until counts_past $(($(count) + 10))
}

listens() { ss -Hltn "sport = :$1" | grep -q .; }

@test "--lazy-pages: restored while its memory is still where it was" {
	counting
	mkfifo "$BATS_TEST_TMPDIR/ready"
	exec 9<>"$BATS_TEST_TMPDIR/ready"
	nsrun checkpoint --image-path "$IMAGE" --lazy-pages --page-server 127.0.0.1:27112 \
		--status-fd 9 "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- </dev/null &
	HELPERS+=($!)
	# One NUL byte.
	read -r -t 60 -d '' <&9 || fail "$(<"$BATS_TEST_TMPDIR/out")"
	exec 9>&-
	[[ -e $IMAGE/nsrun.json ]]
	mkdir "$BATS_TEST_TMPDIR/work"
	criu lazy-pages --page-server --address 127.0.0.1 --port 27112 --images-dir "$IMAGE" \
		--work-dir "$BATS_TEST_TMPDIR/work" --log-file lazy.log 3>&- </dev/null &
	HELPERS+=($!)
	wait_until test -S "$BATS_TEST_TMPDIR/work/lazy-pages.socket"
	NEW_ID=$ID-2 restore --lazy-pages --work-path "$BATS_TEST_TMPDIR/work"
	wait "${HELPERS[@]}" || fail "$(<"$BATS_TEST_TMPDIR/out")"
	HELPERS=()
	run -1 nsrun state "$ID"
	wait_until counts_past $(($(count "$ID-2") + 10)) "$ID-2"
	nsrun delete --force "$ID-2"
}

@test "--manage-cgroups-mode: soft and full bring cgroups back, ignore does not, strict is refused" {
	make_bundle "$BUNDLE" sleep 1000
	set_config '.linux.resources = {pids: {limit: 77}, memory: {limit: 100000000}}'
	for mode in soft full ignore; do
		launch run -d -b "$BUNDLE" "$ID"
		rm -rf "$IMAGE"
		checkpoint --manage-cgroups-mode "$mode"
		if [[ $mode == ignore ]]; then
			assert_equal "$(jq .cgroups "$IMAGE/nsrun.json")" false
		else
			assert_equal "$(jq .cgroups "$IMAGE/nsrun.json")" true
			refused "--manage-cgroups-mode ignore: the image was not made so" \
				restore -d -b "$BUNDLE" --image-path "$IMAGE" --manage-cgroups-mode ignore "$ID"
			refused "--manage-cgroups-mode strict: nsrun has made the container's cgroup before criu looks" \
				restore -d -b "$BUNDLE" --image-path "$IMAGE" --manage-cgroups-mode strict "$ID"
		fi
		restore --manage-cgroups-mode "$mode"
		assert_equal "$mode $(<"/proc/$(pid_of "$ID")/cgroup")" "$mode 0::/nsrun/$ID"
		assert_equal "$(cat "/sys/fs/cgroup/nsrun/$ID/"{pids,memory}.max | xargs)" "77 99999744"
		nsrun delete --force "$ID"
	done
	refused "expected soft, full, strict or ignore" checkpoint --manage-cgroups-mode hard "$ID"
}

@test "--lsm-profile: another AppArmor profile, if it is loaded; --lsm-mount-context needs SELinux" {
	PROFILES=$BATS_TEST_TMPDIR/profiles
	printf 'profile nsrun-%s flags=(attach_disconnected,mediate_deleted) {
		file, capability, network, unix, signal, ptrace,
	}\n' one two >"$PROFILES"
	apparmor_parser -r -K "$PROFILES"
	make_bundle "$BUNDLE" sleep 1000
	set_config '.process.apparmorProfile = "nsrun-one"'
	launch run -d -b "$BUNDLE" "$ID"
	checkpoint
	restore
	assert_equal "$(</proc/"$(pid_of "$ID")"/attr/current)" "nsrun-one (enforce)"
	nsrun delete --force "$ID"
	restore --lsm-profile apparmor:nsrun-two
	assert_equal "$(</proc/"$(pid_of "$ID")"/attr/current)" "nsrun-two (enforce)"
	nsrun delete --force "$ID"
	refused 'option --lsm-profile: expected apparmor:PROFILE or selinux:LABEL, not "tomoyo:x"' \
		restore -d -b "$BUNDLE" --image-path "$IMAGE" --lsm-profile tomoyo:x "$ID"
	refused "criu:" restore -d -b "$BUNDLE" --image-path "$IMAGE" \
		--lsm-profile apparmor:nsrun-none "$ID"
	refused "criu: selinux LSM specified but selinux not supported by kernel" \
		restore -d -b "$BUNDLE" --image-path "$IMAGE" --lsm-profile selinux:x "$ID"
	refused "option --lsm-mount-context: this kernel runs without SELinux" \
		restore -d -b "$BUNDLE" --image-path "$IMAGE" --lsm-mount-context system_u:object_r:x:s0 "$ID"
	run -1 nsrun state "$ID"
}
