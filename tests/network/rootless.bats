#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Networks of users without privileges: pasta(1), and real traffic through it.

load ../helpers
load helpers
load ../rootless

setup()
{
	network_begin
	unset NSRUN_NET_DIR
	make_dora
	# As udev leaves it; a machine without one has it for root alone.
	if ! as_dora test -w /dev/net/tun; then
		mknod -m 0666 /run/tun c 10 200
		mount --bind /run/tun /dev/net/tun
	fi
	# pasta takes over the address of the interface that has the default route.
	make_lan
	ip route add default via 192.0.2.2
	ip -6 route add default via 2001:db8:5::2
}

teardown()
{
	remove_dora
	# One that was killed holds its tun device until it is a zombie.
	wait_until no_pasta
	if [[ -e /run/tun ]]; then
		umount /dev/net/tun
		rm /run/tun
	fi
	NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d network_end
}

# But for zombies, which are the sandbox's to reap.
pastas() { pgrep -r D,R,S -u "$DORA" '^pas[st]'; }
no_pasta() { ! pastas >/dev/null; }

# dora_serve ID ARG...: a container that answers "hello from ID" on port 80.
dora_serve()
{
	[[ -e $BUNDLE/config.json ]] || dora_bundle sh -c 'mkdir /tmp/www && hostname >/tmp/www/index.html && exec httpd -f -p 80 -h /tmp/www'
	dora_config '.hostname = $id | .mounts |= map(select(.destination != "/tmp"))
		+ [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]' --arg id "hello-from-$1"
	dora_launch run -d -b "$BUNDLE" "${@:2}" "$1"
}

# lan_udp_answers TEXT ADDRESS PORT: asked from the LAN.
lan_udp_answers()
{
	[[ $(nsenter --net="/run/netns/lan-$ID" bash -c "$(declare -f ask_udp); ask_udp $2 $3") == "$1" ]]
}

# listen_on ADDRESS PORT: somebody of the host's, who serves "secret".
listen_on()
{
	echo secret >"$BATS_TEST_TMPDIR/index.html"
	busybox httpd -f -p "$1:$2" -h "$BATS_TEST_TMPDIR" >/dev/null 2>&1 3>&- &
	listener=$!
	wait_until fetch "http://$1:$2/"
}

@test "pasta: spec --rootless asks for it; outbound, names, and nothing left" {
	serve_lan
	dora_bundle sh -c 'wget -qO- http://192.0.2.2/ && ip addr show dev eth0 && cat /etc/resolv.conf /etc/hosts /etc/hostname'
	run -0 jq -r '.annotations["io.nsrun.network"]' "$BUNDLE/config.json"
	assert_output pasta
	printf 'nameserver 192.0.2.53\nsearch example.org\n' >/etc/resolv.conf.new
	mv /etc/resolv.conf.new /etc/resolv.conf
	run -0 dora run -b "$BUNDLE" "$ID"
	assert_line page
	assert_line --partial "inet 192.0.2.1/24"
	assert_line "nameserver 192.0.2.53"
	assert_line "search example.org"
	assert_line "192.0.2.1	nsrun"
	no_pasta
	# All of the host's servers are on its loopback.
	echo nameserver 127.0.0.53 >/etc/resolv.conf
	run -0 dora run --dns 192.0.2.54 -b "$BUNDLE" "$ID"
	assert_line "nameserver 192.0.2.54"
	[[ -e /run/systemd/resolve/resolv.conf ]] || {
		run -0 dora run -b "$BUNDLE" "$ID"
		assert_line "nameserver 169.254.1.1"
	}
	no_pasta
}

