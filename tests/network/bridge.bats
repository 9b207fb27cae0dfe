#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers on bridge networks: what they get, whom they reach, and that all of it goes.

load ../helpers
load helpers

@test "an address, a route, a name server, names; the host reaches it" {
	serve "$ID" --network bridge
	address=$(address_of "$ID")
	run -0 nsrun exec "$ID" ip -4 addr show eth0
	assert_output --partial "inet $address/16"
	run -0 nsrun exec "$ID" ip route
	assert_line --regexp "^default via 10\.88\.0\.1 dev eth0"
	run -0 nsrun exec "$ID" cat /etc/hosts
	assert_line --regexp "^${address}[[:space:]]+hello-from-$ID"
	assert_equal "$(fetch "http://$address/")" "hello-from-$ID"
	assert_equal "$(readlink "/proc/$(pid_of "$ID")/ns/net")" "net:[$(stat -Lc %i "/run/netns/$ID")]"
}

@test "two containers of one network reach each other, of two networks not" {
	nsrun network create red
	nsrun network create blue
	serve "$ID-a" --network red
	serve "$ID-b" --network red
	serve "$ID-c" --network blue
	assert_equal "$(from_container "$ID-a" "http://$(address_of "$ID-b")/")" "hello-from-$ID-b"
	run from_container "$ID-c" "http://$(address_of "$ID-a")/"
	assert_failure
	run from_container "$ID-a" "http://$(address_of "$ID-c")/"
	assert_failure
}

@test "from the LAN: published ports answer, all else does not; the way out is masqueraded" {
	make_lan
	serve "$ID" --network bridge -p 8080:80
	assert_equal "$(from_container "lan-$ID" http://192.0.2.1:8080/)" "hello-from-$ID"
	run from_container "lan-$ID" "http://$(address_of "$ID")/"
	assert_failure
	serve_lan
	assert_equal "$(from_container "$ID" http://192.0.2.2/)" page
	nsrun delete --force "$ID"
	remove_lan
}

@test "an internal network has no way out and is not reachable from other networks" {
	make_lan
	nsrun network create --internal inner
	serve "$ID" --network inner
	serve "$ID-b" --network inner
	assert_equal "$(from_container "$ID-b" "http://$(address_of "$ID")/")" "hello-from-$ID"
	serve_lan
	run from_container "$ID" http://192.0.2.2/
	assert_failure
	nsrun delete --force "$ID"
	remove_lan
}

@test "a static address, a MAC, names; an address in use is refused, named" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network bridge --ip 10.88.7.7 --mac 02:00:00:00:00:07 --dns 192.0.2.53 --add-host db:192.0.2.9 "$ID"
	assert_equal "$(address_of "$ID")" 10.88.7.7
	run -0 nsrun exec "$ID" ip link show eth0
	assert_output --partial 02:00:00:00:00:07
	run -0 nsrun exec "$ID" cat /etc/resolv.conf /etc/hosts
	assert_line "nameserver 192.0.2.53"
	assert_line --regexp "^192\.0\.2\.9[[:space:]]+db"
	refused "10.88.7.7 is in use by container $ID" run -b "$BUNDLE" --network bridge --ip 10.88.7.7 "$ID-2"
}

@test "two networks: two interfaces" {
	nsrun network create red
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network bridge --network red "$ID"
	run -0 nsrun exec "$ID" ip -4 -o addr
	assert_line --partial "eth0"
	assert_line --partial "eth1"
	assert_equal "$(nsrun state "$ID" | jq -r '[.network.result.attachments[].network] | join(" ")')" "bridge red"
}

