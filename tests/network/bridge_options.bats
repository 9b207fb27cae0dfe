#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The bridge plugin's options, host-local's and static's, in lists as other tools write them
# (cni.dev/plugins/current, 1.9). What needs VLANs is in tests/vm/bridge_vlan.bats.

load ../helpers
load helpers

# list NAME BRIDGE-KEYS IPAM: a list of one bridge plugin on br-NAME.
list()
{
	jq -n --arg name "$1" --argjson keys "$2" --argjson ipam "$3" '{cniVersion: "1.1.0", name: $name,
		plugins: [{type: "bridge", bridge: "br-\($name)", isGateway: true, ipam: $ipam} + $keys]}' \
		>"$NSRUN_NET_DIR/$1.conflist"
}

# host_local KEYS: an ipam object that leases below /run.
host_local() { jq -n --argjson keys "$1" '{type: "host-local", dataDir: "/run/leases"} + $keys'; }

@test "range sets: an address of each, all of them given back" {
	list sets '{"isDefaultGateway": true}' "$(host_local '{"ranges": [
		[{"subnet": "10.1.2.0/29"}, {"subnet": "10.1.3.0/24", "gateway": "10.1.3.254"}],
		[{"subnet": "10.1.4.0/24"}], [{"subnet": "fd01::/64"}], [{"subnet": "fd02::/64"}]]}')"
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network sets:ip=10.1.3.7 "$ID"
	run -0 nsrun exec "$ID" ip -o addr show eth0
	for address in 10.1.3.7/24 10.1.4.2/24 fd01::2/64 fd02::2/64; do
		assert_line --partial " $address "
	done
	run -0 nsrun exec "$ID" ip route
	assert_line --regexp "^default via 10\.1\.3\.254 dev eth0"
	run -0 ip -o addr show br-sets
	for address in 10.1.2.1/29 10.1.3.254/24 10.1.4.1/24 fd01::1/64 fd02::1/64; do
		assert_line --partial " $address "
	done
	assert_equal "$(nsrun state "$ID" | jq -r '.network.result.attachments[0].moreAddresses[].address')" \
		$'10.1.4.2/24\nfd02::2/64'
	ping -c 1 -W 2 10.1.4.2
	nsrun delete --force "$ID"
	assert_equal "$(find /run/leases/sets -name '[1f]*')" ""
}

@test "range sets: a create that dies after its leases leaves none" {
	list sets '{}' "$(host_local '{"ranges": [[{"subnet": "10.1.2.0/29"}], [{"subnet": "10.1.4.0/24"}]]}')"
	make_bundle "$BUNDLE"
	run env NSRUN_FAULT=lease=kill timeout 20 "$(dirname "$NSRUN")/tests/nsrun-faults" create -b "$BUNDLE" --network sets "$ID" </dev/null
	[[ -e /run/leases/sets/10.1.2.2 && -e /run/leases/sets/10.1.4.2 ]]
	nsrun delete --force "$ID"
	[[ ! -e /run/leases/sets/10.1.2.2 && ! -e /run/leases/sets/10.1.4.2 ]]
}

@test "ipam static: the addresses and routes as they stand; a second container is refused" {
	list fixed '{}' '{"type": "static", "addresses": [{"address": "10.1.2.9/24", "gateway": "10.1.2.1"}],
		"routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.9.0.0/16", "gw": "10.1.2.77", "mtu": 1400, "priority": 50},
			{"dst": "10.10.0.0/16", "table": 1000}, {"dst": "10.11.0.0/16", "advmss": 1300}]}'
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network fixed "$ID"
	run -0 ip -n "$ID" -4 route
	assert_line --regexp "^default via 10\.1\.2\.1 dev eth0"
	assert_line --regexp "^10\.9\.0\.0/16 via 10\.1\.2\.77 dev eth0 .*metric 50 mtu 1400"
	assert_line --regexp "^10\.11\.0\.0/16 via 10\.1\.2\.1 .*advmss 1300"
	run -0 ip -n "$ID" -4 route show table 1000
	assert_output --partial "10.10.0.0/16 via 10.1.2.1"
	run -0 ip -o -4 addr show br-fixed
	assert_output --partial "10.1.2.1/24"
	refused "address 10.1.2.9 is in use by container $ID" run -b "$BUNDLE" --network fixed "$ID-2"
	nsrun delete --force "$ID"
	launch run -d -b "$BUNDLE" --network fixed "$ID-2"
}

@test "no ipam: a link without addresses; disableContainerInterface: one that is down" {
	list l2 '{"isGateway": false}' '{}'
	list down '{"isGateway": false, "disableContainerInterface": true}' '{}'
	list both '{"disableContainerInterface": true}' "$(host_local '{"subnet": "10.1.2.0/24"}')"
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network l2 --network down "$ID"
	run -0 nsrun exec "$ID" ip -o link
	assert_line --regexp "eth0@.*,UP,LOWER_UP"
	assert_line --regexp "eth1@.*<BROADCAST,MULTICAST,M-DOWN>"
	run -0 nsrun exec "$ID" ip -o addr show eth0
	assert_output ""
	refused "plugins[0].disableContainerInterface: a link that is down has no address" \
		run -b "$BUNDLE" --network both "$ID-2"
	refused "ports are published, but network \"l2\" has no addresses" \
		run -b "$BUNDLE" --network l2 -p 8080:80 "$ID-2"
}

