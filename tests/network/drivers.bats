#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Networks that are no bridge: ptp, macvlan, ipvlan, vlan, host-device, dummy; and vrf behind them. The LAN is
# another namespace. What this kernel lacks is skipped here and run in the VM.

load ../helpers
load helpers

# need KIND: the kernel has links of it. Of those with a master, it is lan0.
need()
{
	local made=0
	case $1 in
	vrf) ip link add probe0 type vrf table 9 2>/dev/null || made=$? ;;
	vlan) ip link add link lan0 name probe0 type vlan id 9 2>/dev/null || made=$? ;;
	ipvlan) ip link add link lan0 name probe0 type ipvlan 2>/dev/null || made=$? ;;
	*) ip link add probe0 type "$1" 2>/dev/null || made=$? ;;
	esac
	((made == 0)) || skip "no links of kind $1 in this kernel"
	ip link del probe0
}

create() { nsrun network create "$@" >/dev/null; }

# member NET ID ARG...: a container that sleeps.
member()
{
	[[ -d $BATS_TEST_TMPDIR/idle ]] || make_bundle "$BATS_TEST_TMPDIR/idle" sleep 1000
	launch run -d -b "$BATS_TEST_TMPDIR/idle" --network "$1" "${@:3}" "$2"
}

inside() { ip netns exec "$@"; }
reaches() { timeout 5 ip netns exec "$1" ping -c 1 -W 2 "$2" >/dev/null; }

# no_problem: the picture and the kernel agree.
no_problem() { nsrun network graph >/dev/null; }

@test "ptp: the host, the LAN behind it and the other container are reached, masqueraded" {
	make_lan
	create "p$ID" --driver ptp
	member "p$ID" "a$ID"
	member "p$ID" "b$ID"
	reaches "a$ID" "$(address_of "b$ID")"
	reaches "a$ID" "$(address6_of "b$ID")"
	reaches "a$ID" 192.0.2.2                       # which has no route back to our subnet but by the host
	ip -n "lan-$ID" route del default
	reaches "a$ID" 192.0.2.2                       # so this is masqueraded
	ping -c 1 -W 2 "$(address_of "a$ID")"
	no_problem
	run -0 nsrun network inspect "p$ID"
	[[ $(jq -r '.[0].driver' <<<"$output") == ptp ]]
	[[ $(jq -c '[.[0].members[].live]' <<<"$output") == '[true,true]' ]]
	run -0 nsrun network check
	nsrun delete --force "a$ID" "b$ID"
	[[ -z $(ip route show | grep veth) ]]
	! nft list table inet nsrun | grep -A3 'set hosts[46]' | grep elements
}

@test "ptp: without masquerading the container's own address is seen" {
	make_lan
	create "p$ID" --driver ptp --masquerade=false --subnet 10.77.0.0/24
	member "p$ID" "a$ID"
	reaches "a$ID" 192.0.2.2
	ip -n "lan-$ID" route del default
	run ! reaches "a$ID" 192.0.2.2
}

@test "ptp: what is removed by hand is found" {
	create "p$ID" --driver ptp --ipv6=false
	member "p$ID" "a$ID"
	run -0 nsrun network check
	ip route del "$(address_of "a$ID")"
	run ! nsrun network check
	[[ $output == *"no route to $(address_of "a$ID")"* ]]
}

@test "macvlan: a host on the LAN, as the LAN sees it" {
	make_lan
	create "m$ID" --driver macvlan -o parent=lan0 --subnet 192.0.2.0/24 --gateway 192.0.2.2 --ip-range 192.0.2.64/26
	member "m$ID" "a$ID"
	[[ $(address_of "a$ID") == 192.0.2.64 || $(address_of "a$ID") == 192.0.2.65 ]]
	reaches "a$ID" 192.0.2.2
	inside "lan-$ID" ping -c 1 -W 2 "$(address_of "a$ID")"
	[[ $(ip -n "lan-$ID" neigh show "$(address_of "a$ID")") == *"$(ip -n "a$ID" -j link show eth0 | jq -r '.[0].address')"* ]]
	[[ $(ip -n "a$ID" route show default) == *"via 192.0.2.2 dev eth0"* ]]
	no_problem
	run -0 nsrun network graph
	[[ $output == *"m$ID  macvlan"*"lan,parent=lan0"* ]]
	run -0 nsrun netns show "a$ID"
	[[ $output == *"on host lan0  m$ID"* ]]
	run -0 nsrun network ls
	[[ $output == *"m$ID "*macvlan*192.0.2.0/24*lan,parent=lan0* ]]
}

