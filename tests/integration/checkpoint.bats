#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# checkpoint and restore, through criu. Which kernels a criu works on is its own business ("criu check"): where it
# does not, those tests that need it say what it misses.

load ../helpers

setup()
{
	test_begin
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
	IMAGE=$BATS_TEST_TMPDIR/image
}

teardown()
{
	local id
	for id in $(nsrun list -q); do nsrun delete --force "$id"; done
	nsrun network rm bridge 2>/dev/null || true
	[[ ! -e /run/netns ]] || ! mountpoint -q /run/netns || umount -l /run/netns
	test_end
}

criu_version() { criu --version | sed -n 's/^Version: //p'; }

needs_criu()
{
	local why
	why=$(criu check 2>&1 | sed -n 's/.*Error ([^)]*): //p' | grep -v '^rlimit: ' | head -n 1)
	[[ ! $why ]] || skip "criu $(criu_version) on Linux $(uname -r): $why"
}

# counting ARG...: a container that counts in /tmp/n, which goes on counting after a restore.
counting()
{
	make_bundle "$BUNDLE" sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/n; sleep 0.05; done'
	set_config '.mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
	launch run -d -b "$BUNDLE" "$@" "$ID"
	wait_until counts_past 3
}

count() { nsrun exec "$ID" cat /tmp/n; }
counts_past() { (($(count) > $1)); }
checkpoint()
{
	run nsrun checkpoint --image-path "$IMAGE" "$@" "$ID"
	# Linux 6.16 has fewer options of sockets; criu 4.2 knows that.
	[[ $output != *"criu: sockets: Can't get"* ]] || skip "criu $(criu_version) on Linux $(uname -r): no sockets: $output"
	((status == 0)) || fail "$output; $(grep -A3 Error "$IMAGE/dump.log")"
}
restore()
{
	launch restore -d -b "$BUNDLE" --image-path "$IMAGE" "$@" "$ID" || fail "$(grep -A3 Error "$IMAGE/restore.log")"
}

@test "a container is checkpointed, gone, and restored where it was" {
	needs_criu
	counting
	last=$(count)
	checkpoint
	run -1 nsrun state "$ID"
	nothing_left cgroup process netns
	assert_equal "$(jq -r .schema "$IMAGE/nsrun.json")" nsrun.checkpoint/1
	restore --pid-file "$BATS_TEST_TMPDIR/pid"
	assert_status running
	assert_equal "$(pid_of "$ID")" "$(<"$BATS_TEST_TMPDIR/pid")"
	(($(count) >= last)) || fail "it counts from $(count), and had come to $last"
	wait_until counts_past $((last + 10))
	run -0 nsrun ps "$ID"
	assert_output --partial "echo"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	nsrun delete "$ID"
	# The same images serve again.
	restore
	assert_status running
}

@test "what the container sees of its world is as before: mounts, cgroup, namespaces, limits" {
	needs_criu
	mkdir "$BATS_TEST_TMPDIR/data"
	echo outside >"$BATS_TEST_TMPDIR/data/file"
	make_bundle "$BUNDLE" sleep 1000
	set_config '.mounts += [{"destination": "/data", "type": "bind", "source": $data, "options": ["bind", "ro"]}]
		| .hostname = "inner"' --arg data "$BATS_TEST_TMPDIR/data"
	launch run -d -b "$BUNDLE" "$ID"
	look='mount | cut -d" " -f3,5 | sort; hostname; cat /data/file; ! touch /data/x; grep -E "^(Cap|NoNew|Seccomp:)" /proc/1/status'
	run -0 --separate-stderr nsrun exec "$ID" sh -c "$look"
	before=$output
	checkpoint
	restore
	run -0 --separate-stderr nsrun exec "$ID" sh -c "$look"
	assert_equal "$output" "$before"
	# Its cgroup is all that it sees, unless it had none in some hierarchy: then criu leaves cgroups alone.
	if [[ $(jq .cgroups "$IMAGE/nsrun.json") == true ]]; then
		run -0 nsrun exec "$ID" grep ^0: /proc/1/cgroup
		assert_output "0::/"
	fi
	run -0 grep -c "/nsrun/$ID$" "/proc/$(pid_of "$ID")/cgroup"
	nsrun delete --force "$ID"
	# Its config may have another source by then.
	mkdir "$BATS_TEST_TMPDIR/other"
	echo elsewhere >"$BATS_TEST_TMPDIR/other/file"
	set_config '(.mounts[] | select(.destination == "/data")).source = $data' --arg data "$BATS_TEST_TMPDIR/other"
	restore
	run -0 nsrun exec "$ID" cat /data/file
	assert_output elsewhere
	nsrun delete --force "$ID"
	set_config 'del(.mounts[] | select(.destination == "/data"))'
	refused 'the image has a mount of the host'"'"'s at "/data", but config.json has none there' \
		restore -b "$BUNDLE" --image-path "$IMAGE" "$ID"
}

