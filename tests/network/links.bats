#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The MTU that comes from the way out, and MACs that stay as they are.

load ../helpers
load helpers

setup()
{
	network_begin
	make_bundle "$BUNDLE" sleep 1000
}

mac_of() { ip -j link show "$1" | jq -r '.[0].address'; }

# How the kernel has the MAC of a link: 3, it was set; udev leaves that alone. /sys shows the links of the namespace
# that mounted it.
assigned()
{
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount sh -c 'mount -t sysfs none /sys && cat "/sys/class/net/$1/addr_assign_type"' - "$1"
}

@test "without an MTU of its own a network has that of the default route, from end to end" {
	make_lan
	ip link set lan0 mtu 1360
	ip -n "lan-$ID" link set lan0 mtu 1360
	ip route add default via 192.0.2.2
	nsrun network create web
	nsrun run -d --network web -b "$BUNDLE" "$ID"
	[[ $(ip -j link show nsr-web | jq '.[0].mtu') == 1360 ]]
	[[ $(ip -n "$ID" -j link show eth0 | jq '.[0].mtu') == 1360 ]]
	# 1360 less the headers of IPv4 and ICMP go through in one piece; more is known not to, at once.
	ip netns exec "$ID" ping -c 1 -W 5 -M "do" -s 1332 192.0.2.2
	run ip netns exec "$ID" ping -c 1 -W 5 -M "do" -s 1333 192.0.2.2
	assert_output --partial "mtu=1360"
}

@test "an MTU that is asked for is the network's" {
	nsrun network create --mtu 1280 web
	nsrun run -d --network web -b "$BUNDLE" "$ID"
	[[ $(ip -n "$ID" -j link show eth0 | jq '.[0].mtu') == 1280 ]]
}

@test "the bridge's MAC stays as ports come and go; each was set, so udev changes none" {
	nsrun network create web
	nsrun run -d --network web -b "$BUNDLE" "$ID"
	mac=$(mac_of nsr-web)
	host=$(nsrun network inspect web | jq -r '.[0].members[0].hostIfname')
	[[ $(assigned nsr-web) == 3 && $(assigned "$host") == 3 ]]
	for n in 2 3 4; do
		nsrun run -d --network "web:mac=02:00:00:00:00:0$n" -b "$BUNDLE" "$ID-$n"
		[[ $(mac_of nsr-web) == "$mac" ]]
	done
	for n in 2 3 4; do
		nsrun delete --force "$ID-$n"
		[[ $(mac_of nsr-web) == "$mac" ]]
	done
	nsrun delete --force "$ID"
	nsrun run --network web -b "$BUNDLE" "$ID" true
	[[ $(mac_of nsr-web) == "$mac" ]]
}

@test "the container that gets an address gets the MAC that belongs to it" {
	nsrun network create --subnet 10.7.7.0/24 web
	nsrun run -d --network web:ip=10.7.7.9 -b "$BUNDLE" "$ID"
	mac=$(nsrun network inspect web | jq -r '.[0].members[0].mac')
	nsrun delete --force "$ID"
	nsrun run -d --network web:ip=10.7.7.9 -b "$BUNDLE" "$ID"
	nsrun network inspect web | jq -e --arg mac "$mac" '.[0].members[0].mac == $mac'
}
