#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# network check: each thing that attaching makes, taken away by hand, is told; network gc: what is of nobody goes.
load ../helpers
load helpers

setup()
{
	network_begin
	make_bundle "$BUNDLE" sleep 1000
}

up() { launch run -d -b "$BUNDLE" "$@" "$ID"; }
# found TEXT: that is the problem.
found()
{
	run nsrun network check
	assert_failure 4
	assert_line --index 1 --partial "$ID"
	assert_output --partial "$1"
}
host_end() { nsrun state "$ID" | jq -r '.network.result.attachments[0].hostIfname'; }

@test "all is there, and a network or container that has none is no problem" {
	run -0 nsrun network check
	assert_output 'CONTAINER  NETWORK  IFACE  STATE'
	up --network bridge -p 8080:80
	run -0 nsrun network check bridge
	assert_line --index 1 --regexp "^$ID +bridge +eth0 +ok\$"
	run -0 nsrun network check --format json
	assert_equal "$(jq -c '.attachments[0] | [.container, .ok]' <<<"$output")" "[\"$ID\",true]"
	run -0 nsrun network check -q
	assert_output ''
	run -1 nsrun network check nowhere
	assert_output --partial 'no network called "nowhere"'
}

@test "links: the bridge, its port, both ends" {
	up --network bridge
	ip link set "$(host_end)" nomaster
	found 'its host end, is not in bridge nsrun0'
	nsrun network reload
	run -0 nsrun network check
	ip link set "$(host_end)" down
	found 'its host end, is down'
	ip link set "$(host_end)" up
	run -0 nsrun network check
	ip link set nsrun0 down
	found 'bridge nsrun0 is down'
	ip link set nsrun0 up
	ip -n "$ID" link set eth0 down
	found 'eth0 is down'
	ip link del "$(host_end)"
	found 'its host end, is gone'
	run -4 nsrun network check -q
	assert_output "$ID"
	ip link del nsrun0
	found 'bridge nsrun0 is gone'
}

@test "what the container has: its address, MAC, routes, namespace" {
	up --network bridge
	ip -n "$ID" route del default
	found 'the default route of IPv4 is gone'
	ip -n "$ID" addr flush dev eth0 scope global
	found "eth0 has lost the address $(nsrun state "$ID" | jq -r '.network.result.attachments[0].address')"
	ip -n "$ID" link set eth0 address 02:00:00:00:00:99
	found 'eth0 has the MAC 02:00:00:00:00:99'
	umount "/run/netns/$ID"
	found "is not a network namespace"
}

@test "the rules of its network: masquerade, isolation, the bridge itself" {
	local set
	up --network bridge
	for set in masq4 nets4 parted bridges same hairpin; do
		nft flush set inet nsrun "$set"
		found "the rules of bridge nsrun0 have lost element"
		assert_output --partial "of set $set"
		nsrun network reload
		run -0 nsrun network check
	done
	nft delete table inet nsrun
	found "the rules of bridge nsrun0 have lost"
}

# list FILTER: the network web, its list changed so.
list()
{
	nsrun network create --subnet 10.90.0.0/24 web
	jq "$1" "$NSRUN_NET_DIR/web.conflist" >"$BATS_TEST_TMPDIR/list"
	cp "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/web.conflist"
}

@test "its port of the bridge: isolation, hairpin, foreign MACs; reload mends them" {
	list '.plugins[0] += {"portIsolation": true, "hairpinMode": true, "macspoofchk": true}'
	up --network web
	run -0 nsrun network check
	bridge link set dev "$(host_end)" isolated off
	found 'its host end, is not isolated from other ports'
	bridge link set dev "$(host_end)" isolated on hairpin off
	found 'its host end, sends nothing back to it (hairpin)'
	bridge link set dev "$(host_end)" hairpin on locked off
	found 'lets in frames from any MAC'
	bridge link set dev "$(host_end)" isolated off hairpin off
	nsrun network reload
	run -0 nsrun network check
}

@test "its port of the bridge: nobody asked for isolation" {
	up --network bridge
	bridge link set dev "$(host_end)" isolated on
	found 'its host end, is isolated from other ports'
}

@test "limits: each token bucket, the ifb, what leads there" {
	local ifb
	up --network bridge --bandwidth 10M
	run -0 nsrun network check
	tc qdisc del dev "$(host_end)" root
	found 'bandwidth:'
	tc qdisc add dev "$(host_end)" root handle 1: tbf rate 99mbit burst 64k limit 128k
	found 'bandwidth:'
	nsrun delete --force "$ID"
	up --network bridge --bandwidth 10M
	ifb=$(ip -o link show type ifb | cut -d' ' -f2 | cut -d: -f1)
	tc qdisc del dev "$(host_end)" ingress
	found 'bandwidth:'
	tc qdisc del dev "$ifb" root
	found 'bandwidth:'
	ip link del "$ifb"
	found "bandwidth: $ifb is not there"
}