@test "macvlan: --ip and --mac; a sidecar that lives on has no address any more" {
	make_lan
	create "m$ID" --driver macvlan -o parent=lan0 --subnet 192.0.2.0/24 --gateway 192.0.2.2
	member "m$ID" "a$ID" --ip 192.0.2.77 --mac 02:00:00:00:00:77
	[[ $(ip -n "a$ID" -4 -o addr show eth0) == *192.0.2.77/24* ]]
	[[ $(ip -n "a$ID" -o link show eth0) == *02:00:00:00:00:77* ]]
	launch run -d -b "$BATS_TEST_TMPDIR/idle" --network "container:a$ID" "s$ID"
	local pid
	pid=$(nsrun state "s$ID" | jq .pid)
	nsrun delete --force "a$ID"
	[[ -z $(nsenter --net="/proc/$pid/ns/net" ip -4 -o addr show eth0) ]]
	run ! inside "lan-$ID" ping -c 1 -W 1 192.0.2.77
}

@test "macvlan: without addresses, and what is gone is told" {
	make_lan
	create "m$ID" --driver macvlan -o parent=lan0 -o mode=private -o ipam=none
	member "m$ID" "a$ID"
	[[ $(ip -n "a$ID" -d link show eth0) == *"macvlan mode private"* ]]
	[[ -z $(ip -n "a$ID" -4 -o addr show eth0) ]]
	ip -n "a$ID" link del eth0
	run -4 nsrun network graph
	[[ $output == *"a$ID eth0 is on record, but there is no such link in its namespace"* ]]
	run ! nsrun network check
	[[ $output == *"interface eth0 is gone"* ]]
}

@test "host-device: a device goes in, and comes back with its addresses" {
	make_lan
	create "d$ID" --driver host-device -o device=lan0 --subnet 192.0.2.0/24 --gateway 192.0.2.2 --ip-range 192.0.2.64/26
	member "d$ID" "a$ID"
	run ! ip link show lan0
	reaches "a$ID" 192.0.2.2
	run ! launch run -d -b "$BATS_TEST_TMPDIR/idle" --network "d$ID" "b$ID"
	[[ $output == *'no network device "lan0"'* ]]
	nsrun delete --force "a$ID"
	[[ $(ip -o addr show lan0) == *192.0.2.1/24* ]]
	ping -c 1 -W 2 192.0.2.2
}

@test "vlan: two hosts on the same VLAN, and none on another" {
	make_lan
	need vlan
	ip -n "lan-$ID" link add link lan0 name lan0.5 type vlan id 5
	ip -n "lan-$ID" addr add 198.51.100.1/24 dev lan0.5
	ip -n "lan-$ID" link set lan0.5 up
	create "v$ID" --driver vlan -o parent=lan0 -o id=5 --subnet 198.51.100.0/24
	member "v$ID" "a$ID"
	reaches "a$ID" 198.51.100.1
	[[ $(ip -n "a$ID" -d link show eth0) == *"vlan protocol 802.1Q id 5"* ]]
	run ! launch run -d -b "$BATS_TEST_TMPDIR/idle" --network "v$ID" "b$ID"
	[[ $output == *"VLAN 5 of lan0 is in use"* ]]
	run -0 nsrun network check
	no_problem
}

