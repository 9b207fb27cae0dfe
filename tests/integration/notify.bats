#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# NOTIFY_SOCKET: the container's program says READY=1, and who waits for nsrun hears it.

load ../helpers

setup()
{
	test_begin
	ATTACK=${BUILD:-$SOURCE}/tests/attack
	[[ -x $ATTACK ]] || fail "$ATTACK is not built (make check-integration builds it)"
	make_bundle "$BUNDLE"
	cp "$ATTACK" "$BUNDLE/rootfs/bin/attack"
	export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/socket
	HEARD=$BATS_TEST_TMPDIR/heard
	"$ATTACK" hear "$NOTIFY_SOCKET" >"$HEARD" 2>&1 3>&- &
	LISTENER=$!
	wait_until test -S "$NOTIFY_SOCKET"
}

teardown()
{
	kill "$LISTENER" 2>/dev/null || true
	test_end
}

@test "run: READY is passed on, and nothing else; the socket goes with the container" {
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'echo $NOTIFY_SOCKET; attack notify STATUS=up "MAINPID=1
READY=1"; sleep 0.2'
	assert_output /run/notify/notify.sock
	wait_until grep -qx BARRIER=1 "$HEARD"
	assert_equal "$(<"$HEARD")" "$(printf 'READY=1\nBARRIER=1')"
	run -1 nsrun state "$ID"
}

@test "run -d waits for READY, and says whom to watch" {
	launch run -d -b "$BUNDLE" "$ID" sh -c 'touch /dev/ready; attack notify READY=1; sleep 1000'
	wait_until grep -qx BARRIER=1 "$HEARD"
	assert_equal "$(<"$HEARD")" "$(printf 'READY=1\nMAINPID=%d\nBARRIER=1' "$(pid_of "$ID")")"
	run -0 nsrun exec "$ID" ls /dev/ready
	# What is for the container's own program is not exec's.
	run -0 nsrun exec "$ID" sh -c 'echo "${NOTIFY_SOCKET-none}"'
	assert_output none
	# Read-only there: nobody takes its place.
	run -0 nsrun exec "$ID" sh -c 'rm -f /run/notify/notify.sock; ls /run/notify'
	assert_line notify.sock
}

@test "create and start: start waits; others may look meanwhile, and the program's end is its end" {
	launch create -b "$BUNDLE" "$ID" sh -c 'until [ -e /dev/go ]; do sleep 0.02; done; attack notify READY=1; sleep 1000'
	assert_equal "$(<"$HEARD")" ""
	"$NSRUN" start "$ID" >"$BATS_TEST_TMPDIR/start" 2>&1 3>&- &
	local starter=$!
	wait_until is_status running
	kill -0 "$starter"
	nsrun exec "$ID" touch /dev/go
	wait "$starter"
	wait_until grep -qx BARRIER=1 "$HEARD"
	assert_equal "$(<"$HEARD")" "$(printf 'READY=1\nMAINPID=%d\nBARRIER=1' "$(pid_of "$ID")")"
	launch create -b "$BUNDLE" "$ID-2" sh -c 'exit 3'
	run -0 timeout 20 "$NSRUN" start "$ID-2"
	nsrun delete "$ID-2"
}

@test "in a user namespace; and an abstract socket" {
	set_config '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
		.process.user = {uid: 5, gid: 5}'
	launch run -d -b "$BUNDLE" "$ID" sh -c 'attack notify READY=1; sleep 1000'
	assert_equal "$(head -n 1 "$HEARD")" READY=1
	nsrun delete --force "$ID"
	[[ ! -e $BUNDLE/rootfs/run ]]
	# Nobody there: the container runs all the same.
	NOTIFY_SOCKET=@nobody-$$ run -0 nsrun run -d -b "$BUNDLE" "$ID" sh -c 'attack notify READY=1 >/dev/null; exec sleep 1000 >/dev/null 2>&1'
	assert_output --partial "NOTIFY_SOCKET \"@nobody-$$\""
	assert_status running
}

@test "without the variable, or with one that is no socket's name, there is no trace of it" {
	unset NOTIFY_SOCKET
	run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'echo "${NOTIFY_SOCKET-none}"; ls /run 2>/dev/null || true'
	assert_output none
	NOTIFY_SOCKET=relative run -0 nsrun run -b "$BUNDLE" "$ID" sh -c 'echo "${NOTIFY_SOCKET-none}"'
	assert_output none
}

@test "hostile: who may mount writes beside the socket, and delete takes it all away" {
	set_config '.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"])'
	(umask 077 && launch run -d -b "$BUNDLE" "$ID" sh -c 'attack notify READY=1; sleep 1000')
	run -0 nsrun exec "$ID" sh -c 'stat -c %a /run/notify/notify.sock; mount -o remount,bind,rw none /run/notify &&
		mkdir -p /run/notify/a/b/c /run/notify/.0 && touch /run/notify/x /run/notify/a/b/x &&
		ln -s /etc /run/notify/a/link && rm /run/notify/notify.sock && ln -s /etc/passwd /run/notify/notify.sock'
	assert_output 777
	passwd=$(stat -c %a,%s /etc/passwd)
	run -0 nsrun delete --force "$ID"
	[[ ! -e /run/nsrun/containers/$ID ]]
	assert_equal "$(stat -c %a,%s /etc/passwd)" "$passwd"
}