@test "what its list's tuning set: sysctls, MTU, queue, modes" {
	list '.plugins += [{"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1", "net.core.somaxconn": "77"},
		"mtu": 1400, "txQLen": 500, "promisc": true, "allmulti": true}]'
	up --network web --mac 02:00:00:00:00:77
	run -0 nsrun network check
	ip netns exec "$ID" sysctl -qw net.core.somaxconn=78
	found 'net.core.somaxconn'
	ip netns exec "$ID" sysctl -qw net.core.somaxconn=77 net.ipv4.conf.eth0.arp_filter=0
	found 'arp_filter'
	ip netns exec "$ID" sysctl -qw net.ipv4.conf.eth0.arp_filter=1
	run -0 nsrun network check
	ip -n "$ID" link set eth0 mtu 1300
	found 'MTU'
	ip -n "$ID" link set eth0 mtu 1400 txqueuelen 100
	found "queue's length"
	ip -n "$ID" link set eth0 txqueuelen 500 promisc off
	found 'promiscuous mode'
	ip -n "$ID" link set eth0 promisc on allmulticast off
	found 'all-multicast mode'
	ip -n "$ID" link set eth0 allmulticast on
	run -0 nsrun network check
}

@test "each disagreement is a line, by container, and a member as JSON" {
	up --network bridge
	launch run -d -b "$BUNDLE" --network bridge "a-$ID"
	ip -n "$ID" route del default
	ip link set "$(host_end)" down
	run -4 nsrun network check
	assert_equal "${#lines[@]}" 4
	assert_line --index 1 --regexp "^a-$ID +bridge +eth0 +ok\$"
	assert_line --index 2 --regexp "^$ID +bridge +eth0 +$(host_end), its host end, is down\$"
	assert_line --index 3 --regexp "^$ID +bridge +eth0 +the default route of IPv4 is gone\$"
	run -4 nsrun network check --format json
	assert_equal "$(jq -c '[.attachments[] | [.container, .ok, .problem, (.problems | length)]]' <<<"$output")" \
		"[[\"a-$ID\",true,null,0],[\"$ID\",false,\"$(host_end), its host end, is down\",2]]"
	run -4 nsrun network check -q
	assert_output "$ID"
	nsrun delete --force "$ID" # though its host end is down
}

@test "what is on record for it: the lease, the claim, the published port" {
	up --network bridge -p 8080:80
	local address
	address=$(address_of "$ID")
	nft flush ruleset
	found 'port 8080/tcp is not published'
	nsrun network reload
	run -0 nsrun network check
	mv /run/nsrun/networks/ports/tcp/8080 "$BATS_TEST_TMPDIR"
	found 'the claim of a host port is gone'
	mv "$BATS_TEST_TMPDIR/8080" /run/nsrun/networks/ports/tcp
	rm "/run/nsrun/networks/leases/bridge/$address"
	found "the lease of $address is gone"
	nsrun network reload
	run -0 nsrun network check
}

@test "gc frees the leases, claims and veths of the dead, and nothing of who lives" {
	up --network bridge -p 8080:80
	local dir=/run/nsrun/networks
	mkdir -p "$dir/ports/udp/53"
	printf 'deadbeefdeadbeef\r\neth0' >"$dir/leases/bridge/10.88.9.9"
	echo deadbeefdeadbeef >"$dir/ports/udp/53/any"
	ip link add ve000000000000 group 0x6e73 type veth peer name stale0
	nsrun network gc
	refute [ -e "$dir/leases/bridge/10.88.9.9" ]
	refute [ -e "$dir/ports/udp/53" ]
	run ip link show ve000000000000
	assert_failure
	run -0 nsrun network check
}

@test "a list that is run plugin by plugin: CHECK and GC go to its plugins" {
	export CNI_PATH=$BATS_TEST_TMPDIR/cni
	mkdir "$CNI_PATH"
	cat >"$CNI_PATH/xa" <<-'END'
		#!/bin/sh
		cat >"${0%/*}/stdin-$CNI_COMMAND"
		[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.1.0","ips":[{"address":"10.9.9.9/24"}]}'
		[ "$CNI_COMMAND" != CHECK ] || [ ! -e "${0%/*}/broken" ] || { echo '{"code":100,"msg":"it is broken"}'; exit 1; }
	END
	chmod +x "$CNI_PATH/xa"
	printf '{"cniVersion":"1.1.0","name":"far","plugins":[{"type":"xa"}]}' >"$NSRUN_NET_DIR/far.conflist"
	up --network far
	run -0 nsrun network check far
	assert_equal "$(jq -r '.prevResult.ips[0].address' "$CNI_PATH/stdin-CHECK")" 10.9.9.9/24
	touch "$CNI_PATH/broken"
	found 'plugin "xa": it is broken'
	nsrun network gc far
	assert_equal "$(jq -r '.["cni.dev/valid-attachments"][0] | .containerID + " " + .ifname' "$CNI_PATH/stdin-GC")" \
		"$(jq -r .instance /run/nsrun/networks/attachments/*.json) eth0"
	rm "$CNI_PATH/stdin-GC"
	printf '{"cniVersion":"1.1.0","name":"far","disableGC":true,"plugins":[{"type":"xa"}]}' >"$NSRUN_NET_DIR/far.conflist"
	nsrun network gc
	refute [ -e "$CNI_PATH/stdin-GC" ]
}