@test "--leave-running: it runs on, and a copy can be made" {
	needs_criu
	counting
	checkpoint --leave-running
	assert_status running
	last=$(count)
	wait_until counts_past $((last + 3))
	refused "container with given ID already exists" restore -d -b "$BUNDLE" --image-path "$IMAGE" "$ID"
}

@test "attached: restore has the container's output, its exit status, and deletes it" {
	needs_criu
	make_bundle "$BUNDLE" sh -c 'until [ -e /tmp/go ]; do sleep 0.05; done; echo went; exit 7'
	set_config '.root.readonly = false'
	nsrun run -d -b "$BUNDLE" "$ID" </dev/null 2>&1 3>&- | cat >"$BATS_TEST_TMPDIR/first" 3>&- &
	wait_until is_status running
	checkpoint
	wait
	touch "$BUNDLE/rootfs/tmp/go"
	status=0
	nsrun restore -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null 2>&1 3>&- | cat >"$BATS_TEST_TMPDIR/second" 3>&- || status=$?
	assert_equal "${PIPESTATUS[0]} $(<"$BATS_TEST_TMPDIR/second")" "7 went"
	run -1 nsrun state "$ID"
}

@test "a network: the same addresses, MAC and ports in a new namespace; a TCP connection lives on" {
	needs_criu
	make_bundle "$BUNDLE" nc -ll -p 7777 -e cat
	launch run -d -b "$BUNDLE" --network bridge -p 17777:7777 "$ID"
	before=$(nsrun state "$ID" | jq '.network.result.attachments | map({network, ifname, mac, address, address6})')
	address=$(jq -r '.[0].address | split("/")[0]' <<<"$before")
	wait_until listens
	exec 8<>"/dev/tcp/$address/7777"
	echo one >&8
	read -r -t 10 line <&8
	assert_equal "$line" one
	checkpoint --tcp-established
	[[ ! -e /run/netns/$ID ]]
	restore --tcp-established
	assert_equal "$(nsrun state "$ID" | jq '.network.result.attachments | map({network, ifname, mac, address, address6})')" "$before"
	echo two >&8
	read -r -t 20 line <&8
	assert_equal "$line" two
	exec 8>&-
	run -0 timeout 10 bash -c 'exec 8<>/dev/tcp/'"$address"'/7777; echo three >&8; read -r line <&8; echo "$line"'
	assert_output three
	assert_equal "$(nsrun network ports --format json | jq -r '.ports[0].container')" "$ID"
}

listens() { nsrun netns exec "$ID" ss -ltn | grep -q :7777; }

@test "a network namespace that was joined is joined again" {
	needs_criu
	nsrun netns create "$ID"
	make_bundle "$BUNDLE" sleep 1000
	set_config '(.linux.namespaces[] | select(.type == "network")).path = "/run/netns/\($id)"' --arg id "$ID"
	launch run -d -b "$BUNDLE" "$ID"
	checkpoint
	restore
	assert_equal "$(readlink "/proc/$(pid_of "$ID")/ns/net")" "net:[$(stat -Lc %i "/run/netns/$ID")]"
	nsrun delete --force "$ID"
	nsrun netns rm "$ID"
}

@test "hooks: createRuntime at restore, poststop when the checkpointed container goes" {
	needs_criu
	make_bundle "$BUNDLE" sleep 1000
	set_config '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "cat >>\($d)/create"]}],
		poststop: [{path: "/bin/sh", args: ["sh", "-c", "cat >>\($d)/stop"]}]}' --arg d "$BATS_TEST_TMPDIR"
	launch run -d -b "$BUNDLE" "$ID"
	checkpoint
	assert_equal "$(jq -r .status "$BATS_TEST_TMPDIR/stop")" stopped
	restore
	assert_equal "$(jq -s '.[1].pid' "$BATS_TEST_TMPDIR/create")" "$(pid_of "$ID")"
	nsrun delete --force "$ID"
	set_config '.hooks.createRuntime[0].args = ["sh", "-c", "echo no >&2; exit 3"]'
	refused "error running createRuntime hook #0: exit status 3" restore -d -b "$BUNDLE" --image-path "$IMAGE" "$ID"
	run -1 nsrun state "$ID"
}

@test "a terminal: its new master goes to the console socket" {
	needs_criu
	local recvtty=${BUILD:-$SOURCE}/tests/recvtty
	make_bundle "$BUNDLE" sh -c 'while read -r line; do echo "<$line>"; done'
	set_config '.process.terminal = true'
	mkfifo "$BATS_TEST_TMPDIR/in"
	for n in 1 2; do
		"$recvtty" "$BATS_TEST_TMPDIR/socket$n" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out$n" 2>&1 3>&- &
		exec 9>"$BATS_TEST_TMPDIR/in"
		wait_until test -S "$BATS_TEST_TMPDIR/socket$n"
		if ((n == 1)); then
			launch run -d -b "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/socket1" "$ID"
		else
			refused "without setting console socket" restore -d -b "$BUNDLE" --image-path "$IMAGE" "$ID"
			restore --console-socket "$BATS_TEST_TMPDIR/socket2"
		fi
		echo "line $n" >&9
		wait_until grep -q "<line $n>" "$BATS_TEST_TMPDIR/out$n"
		((n == 2)) || checkpoint
		exec 9>&-
	done
	nsrun delete --force "$ID"
	wait
}