@test "pasta: a published port, from the host, from the LAN, in both families; state tells" {
	dora_serve "$ID" -p 8080:80
	wait_until fetch http://127.0.0.1:8080/
	run -0 fetch http://127.0.0.1:8080/
	assert_output "hello-from-$ID"
	run -0 ip netns exec "lan-$ID" wget -t 1 -T 2 -qO- http://192.0.2.1:8080/
	assert_output "hello-from-$ID"
	# Once its address is usable there.
	wait_until ip netns exec "lan-$ID" wget -t 1 -T 2 -qO- 'http://[2001:db8:5::1]:8080/'
	run -0 ip netns exec "lan-$ID" wget -t 1 -T 2 -qO- 'http://[2001:db8:5::1]:8080/'
	assert_output "hello-from-$ID"
	run -0 dora state "$ID"
	assert_equal "$(jq -r .network.driver <<<"$output")" pasta
	assert_equal "$(jq -r '.network.result.attachments[0] | .network, .ifname, .address, .gateway' <<<"$output" | xargs)" \
		"pasta eth0 192.0.2.1/24 192.0.2.2"
	assert_equal "$(jq -c '.network.result.ports[0] | [.protocol, .hostPort, .containerPort]' <<<"$output")" '["tcp",8080,80]'
	run -0 dora network ports --format plain
	assert_line --partial "8080/tcp"
	assert_line --partial "$ID"
	run -0 dora delete --force "$ID"
	no_pasta
	run -4 fetch http://127.0.0.1:8080/
}

@test "pasta: one address of the host, a range, udp, a free port" {
	dora_serve "$ID" -p 127.0.0.1:8081:80 -p 8090-8092:79-81 -p 5353:53/udp -p 80
	run -0 ss -Htuln
	assert_line --regexp "^tcp .* 127.0.0.1:8081 "
	refute_line --regexp "^tcp .* (0.0.0.0|\*|\[::\]):8081 "
	refute_line --regexp "^udp .*:(8081|8090|8091) "
	assert_line --regexp "^udp .*:5353 "
	wait_until fetch http://127.0.0.1:8091/
	run -0 fetch http://127.0.0.1:8081/
	assert_output "hello-from-$ID"
	run ip netns exec "lan-$ID" wget -t 1 -T 2 -qO- http://192.0.2.1:8081/
	assert_failure
	port=$(dora state "$ID" | jq '.network.result.ports[3].hostPort')
	run -0 fetch "http://127.0.0.1:$port/"
	assert_output "hello-from-$ID"
	pid=$(dora state "$ID" | jq .pid)
	# shellcheck disable=SC2016 # perl's variables
	nsenter -n -t "$pid" perl -MIO::Socket::IP -e '
		my $s = IO::Socket::IP->new(LocalHost => "0.0.0.0", LocalPort => 53, Proto => "udp") or die;
		while (1) { my $from = $s->recv(my $q, 100); $s->send("answer\n"); }' >/dev/null 2>&1 3>&- &
	# shellcheck disable=SC2034 # for stop_udp
	udp_server=$!
	wait_until lan_udp_answers answer 192.0.2.1 5353
	stop_udp
}

@test "pasta: the host's loopback is not the container's to reach" {
	listen_on 127.0.0.1 7777
	dora_bundle sh -c 'for a in 127.0.0.1 192.0.2.1 192.0.2.2 169.254.1.1; do timeout 2 wget -qO- "http://$a:7777/"; done; echo end'
	run -0 dora run -b "$BUNDLE" "$ID"
	kill "$listener"
	refute_line secret
	assert_line end
}

@test "pasta: what cannot be is refused before anything is made" {
	dora_bundle
	dora_refused "port 80/tcp: uid 4000 may publish ports from 1024 on" create -b "$BUNDLE" -p 80:80 "$ID"
	dora_refused "port 8080/sctp: pasta forwards tcp and udp alone" create -b "$BUNDLE" -p 8080:80/sctp "$ID"
	dora_refused 'network "web" needs CAP_NET_ADMIN in this network namespace; uid 4000 lacks it' \
		create -b "$BUNDLE" --network web "$ID"
	dora_refused "ip= does not go with it" create -b "$BUNDLE" --network pasta:ip=10.0.0.1 "$ID"
	dora_refused "does not go with another network" create -b "$BUNDLE" --network pasta --network bridge "$ID"
	listen_on 127.0.0.1 7778
	dora_refused "port 7778/tcp on 0.0.0.0 is in use by" create -b "$BUNDLE" -p 7778:80 "$ID"
	kill "$listener"
	DORA_PATH=/nowhere dora_refused "rootless networking needs the program pasta; not in PATH" create -b "$BUNDLE" "$ID"
	refused 'network "pasta" is for users without privileges' create -b "$BUNDLE" --network pasta "$ID"
	chmod 0600 /dev/net/tun
	dora_refused 'rootless networking needs "/dev/net/tun": access refused' create -b "$BUNDLE" "$ID"
	chmod 0666 /dev/net/tun
	run -0 find "$DORA_RUNTIME" -mindepth 3
	assert_output ""
	no_pasta
}