@test "ipvlan: a host on the LAN with the master's MAC, in each mode" {
	make_lan
	need ipvlan
	local mode
	for mode in l2 l3 l3s; do
		create "i$mode$ID" --driver ipvlan -o parent=lan0 -o mode=$mode --subnet 192.0.2.0/24 --gateway 192.0.2.2 --ip-range 192.0.2.64/26
		member "i$mode$ID" "a$ID"
		[[ $(ip -n "a$ID" -d link show eth0) == *"ipvlan  mode $mode"* || $(ip -n "a$ID" -d link show eth0) == *"ipvlan mode $mode"* ]]
		reaches "a$ID" 192.0.2.2
		[[ $(ip -n "a$ID" -j link show eth0 | jq -r '.[0].address') == $(ip -j link show lan0 | jq -r '.[0].address') ]]
		run -0 nsrun network check
		no_problem
		nsrun delete --force "a$ID"
		nsrun network rm "i$mode$ID"
	done
}

@test "dummy: an address to listen on" {
	need dummy
	create "u$ID" --driver dummy --subnet 10.78.0.0/24
	member "u$ID" "a$ID"
	reaches "a$ID" "$(address_of "a$ID")"
	[[ -z $(ip -n "a$ID" route show default) ]]
	run -0 nsrun network check
	no_problem
}

@test "vrf: the interface's routes are in the VRF's table, IPv6 stays, and the last takes it away" {
	need vrf
	cat >"$NSRUN_NET_DIR/r.conflist" <<-X
		{"cniVersion": "1.0.0", "name": "r$ID", "plugins": [
		 {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "$BATS_TEST_TMPDIR/leases",
		  "ranges": [[{"subnet": "10.79.0.0/24"}], [{"subnet": "fd79::/64"}]],
		  "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}},
		 {"type": "vrf", "vrfname": "blue", "table": 77}]}
	X
	member "r$ID" "a$ID"
	[[ $(ip -n "a$ID" -d link show blue) == *"vrf table 77"* ]]
	[[ $(ip -n "a$ID" link show eth0) == *"master blue"* ]]
	[[ $(ip -n "a$ID" route show table 77 default) == *"via 10.79.0.1 dev eth0"* ]]
	[[ $(ip -n "a$ID" -6 route show table 77 default) == *"via fd79::1 dev eth0"* ]]
	[[ $(ip -n "a$ID" -6 addr show eth0) == *fd79::2/64* ]]
	timeout 5 ip netns exec "a$ID" ping -I blue -c 1 -W 2 10.79.0.1
	run -0 nsrun network check
	ip -n "a$ID" link set eth0 nomaster # which takes its IPv6 addresses, too
	run ! nsrun network check
	[[ $output == *"network \"r$ID\": interface eth0 "* ]]
}

@test "what a driver is not told right is refused, and nothing is made" {
	local -A wrong=(
		["--driver foo"]='driver "foo": unknown (known: bridge, ptp, macvlan'
		["--driver macvlan"]='driver macvlan needs --subnet'
		["--driver macvlan -o foo=1"]='driver macvlan knows parent=, mode='
		["--driver macvlan -o ipam=x"]='expected host-local, dhcp or none'
		["--driver macvlan -o mode=x -o ipam=none"]='expected one of bridge private vepa passthru'
		["--driver macvlan -o ipam=dhcp --subnet 10.1.0.0/24"]='exclude each other'
		["--driver ptp -o foo=1"]='driver ptp has no settings'
		["--driver ptp --internal"]='--internal is not for driver ptp'
		["--driver vlan -o ipam=none"]='driver vlan needs -o id=NUMBER'
		["--driver vlan -o id=x -o ipam=none"]='expected a number'
		["--driver host-device -o ipam=none"]='driver host-device needs -o device=NAME'
	)
	local key
	for key in "${!wrong[@]}"; do
		# shellcheck disable=SC2086 # several words
		run ! nsrun network create x $key
		[[ $output == *"${wrong[$key]}"* ]]
	done
	[[ -z $(ls "$NSRUN_NET_DIR") ]]
}