# ---- what is refused, and failures -------------------------------------------------------------------------

@test "without criu: an error that names it; nothing has happened" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	refused 'checkpoint needs the program criu; "/nonexistent" is none' --criu /nonexistent checkpoint --image-path "$IMAGE" "$ID"
	assert_status running
	refused 'restore needs the program criu; "/nonexistent" is none' --criu /nonexistent restore -b "$BUNDLE" "$ID-2"
	[[ ! -e $IMAGE ]]
}

# fake_criu SCRIPT: a criu that does that.
fake_criu()
{
	printf '#!/bin/sh\n%s\n' "$1" >"$BATS_TEST_TMPDIR/criu"
	chmod +x "$BATS_TEST_TMPDIR/criu"
}

@test "a criu that ends, or does not speak, fails with what its log says; the container runs on" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	fake_criu "printf '(0.1) Error (criu/util.c:1): rlimit: no\n(0.2) Error (criu/x.c:7): vdso: odd\n(0.3) Error (criu/y.c:8): so\n' >'$IMAGE/dump.log'"
	refused "criu: vdso: odd (log: $IMAGE/dump.log)" --criu "$BATS_TEST_TMPDIR/criu" checkpoint --image-path "$IMAGE" "$ID"
	assert_status running
	rm "$IMAGE/dump.log"
	fake_criu 'exec </dev/null'
	refused "criu: no reason given" --criu "$BATS_TEST_TMPDIR/criu" checkpoint --image-path "$IMAGE" "$ID"
	assert_status running
	# Nor does restore leave anything.
	nsrun delete --force "$ID"
	refused "it has no nsrun.json" --criu "$BATS_TEST_TMPDIR/criu" restore -b "$BUNDLE" --image-path "$IMAGE" "$ID"
	echo '{"schema": "nsrun.checkpoint/1", "external": [], "stdio": [null, null, null], "netns": false, "cgroups": false, "networks": ["bridge"], "publish": [], "privileges": []}' >"$IMAGE/nsrun.json"
	refused "criu: no reason given" --criu "$BATS_TEST_TMPDIR/criu" restore -b "$BUNDLE" --image-path "$IMAGE" "$ID"
	run -1 nsrun state "$ID"
	echo '{"schema": "nsrun.checkpoint/2"}' >"$IMAGE/nsrun.json"
	refused 'nsrun.json: schema: expected "nsrun.checkpoint/1"' restore -b "$BUNDLE" --image-path "$IMAGE" "$ID"
}

@test "what cannot be checkpointed is refused: created, stopped, unknown; flags with wrong values" {
	make_bundle "$BUNDLE"
	launch create -b "$BUNDLE" "$ID"
	refused "container cannot be checkpointed in created state" checkpoint --image-path "$IMAGE" "$ID"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	refused "container cannot be checkpointed in stopped state: container not running" checkpoint --image-path "$IMAGE" "$ID"
	refused "container does not exist" checkpoint --image-path "$IMAGE" "$ID-none"
	run -1 nsrun restore --lsm-mount-context
	assert_output --partial "requires an argument"
	run -0 nsrun checkpoint --help
	nsrun delete "$ID"
	launch run -d -b "$BUNDLE" "$ID"
	fake_criu true
	refused "option --page-server: expected ADDRESS:PORT" --criu "$BATS_TEST_TMPDIR/criu" \
		checkpoint --image-path "$IMAGE" --page-server 1234 "$ID"
	refused "option --empty-ns: expected network" --criu "$BATS_TEST_TMPDIR/criu" \
		checkpoint --image-path "$IMAGE" --empty-ns uts "$ID"
}

@test "restore that fails or dies at any step leaves nothing that delete --force does not take away" {
	needs_criu
	NSRUN=$NSRUN_FAULTY
	make_bundle "$BUNDLE" sleep 1000
	launch run -d -b "$BUNDLE" --network bridge "$ID"
	checkpoint
	NSRUN_FAULT=list nsrun restore -d -b "$BUNDLE" --image-path "$IMAGE" "$ID" >"$OUTPUT.2" 2>"$BATS_TEST_TMPDIR/steps" </dev/null 3>&-
	nsrun delete --force "$ID"
	mapfile -t names < <(sed -n 's/^step: //p' "$BATS_TEST_TMPDIR/steps" | awk '!seen[$0]++')
	((${#names[@]} > 10)) || fail "only ${names[*]}"
	for name in "${names[@]}"; do
		for how in "" "=kill"; do
			status=0
			{ NSRUN_FAULT=$name$how timeout 20 "$NSRUN" restore -d -b "$BUNDLE" --image-path "$IMAGE" "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- || status=$?; } 2>/dev/null
			((status != 0 && status != 124)) || fail "$name$how: status $status: $(<"$BATS_TEST_TMPDIR/out")"
			nsrun delete --force "$ID"
			nothing_left cgroup process netns || fail "$name$how"
		done
	done
	restore
	assert_status running
}