@test "pasta: its own refusal is told in words of ours, and nothing is left" {
	dora_bundle
	mkdir "$DORA_HOME/bin"
	printf '#!/bin/sh\necho "Failed to open tun: Permission denied" >&2\nexit 1\n' >"$DORA_HOME/bin/pasta"
	chmod 0755 "$DORA_HOME/bin/pasta" "$DORA_HOME/bin"
	chown "$DORA" "$DORA_HOME/bin"
	DORA_PATH=$DORA_HOME/bin:$PATH dora_refused "pasta: Failed to open tun: access refused" create -b "$BUNDLE" "$ID"
	run -0 find "$DORA_RUNTIME" -mindepth 3
	assert_output ""
}

@test "pasta: \"bridge\" is it as well; host, none, container: and ns: are what they are" {
	local pid
	dora_serve "$ID" --network bridge -p 8080:80
	wait_until fetch http://127.0.0.1:8080/
	pid=$(dora state "$ID" | jq .pid)
	dora_config '.process.args = ["sh", "-c", "readlink /proc/self/ns/net; wget -qO- http://127.0.0.1/"]'
	run -0 dora run -b "$BUNDLE" --network "container:$ID" "$ID-2"
	assert_line "$(readlink "/proc/$pid/ns/net")"
	assert_line "hello-from-$ID"
	run -0 dora run -b "$BUNDLE" --network "ns:/proc/$pid/ns/net" "$ID-2"
	assert_line "hello-from-$ID"
	dora_config '.process.args = ["readlink", "/proc/self/ns/net"]'
	run -0 dora run -b "$BUNDLE" --network host "$ID-2"
	assert_output "$(readlink /proc/self/ns/net)"
	run -0 dora run -b "$BUNDLE" --network none "$ID-2"
	refute_output "$(readlink /proc/self/ns/net)"
	# Somebody else's.
	dora_refused "" run -b "$BUNDLE" --network "ns:lan-$ID" "$ID-2"
	assert_equal "$(pastas | wc -l)" 1
	run -1 dora network connect bridge "$ID"
	assert_output --partial "has its network by pasta, and can have no other"
}

@test "pasta: what dies when, nothing is left" {
	local step
	dora_bundle
	# shellcheck disable=SC2034 # for dora
	DORA_NSRUN=/run/home/nsrun-faults
	for step in "reserve id" "spawn init" "claim network" "attach network" "save state"; do
		NSRUN_FAULT="$step=kill" run dora create -b "$BUNDLE" -p 8080:80 "$ID"
		((status != 0)) || fail "$step"
		run -0 dora delete --force "$ID"
		wait_until no_pasta || fail "after $step: $(pgrep -a -u 4000 .)"
		NSRUN_FAULT=$step run dora create -b "$BUNDLE" -p 8080:80 "$ID"
		((status != 0)) || fail "$step"
		wait_until no_pasta || fail "after $step"
		run -0 find "$DORA_RUNTIME" -mindepth 3
		assert_output ""
	done
	# The container dies; its pasta stays, as the port does, until it is deleted.
	# shellcheck disable=SC2034 # for dora
	DORA_NSRUN=/run/home/nsrun
	dora_launch run -d -b "$BUNDLE" -p 8080:80 "$ID"
	kill -KILL "$(dora state "$ID" | jq .pid)"
	wait_until bash -c '! pgrep -u 4000 sleep'
	pastas
	run -0 dora delete "$ID"
	no_pasta
	# pasta dies first.
	dora_launch run -d -b "$BUNDLE" -p 8080:80 "$ID"
	kill -KILL "$(pastas)"
	run -0 dora delete --force "$ID"
	# Somebody else has its pid, as far as the record can tell.
	dora_launch run -d -b "$BUNDLE" -p 8080:80 "$ID"
	setpriv --reuid "$DORA" --regid "$DORA" --clear-groups sleep 1000 >/dev/null 2>&1 3>&- &
	local other=$!
	wait_until pgrep -u "$DORA" -f 'sleep 1000'
	kill -KILL "$(pastas)"
	jq -c ".pastaPid = $other" "$DORA_RUNTIME/nsrun/containers/$ID/record.json" >"$BATS_TEST_TMPDIR/record"
	cat "$BATS_TEST_TMPDIR/record" >"$DORA_RUNTIME/nsrun/containers/$ID/record.json"
	run -0 dora delete --force "$ID"
	kill -0 "$other"
	kill "$other"
	wait "$other" || true
}