@test "a sidecar shares links, addresses, localhost and names, and survives the owner's death" {
	serve "$ID" --network bridge -p 8080:80
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network "container:$ID" "$ID-side"
	assert_equal "$(nsrun exec "$ID-side" wget -qO- localhost)" "hello-from-$ID"
	assert_equal "$(nsrun exec "$ID-side" cat /etc/hosts)" "$(nsrun exec "$ID" cat /etc/hosts)"
	assert_equal "$(readlink "/proc/$(pid_of "$ID-side")/ns/net")" "$(readlink "/proc/$(pid_of "$ID")/ns/net")"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	assert_status running "$ID-side"
	run -0 nsrun exec "$ID-side" ip -4 addr show eth0
	nsrun delete "$ID"
	# What the owner made went with it: no lease, no port; the link no longer carries anything.
	run ping -c 1 -W 1 "$(nsrun exec "$ID-side" ip -4 -o addr show eth0 | awk '{print $4}' | cut -d/ -f1)"
	assert_failure
}

@test "the netns in config.json is joined and not touched" {
	ip netns add "ns-$ID"
	make_bundle "$BUNDLE" ip -o link
	set_config '(.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "/run/netns/ns-$ID"
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_output --regexp "lo: <LOOPBACK> "
	refused "config.json joins the network namespace" run -b "$BUNDLE" --network bridge "$ID"
	set_config '.annotations = {"io.nsrun.network": "bridge"}'
	run -0 nsrun run -b "$BUNDLE" "$ID"
	ip netns del "ns-$ID"
}

@test "nothing asked: a new namespace with lo up alone, and nothing in the host's" {
	make_bundle "$BUNDLE" ip -o addr
	before=$(ip -o link)
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_output --partial "127.0.0.1/8"
	refute_output --partial eth0
	assert_equal "$(ip -o link)" "$before"
}

@test "annotations ask for a network; host, none and joins are for flags alone" {
	make_bundle "$BUNDLE" ip -4 -o addr
	set_config '.annotations = {"io.nsrun.network": "bridge", "io.nsrun.publish": "8080:80"}'
	run -0 nsrun run -b "$BUNDLE" "$ID"
	assert_output --partial "eth0"
	run -0 nsrun run -b "$BUNDLE" --network none "$ID"
	refute_output --partial "eth0"
	set_config '.annotations = {"io.nsrun.network": "host"}'
	refused "is for the flag --network alone" run -b "$BUNDLE" "$ID"
}

@test "many creates at once from a cold start" {
	make_bundle "$BUNDLE" ip -4 -o addr show eth0
	for i in {1..32}; do
		timeout 60 "$NSRUN" run -b "$BUNDLE" --network bridge "$ID-$i" >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	for i in {1..32}; do
		wait "${pids[i]}" || fail "$(<"$BATS_TEST_TMPDIR/out.$i")"
	done
	assert_equal "$(cat "$BATS_TEST_TMPDIR"/out.* | grep -c 'inet 10\.88\.')" 32
}

@test "network: create, ls, inspect, rm; in use it stays, and says who" {
	run -0 nsrun network create web
	assert_output --partial "10."
	run -0 nsrun network ls
	assert_line --regexp "^web +bridge +10\."
	run -0 nsrun network ls --format json
	jq -e '[.. | objects | select(.name? == "web")] | length >= 1' <<<"$output"
	run -0 nsrun network inspect web
	jq -e . <<<"$output"
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network web "$ID"
	refused "in use by container $ID" network rm web
	nsrun delete --force "$ID"
	run -0 nsrun network rm web
	refused 'no network called "web"' network rm web
	[[ ! -e $NSRUN_NET_DIR/web.conflist ]]
}

@test "a subnet that clashes is refused, and the clash is named" {
	ip link add dummy-lan type bridge
	ip addr add 10.77.0.1/16 dev dummy-lan
	ip link set dummy-lan up
	refused "10.77.3.0/24 overlaps" network create --subnet 10.77.3.0/24 clash
	nsrun network create --subnet 10.78.0.0/24 one
	refused "of network one" network create --subnet 10.78.0.128/25 two
	ip link del dummy-lan
}