@test "promiscMode" {
	list promisc '{"promiscMode": true}' "$(host_local '{"subnet": "10.1.2.0/24"}')"
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network promisc "$ID"
	run -0 ip -d link show br-promisc
	assert_output --partial "promiscuity 1"
	assert_output --partial "PROMISC"
}

@test "macspoofchk: frames from another MAC go nowhere" {
	list strict '{"macspoofchk": true}' "$(host_local '{"subnet": "10.1.2.0/24"}')"
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network strict "$ID"
	launch run -d -b "$BUNDLE" --network strict "$ID-2"
	ip netns exec "$ID" ping -c 1 -W 2 "$(address_of "$ID-2")"
	ping -c 1 -W 2 "$(address_of "$ID")"
	ip -n "$ID" link set eth0 address 02:00:00:00:00:99
	run ip netns exec "$ID" ping -c 1 -W 1 "$(address_of "$ID-2")"
	assert_failure
	run ip netns exec "$ID" ping -c 1 -W 1 10.1.2.1
	assert_failure
}

@test "forceAddress: another address of the bridge is an error, or gives way" {
	list addr '{}' "$(host_local '{"subnet": "10.1.2.0/24"}')"
	ip link add br-addr up type bridge
	ip addr add 10.1.2.77/24 dev br-addr
	make_bundle "$BUNDLE"
	refused "br-addr already has the address 10.1.2.77/24" run -b "$BUNDLE" --network addr "$ID"
	list addr '{"forceAddress": true}' "$(host_local '{"subnet": "10.1.2.0/24"}')"
	launch run -d -b "$BUNDLE" --network addr "$ID"
	run -0 ip -o -4 addr show br-addr
	assert_output --partial "10.1.2.1/24"
	refute_output --partial "10.1.2.77"
	nsrun delete --force "$ID"
	ip link del br-addr
}

@test "enabledad: an IPv6 address that another host of the segment has is refused" {
	list dad '{"enabledad": true}' "$(host_local '{"ranges": [[{"subnet": "fd01::/64"}]]}')"
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network dad "$ID"
	run -0 nsrun exec "$ID" ip -6 -o addr show eth0
	assert_output --partial "fd01::2/64"
	refute_output --partial tentative
	ip netns add "other-$ID"
	ip link add stranger up master br-dad type veth peer name eth0 netns "other-$ID"
	ip -n "other-$ID" addr add fd01::3/64 dev eth0 nodad
	ip -n "other-$ID" link set eth0 up
	refused "address fd01::3 is in use by another host" run -b "$BUNDLE" --network dad "$ID-2"
	ip link del stranger
	ip netns del "other-$ID"
}

@test "a list that was edited is set up anew" {
	list edit '{}' "$(host_local '{"subnet": "10.1.2.0/24"}')"
	make_bundle "$BUNDLE" true
	nsrun run -b "$BUNDLE" --network edit "$ID"
	run ip -o link show br-edit
	refute_output --partial PROMISC
	list edit '{"promiscMode": true}' "$(host_local '{"subnet": "10.1.2.0/24"}')"
	nsrun run -b "$BUNDLE" --network edit "$ID"
	run ip -o link show br-edit
	assert_output --partial PROMISC
}

@test "network create -o: podman's and docker's names of a bridge's settings; others are refused by name" {
	nsrun network create --ipv6=false -o icc=false -o mtu=1400 -o isolate=strict red
	make_bundle "$BUNDLE" sleep 1000
	launch run -d -b "$BUNDLE" --network red "$ID"
	launch run -d -b "$BUNDLE" --network red "$ID-b"
	ping -c 1 -W 2 "$(address_of "$ID-b")"
	run ip netns exec "$ID" ping -c 1 -W 1 "$(address_of "$ID-b")"
	assert_failure
	run -0 ip -n "$ID" link show eth0
	assert_output --partial 'mtu 1400'
	run -0 nsrun network check red
	nsrun network create --ipv6=false -o com.docker.network.bridge.name=blue0 -o com.docker.network.driver.mtu=1300 \
		-o com.docker.network.bridge.enable_icc=true -o com.docker.network.bridge.enable_ip_masquerade=false blue
	run -0 jq -c '.plugins[0] | [.bridge, .mtu, .ipMasq]' "$NSRUN_NET_DIR/blue.conflist"
	assert_output '["blue0",1300,false]'
	assert_equal "$(jq -r '.plugins[2].ingressPolicy' "$NSRUN_NET_DIR/blue.conflist")" same-bridge
	refused '-o "com.docker.network.bridge.gateway_mode_ipv4=nat": unknown (known: bridge=, mtu=,' \
		network create -o com.docker.network.bridge.gateway_mode_ipv4=nat green
	refused '-o "mtu=67": expected 68 to 65535' network create -o mtu=67 green
	refused '-o "mtu=15x": expected 68 to 65535' network create -o mtu=15x green
	refused '-o "icc": expected true or false' network create -o icc green
	refused '-o "isolate=maybe": expected true, strict or false' network create -o isolate=maybe green
	refused 'members that do not reach one another' network create -o icc=false --isolate=false green
	[[ ! -e $NSRUN_NET_DIR/green.conflist ]]
}
