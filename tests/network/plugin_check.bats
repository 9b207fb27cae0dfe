#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# CHECK of nsrun as a CNI plugin fails when any thing that ADD made is removed or changed by hand: one test a thing.
load ../helpers
load helpers

setup()
{
	network_begin
	OURS=$BATS_TEST_TMPDIR/ours
	mkdir "$OURS"
	local type
	while read -r type; do ln -s "$NSRUN" "$OURS/$type"; done < <("$NSRUN" cni)
	LEASES=$BATS_TEST_TMPDIR/leases
	NETNS=chk-$ID
	HOST_END=
	make_run_netns
	ip netns add "$NETNS"
	ip -n "$NETNS" link set lo up
	chain=()
}

# Whatever a test did by hand: DEL and GC leave nothing.
teardown()
{
	local i failed=
	for ((i = ${#chain[@]} - 1; i >= 0; i--)); do call DEL "${chain[i]}" || failed=yes; done
	ip netns del "$NETNS"
	for ((i = ${#chain[@]} - 1; i >= 0; i--)); do
		call GC "$(jq -c '.cniVersion = "1.1.0" | .["cni.dev/valid-attachments"] = []' <<<"${chain[i]}")" || failed=yes
	done
	! ip link show card0 >/dev/null 2>&1 || ip link del card0
	network_end && [[ ! $failed ]]
}

# call COMMAND CONFIG
call()
{
	env -i PATH="$PATH" CNI_COMMAND="$1" CNI_CONTAINERID="c-$ID" CNI_NETNS="/run/netns/$NETNS" \
		CNI_IFNAME="${IFNAME-eth0}" CNI_PATH="$OURS" "$OURS/$(jq -r .type <<<"$2")" <<<"$2"
}

# made TYPE KEYS [TYPE KEYS...]: ADD of a chain, and a CHECK that finds all there.
made()
{
	local result=null config
	while (($#)); do
		config=$(jq -nc --arg type "$1" --arg dir "$LEASES" --argjson prev "$result" \
			'{cniVersion: "1.1.0", name: "net", $type} + '"$2"' + if $prev then {prevResult: $prev} else {} end')
		chain+=("$config")
		result=$(call ADD "$config")
		shift 2
	done
	checked=$(jq -c --argjson prev "$result" '.prevResult = $prev' <<<"${chain[-1]}")
	HOST_END=$(jq -r '[.interfaces[]? | select(.sandbox | not) | .name] | .[1] // .[0] // ""' <<<"$result")
	call CHECK "$checked"
}

# missed WORDS: CHECK refuses with code 100, and says so.
missed()
{
	run -1 call CHECK "$checked"
	assert_equal "$(jq .code <<<"$output")" 100
	[[ $(jq -r .msg <<<"$output") == *"$1"* ]] || fail "expected \"$1\" in: $output"
}

inside() { ip -n "$NETNS" "$@"; }

IPAM='ipam: {type: "host-local", dataDir: $dir, ranges: [[{subnet: "10.64.0.0/24"}], [{subnet: "fd00:64::/64"}]]}'
BRIDGE='{bridge: "br-chk", isDefaultGateway: true, ipMasq: true, '$IPAM'}'

# ---- bridge -----------------------------------------------------------------------------------------------

bridged() { made bridge "$BRIDGE"; }

@test "bridge: the interface" {
	bridged
	inside link del eth0
	missed "eth0 is gone"
}

@test "bridge: the interface is up" {
	bridged
	inside link set eth0 down
	missed "eth0 is down"
}

@test "bridge: the interface's MAC" {
	bridged
	inside link set eth0 address 02:00:00:00:00:07
	missed "eth0 has the MAC 02:00:00:00:00:07"
}

@test "bridge: the interface's MTU" {
	bridged
	inside link set eth0 mtu 1400
	missed "eth0 has the MTU 1400, not 1500"
}

@test "bridge: the IPv4 address" {
	bridged
	inside addr del 10.64.0.2/24 dev eth0
	missed "eth0 does not have the address 10.64.0.2/24"
}

@test "bridge: the IPv6 address" {
	bridged
	inside addr del fd00:64::2/64 dev eth0
	missed "eth0 does not have the address fd00:64::2/64"
}

@test "bridge: the IPv4 default route" {
	bridged
	inside route del default
	missed "the route to 0.0.0.0/0 is gone"
}

@test "bridge: the IPv6 default route" {
	bridged
	inside -6 route del default
	missed "the route to ::/0 is gone"
}

@test "bridge: the default route's gateway" {
	bridged
	inside route replace default via 10.64.0.9
	missed "the route to 0.0.0.0/0 is gone"
}

@test "bridge: the plug" {
	bridged
	ip link set "$HOST_END" nomaster
	missed "link $HOST_END is not plugged into bridge br-chk"
}

@test "bridge: the host end is up" {
	bridged
	ip link set "$HOST_END" down
	missed "link $HOST_END is down"
}

@test "bridge: the bridge" {
	bridged
	ip link del br-chk
	missed "bridge br-chk is gone"
}

@test "bridge: the bridge is up" {
	bridged
	ip link set br-chk down
	missed "bridge br-chk is down"
}

@test "bridge: the IPv4 gateway address" {
	bridged
	ip addr del 10.64.0.1/24 dev br-chk
	missed "bridge br-chk does not have the gateway's address 10.64.0.1"
}

@test "bridge: the IPv6 gateway address" {
	bridged
	ip addr del fd00:64::1/64 dev br-chk
	missed "bridge br-chk does not have the gateway's address fd00:64::1"
}

@test "bridge: IPv4 forwarding" {
	bridged
	sysctl -qw net.ipv4.ip_forward=0
	missed "sysctl net.ipv4.ip_forward is 0"
}

@test "bridge: IPv6 forwarding" {
	bridged
	sysctl -qw net.ipv6.conf.all.forwarding=0
	missed "sysctl net.ipv6.conf.all.forwarding is 0"
}

@test "bridge: IPv4 masquerade" {
	bridged
	nft delete element inet nsrun hosts4 '{ 10.64.0.2 }'
	missed "10.64.0.2 is not masqueraded"
}

@test "bridge: IPv6 masquerade" {
	bridged
	nft delete element inet nsrun hosts6 '{ fd00:64::2 }'
	missed "fd00:64::2 is not masqueraded"
}

@test "bridge: the table of rules" {
	bridged
	nft delete table inet nsrun
	missed "10.64.0.2 is not masqueraded"
}

@test "bridge: the rule that masquerades" {
	bridged
	nft flush chain inet nsrun postrouting
	missed "chain postrouting of table inet nsrun has lost rules"
}

@test "bridge: the IPv4 lease" {
	bridged
	rm "$LEASES/net/10.64.0.2"
	missed "10.64.0.2 is not leased"
}

@test "bridge: the IPv6 lease" {
	bridged
	rm "$LEASES/net/fd00:64::2"
	missed "fd00:64::2 is not leased"
}

@test "bridge: the lease's owner" {
	bridged
	echo another >"$LEASES/net/10.64.0.2"
	missed "10.64.0.2 is not leased"
	rm "$LEASES/net/10.64.0.2"
}

@test "bridge: the record" {
	bridged
	rm "/run/nsrun/networks/cni/net/c-$ID@eth0"
	missed "the record of the attachment is gone"
}

port() { made bridge '{bridge: "br-chk", '"$1"', '"$IPAM"'}'; }

@test "bridge: portIsolation" {
	port 'portIsolation: true'
	bridge link set dev "$HOST_END" isolated off
	missed "link $HOST_END is not isolated"
}

@test "bridge: hairpinMode" {
	port 'hairpinMode: true'
	bridge link set dev "$HOST_END" hairpin off
	missed "link $HOST_END is not in hairpin mode"
}

@test "bridge: macspoofchk" {
	port 'macspoofchk: true'
	bridge link set dev "$HOST_END" locked off
	missed "link $HOST_END lets in frames from any MAC"
}

@test "bridge: promiscMode" {
	port 'promiscMode: true'
	ip link set br-chk promisc off
	missed "bridge br-chk is not promiscuous"
}

# ---- ptp --------------------------------------------------------------------------------------------------

ptp() { made ptp '{ipMasq: true, '"$IPAM"'}'; }

@test "ptp: the interface" {
	ptp
	inside link del eth0
	missed "eth0 is gone"
}

@test "ptp: the address" {
	ptp
	inside addr del 10.64.0.2/24 dev eth0
	missed "eth0 does not have the address 10.64.0.2/24"
}

@test "ptp: the host end is up" {
	ptp
	ip link set "$HOST_END" down
	missed "the host's end $HOST_END is down"
}

@test "ptp: the IPv4 gateway address" {
	ptp
	ip addr del 10.64.0.1/32 dev "$HOST_END"
	missed "the host's end $HOST_END does not have the address 10.64.0.1"
}

@test "ptp: the IPv6 gateway address" {
	ptp
	ip addr del fd00:64::1/128 dev "$HOST_END"
	missed "the host's end $HOST_END does not have the address fd00:64::1"
}

@test "ptp: the host's IPv4 route" {
	ptp
	ip route del 10.64.0.2
	missed "the host has no route to 10.64.0.2"
}

@test "ptp: the host's IPv6 route" {
	ptp
	ip -6 route del fd00:64::2
	missed "the host has no route to fd00:64::2"
}

@test "ptp: IPv4 masquerade" {
	ptp
	nft delete element inet nsrun hosts4 '{ 10.64.0.2 }'
	missed "10.64.0.2 is not masqueraded"
}

@test "ptp: IPv6 masquerade" {
	ptp
	nft delete element inet nsrun hosts6 '{ fd00:64::2 }'
	missed "fd00:64::2 is not masqueraded"
}

@test "ptp: the container's route" {
	made ptp "{${IPAM/%\}/, routes: [{dst: \"192.0.2.0/24\"\}]\}}}"
	inside route del 192.0.2.0/24
	missed "the route to 192.0.2.0/24 is gone"
}

# ---- macvlan, ipvlan, vlan, dummy, host-device, loopback ---------------------------------------------------

# on KIND KEYS: an interface of that kind on card0; skips what the kernel lacks.
on()
{
	ip link add card0 up type dummy 2>/dev/null || ip link add card0 up type veth peer name card1
	ip link add link card0 name probe0 type "$1" ${3-} 2>/dev/null || skip "no links of kind $1 in this kernel"
	ip link del probe0
	made "$1" '{master: "card0", '"$2, $IPAM}"
}

# again KIND ARG...: eth0 as another one of that kind, with all else that it had.
again()
{
	local mac
	mac=$(inside -j link show eth0 | jq -r '.[0].address')
	inside link del eth0
	ip link add link card0 name eth0 netns "$NETNS" address "$mac" type "$@"
	inside link set eth0 up
	inside addr add 10.64.0.2/24 dev eth0
	inside addr add fd00:64::2/64 dev eth0 nodad
}

@test "macvlan: the interface" {
	on macvlan 'mode: "bridge"'
	inside link del eth0
	missed "eth0 is gone"
}

@test "macvlan: the mode" {
	on macvlan 'mode: "bridge"'
	inside link set eth0 type macvlan mode private
	missed "eth0 has another mode"
}

@test "macvlan: the address" {
	on macvlan 'mode: "bridge"'
	inside addr del 10.64.0.2/24 dev eth0
	missed "eth0 does not have the address"
}

@test "macvlan: the master" {
	on macvlan 'mode: "bridge"'
	ip link del card0
	run -1 call CHECK "$checked"
	assert_output --partial 'no link called \"card0\"'
}

@test "ipvlan: the interface" {
	on ipvlan 'mode: "l2"'
	inside link del eth0
	missed "eth0 is gone"
}

@test "ipvlan: the mode" {
	on ipvlan 'mode: "l2"'
	inside link set eth0 type ipvlan mode l3
	missed "eth0 has another mode"
}

@test "vlan: the interface" {
	on vlan 'vlanId: 5' 'id 9'
	inside link del eth0
	missed "eth0 is gone"
}

@test "vlan: the id" {
	on vlan 'vlanId: 5' 'id 9'
	again vlan id 6
	missed "eth0 has another VLAN id"
}

@test "dummy: the interface" {
	made dummy "{$IPAM}" 2>/dev/null || skip "no links of kind dummy in this kernel"
	inside link del eth0
	missed "eth0 is gone"
}

card()
{
	ip link add card0 type veth peer name card1
	made host-device '{device: "card0", '"$IPAM}"
}

@test "host-device: the device" {
	card
	inside link set eth0 down
	inside link set eth0 name x
	missed "eth0 is gone"
	inside link set x name eth0
}

@test "host-device: the device is up" {
	card
	inside link set eth0 down
	missed "eth0 is down"
}

@test "host-device: the address" {
	card
	inside addr del 10.64.0.2/24 dev eth0
	missed "eth0 does not have the address 10.64.0.2/24"
}

@test "loopback: it is up" {
	IFNAME=lo
	made loopback '{}'
	inside link set lo down
	missed "lo is down"
	inside link set lo up
}

@test "loopback: its address" {
	IFNAME=lo
	made loopback '{}'
	inside addr del 127.0.0.1/8 dev lo
	missed "lo does not have the address 127.0.0.1/8"
}

# ---- what changes an interface ----------------------------------------------------------------------------

tuning() { made bridge "$BRIDGE" tuning "{$1}"; }
@test "tuning: a sysctl" {
	tuning 'sysctl: {"net.ipv4.conf.IFNAME.arp_filter": "1"}'
	ip netns exec "$NETNS" sysctl -qw net.ipv4.conf.eth0.arp_filter=0
	missed "arp_filter is 0, not 1"
}

@test "tuning: mac" {
	tuning 'mac: "02:00:00:00:00:01"'
	inside link set eth0 address 02:00:00:00:00:02
	missed "the MAC of eth0 was changed"
}

@test "tuning: mtu" {
	tuning 'mtu: 1400'
	inside link set eth0 mtu 1300
	missed "the MTU of eth0 was changed"
}

@test "tuning: txQLen" {
	tuning 'txQLen: 77'
	inside link set eth0 txqueuelen 78
	missed "the transmit queue's length of eth0 was changed"
}

@test "tuning: promisc" {
	tuning 'promisc: true'
	inside link set eth0 promisc off
	missed "the promiscuous mode of eth0 was changed"
}

@test "tuning: allmulti" {
	tuning 'allmulti: true'
	inside link set eth0 allmulticast off
	missed "the all-multicast mode of eth0 was changed"
}

@test "tuning: the interface" {
	tuning 'mtu: 1400'
	inside link del eth0
	missed "no interface eth0"
}

sbr() { made bridge "$BRIDGE" sbr '{}'; }

@test "sbr: the IPv4 rule" {
	sbr
	inside rule del from 10.64.0.2
	missed "the rule for what comes from 10.64.0.2 is gone"
}

@test "sbr: the IPv6 rule" {
	sbr
	inside -6 rule del from fd00:64::2
	missed "the rule for what comes from fd00:64::2 is gone"
}

@test "sbr: the table's default route" {
	sbr
	local table
	table=$(inside -j rule | jq -r '.[] | select(.src == "10.64.0.2") | .table')
	inside route flush table "$table"
	missed "the default route via 10.64.0.1 in table"
}

vrf()
{
	ip link add probe0 type vrf table 9 2>/dev/null || skip "no links of kind vrf in this kernel"
	ip link del probe0
	made bridge "$BRIDGE" vrf '{vrfname: "red", table: 50}'
}

@test "vrf: the VRF" {
	vrf
	inside link del red
	missed "the VRF red is gone"
}

@test "vrf: the VRF is up" {
	vrf
	inside link set red down
	missed "the VRF red is down"
}

@test "vrf: the membership" {
	vrf
	inside link set eth0 nomaster
	missed "interface eth0 is not in the VRF red"
}

# ---- the host's side --------------------------------------------------------------------------------------

limit()
{
	made bridge "$BRIDGE" bandwidth '{ingressRate: 8000000, ingressBurst: 800000,
		egressRate: 4000000, egressBurst: 800000}'
}

ifb() { jq -r '[.prevResult.interfaces[] | select(.sandbox | not) | .name] | last' <<<"$checked"; }

@test "bandwidth: the way in" {
	limit
	tc qdisc del dev "$HOST_END" root
	missed "the token bucket of 1000000 bytes a second on $HOST_END is not there"
}

@test "bandwidth: the way in, another rate" {
	limit
	tc qdisc change dev "$HOST_END" root tbf rate 1mbit burst 100kb latency 25ms
	missed "the token bucket of 1000000 bytes a second on $HOST_END is not there"
}

@test "bandwidth: the way out" {
	limit
	ip link del "$(ifb)"
	missed "$(ifb) is not there"
}

@test "bandwidth: the way out, another rate" {
	limit
	tc qdisc change dev "$(ifb)" root tbf rate 1mbit burst 100kb latency 25ms
	missed "the token bucket of 500000 bytes a second on $(ifb) is not there"
}

@test "bandwidth: what leads to the way out" {
	limit
	tc qdisc del dev "$HOST_END" ingress
	missed "the redirection of what $HOST_END receives is not there"
}

map()
{
	made bridge "$BRIDGE" portmap '{runtimeConfig: {portMappings:
		[{hostPort: 8080, containerPort: 80, protocol: "tcp"}]}}'
}

@test "portmap: the IPv4 port" {
	map
	nft delete element inet nsrun any4 '{ tcp . 8080 }'
	missed "port 8080/tcp is not published any more"
}

@test "portmap: the IPv6 port" {
	map
	nft delete element inet nsrun any6 '{ tcp . 8080 }'
	missed "port 8080/tcp is not published any more"
}

@test "portmap: the claim" {
	map
	rm /run/nsrun/networks/ports/tcp/8080/any
	missed "a claim of its ports is gone"
}

@test "portmap: the bridge's rules" {
	map
	nft delete element inet nsrun hairpin '{ br-chk }'
	missed "link br-chk is not in the rules any more"
}

wall() { made bridge "$BRIDGE" firewall "{$1}"; }

@test "firewall: same-bridge" {
	wall 'ingressPolicy: "same-bridge"'
	nft delete element inet nsrun parted '{ br-chk }'
	missed "br-chk"
}

@test "firewall: isolated" {
	wall 'ingressPolicy: "isolated"'
	bridge link set dev "$HOST_END" isolated off
	missed "$HOST_END"
}

# ---- addresses --------------------------------------------------------------------------------------------

@test "host-local: the lease" {
	made host-local "{$IPAM}"
	rm "$LEASES/net/10.64.0.2"
	missed "10.64.0.2"
}