@test "an exhausted subnet is an error that names the network, and leaves nothing" {
	nsrun network create --subnet 10.79.0.0/30 tiny
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network tiny "$ID"
	refused "tiny" run -b "$BUNDLE" --network tiny "$ID-2"
	refused "container does not exist" state "$ID-2"
	nsrun delete --force "$ID"
	launch run -d -b "$BUNDLE" --network tiny "$ID-2"
}

@test "netns: create, ls, show, exec, rm" {
	run -0 nsrun netns create "n-$ID"
	run -0 ip -n "n-$ID" link show lo
	assert_output --partial "LOOPBACK,UP"
	run -0 nsrun netns exec "n-$ID" ip -o link
	assert_output --partial "lo:"
	run -0 nsrun netns ls
	assert_output --partial "n-$ID"
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network bridge "$ID"
	run -0 nsrun netns show "$ID"
	assert_output --partial "$(address_of "$ID")"
	assert_output --partial "default via 10.88.0.1"
	run -0 nsrun netns rm "n-$ID"
	[[ ! -e /run/netns/n-$ID ]]
}

@test "SIGKILL of the container: delete takes everything away" {
	serve "$ID" --network bridge -p 8080:80
	kill -KILL "$(pid_of "$ID")"
	wait_until is_status stopped
	nsrun delete "$ID"
	[[ ! -e /run/netns/$ID ]]
	run -0 nft list map inet nsrun any4
	refute_output --partial 8080
	wait_until bash -c '[[ -z $(ip -o link show type veth) ]]'
	assert_equal "$(find /run/nsrun/networks -name '10.88.*')" ""
}

@test "init ends before its network is there: what it died of is told" {
	make_bundle "$BUNDLE"
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 # it cannot under ptrace
	# The runtime process alone is slow, before it looks for init's namespace.
	run --separate-stderr strace -qqo /dev/null -e trace=setns -e inject=renameat:delay_enter=300000 \
		"$NSRUN" run -b "$BUNDLE" --network bridge "$ID" no-such-program
	assert_equal "$status" 1
	assert_regex "$stderr" "executable file not found in \\$"
}

@test "a name in /run/netns that is taken meanwhile is an error, and stays with whoever took it" {
	local holder create
	make_bundle "$BUNDLE"
	ip netns add other
	ip netns delete other
	flock --no-fork /run/netns sleep 1000 3>&- & # as ip netns does meanwhile
	holder=$!
	wait_until grep -q "FLOCK.* $holder " /proc/locks
	"$NSRUN" create --network bridge -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- &
	create=$!
	wait_until grep -q -- "-> FLOCK.* $create " /proc/locks
	touch "/run/netns/$ID"
	mount --bind /proc/self/ns/net "/run/netns/$ID"
	kill $holder
	if wait $create; then fail "create succeeded"; fi
	grep "is taken" "$BATS_TEST_TMPDIR/out"
	ip netns delete "$ID" || fail "the other's namespace was unpinned"
}

# more_ports FIRST LAST: that many strangers on nsrun0, gone with their group.
more_ports()
{
	local i
	for ((i = $1; i <= $2; i++)); do
		echo "link add p$i group 77 numtxqueues 1 numrxqueues 1 master nsrun0 type veth peer name q$i numtxqueues 1 numrxqueues 1"
	done | ip -batch -
}

@test "a bridge that is nearly full is a warning, a full one an error that names it" {
	make_bundle "$BUNDLE" true
	nsrun run --network bridge -b "$BUNDLE" "$ID"
	more_ports 1 949
	run -0 --separate-stderr nsrun run --network bridge:ip=10.88.8.1 -b "$BUNDLE" "$ID"
	assert_equal "$stderr" 'nsrun: warning: bridge nsrun0 has 950 of 1023 ports: nsrun network create bridge2 makes another'
	more_ports 950 1023
	refused "bridge nsrun0 has 1023 of 1023 ports" run --network bridge -b "$BUNDLE" "$ID"
	ip link del group 77
	run -0 --separate-stderr nsrun run --network bridge:ip=10.88.8.2 -b "$BUNDLE" "$ID"
	assert_equal "$stderr" ""
}