@test "pasta: delete --force without a record ends this container's alone" {
	local mine other
	dora_bundle
	dora_launch run -d -b "$BUNDLE" -p 8080:80 "$ID"
	mine=$(pastas)
	# The same id below another root, and one that only looks like it.
	dora_launch --root "$DORA_HOME/root" run -d -b "$BUNDLE" -p 8081:80 "$ID"
	other=$(pastas | grep -vx "$mine")
	assert_regex "$(tr '\0' ' ' <"/proc/$mine/cmdline")" "^pasta:$ID:[0-9a-f]+\.[0-9a-f]+\.[0-9a-f]+ -f "
	echo garbage >"$DORA_RUNTIME/nsrun/containers/$ID/record.json"
	run -0 dora delete --force "$ID"
	wait_until no_process "$mine"
	[[ ! -e $DORA_RUNTIME/nsrun/containers/$ID ]]
	kill -0 "$other"
	assert_equal "$(dora --root "$DORA_HOME/root" state "$ID" | jq -r .status)" running
	run -0 dora --root "$DORA_HOME/root" delete --force "$ID"
	wait_until no_pasta
	# Without a cgroup nothing names the first one's process.
	pkill -KILL -u "$DORA" -f '^sleep 1000$' || true
	wait_until bash -c "! pgrep -r D,R,S -u $DORA -f '^sleep 1000\$'"
}

no_process() { [[ ! -e /proc/$1 ]] || [[ $(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null || echo Z) == Z ]]; }

# die_at N|count: her create dies as its Nth system call begins (tests/killat.c); $status, $output.
die_at()
{
	status=0
	{ # into the void: the shell's own "Killed"
		as_dora env ASAN_OPTIONS=detect_leaks=0 timeout 60 /run/home/killat "$1" \
			"$DORA_NSRUN" create -b "$BUNDLE" --network pasta -p 8080:80 "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- || status=$?
	} 2>/dev/null
	output=$(tail -n 1 "$BATS_TEST_TMPDIR/out")
}

@test "pasta: create dies of SIGKILL at any of its system calls, and delete leaves nothing" {
	local total at nth points=${NSRUN_SWEEP:-12} done=0
	dora_bundle sleep 1000
	install -m 0755 "${BUILD:-$(dirname "$NSRUN")}/tests/killat" /run/home/killat
	die_at count
	((status == 0)) && total=$output && [[ $total =~ ^[0-9]+$ ]] || fail "create: $output"
	dora delete --force "$ID"
	wait_until no_pasta
	[[ $points != all ]] || points=$total
	# The earlier half only looks; pasta is born near the end.
	for ((nth = 0; nth < points; nth++)); do
		at=$((total / 2 + nth * total / points / 2))
		[[ ${NSRUN_SWEEP-} != all ]] || at=$((nth + 1))
		die_at "$at"
		((status == 137 || status == 120)) || fail "at $at of $total: status $status: $output"
		((done += status == 137 ? 1 : 0))
		run -0 dora delete --force "$ID"
		wait_until no_pasta
		[[ ! -e $DORA_RUNTIME/nsrun/containers/$ID ]] || fail "at $at of $total: its directory is left"
	done
	((done >= points * 3 / 4)) || fail "only $done of $points were reached"
}

# As tests/integration/readme.bats types the other blocks.
@test "pasta: the README's rootless containers" {
	make_rootfs "$DORA_HOME/rootfs"
	chown -R "$DORA:$DORA" "$DORA_HOME/rootfs"
	{
		# shellcheck disable=SC2016 # the script's
		echo 'set -e; wget() { for try in {1..100}; do ! command wget "$@" 2>/dev/null || return 0; sleep 0.05; done; return 1; }'
		awk '/^```/ { inside = inside ? 0 : found; found = 0; next }
			inside
			/^<!-- / { found = $0 == "<!-- tested: rootless -->" }' "$SOURCE/README.md"
	} | sed "s/c1/$ID/g" >"$DORA_HOME/script"
	grep -q "nsrun delete" "$DORA_HOME/script"
	DORA_PATH=/run/home:$PATH run -0 as_dora bash script
	assert_line hello
	assert_line --regexp "8080/tcp +$ID "
	no_pasta
}
