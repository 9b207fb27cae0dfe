#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# IPv6 beside IPv4: what a container gets, that it works at once, whom it reaches, and where there is none.

load ../helpers
load helpers

LAN=2001:db8:1

# up ID ARG...: a container that sleeps.
up()
{
	local id=$1
	shift
	[[ -d $BUNDLE ]] || make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$@" "$id"
}

attachment() { nsrun state "$1" | jq -r ".network.result.attachments[0].$2 // empty | split(\"/\")[0]"; }
address6_of() { attachment "$1" address6; }
address4_of() { attachment "$1" address; } # or nothing
pings() { ip netns exec "$1" ping -c 1 -W 5 "$2" >/dev/null; }
no_pings() { ! ip netns exec "$1" ping -c 1 -W 1 "$2" >/dev/null; }

# The LAN has IPv6, and knows no way to the containers' subnets.
make_lan6()
{
	make_lan
	ip addr add "$LAN::1/64" dev lan0 nodad
	ip -n "lan-$ID" addr add "$LAN::2/64" dev lan0 nodad
	wait_until pings "lan-$ID" "$LAN::1"
}

# advertise NETNS LINK: a router advertisement of NETNS, whose link-local address on LINK becomes the default router.
advertise()
{
	# shellcheck disable=SC2016 # perl's variables
	ip netns exec "$1" perl -MSocket=:all -e '
		socket(my $s, AF_INET6, SOCK_RAW, 58) or die "socket: $!";
		setsockopt($s, IPPROTO_IPV6, 18, pack("i", 255)) or die "hops: $!";	# IPV6_MULTICAST_HOPS
		my $all = inet_pton(AF_INET6, "ff02::1");
		send($s, pack("CCnCCnNN", 134, 0, 0, 64, 0, 1800, 0, 0), 0,
			pack_sockaddr_in6(0, $all, $ARGV[0])) or die "send: $!";' \
		"$(ip -n "$1" -j link show "$2" | jq '.[0].ifindex')"
}
believed() { advertise "lan-$ID" lan0 && advertised_route; }
advertised_route() { ip "$@" -6 route show default proto ra | grep -q .; }

@test "an address, a route, names; the first ping right after run is answered" {
	up "$ID" --network bridge
	ping -c 1 -W 5 "$(address6_of "$ID")"
	pings "$ID" "$(attachment "$ID" gateway6)"
	run -0 ip -n "$ID" -6 addr show eth0
	assert_output --partial "inet6 $(address6_of "$ID")/64 scope global nodad"
	refute_output --partial tentative
	run -0 ip -n "$ID" -6 route show default
	assert_output --partial "via $(attachment "$ID" gateway6) dev eth0"
	run -0 nsrun exec "$ID" cat /etc/hosts
	assert_line --regexp "^$(address6_of "$ID")[[:space:]]"
	assert_line --regexp "^$(address4_of "$ID")[[:space:]]"
	run -0 nsrun network inspect bridge
	assert_equal "$(jq -r '.[0].members[0].address6' <<<"$output")" "$(address6_of "$ID")/64"
	run -0 nsrun network ls --format plain
	assert_line --partial "10.88.0.0/16,$(jq -r '.[0].subnet6' < <(nsrun network inspect bridge))"
}

@test "leases: of both families, round-robin, gone after delete" {
	nsrun network create --subnet fd01::/64 --subnet 10.7.0.0/24 web
	up "$ID" --network web
	assert_equal "$(address6_of "$ID") $(address4_of "$ID")" "fd01::2 10.7.0.2"
	[[ -e /run/nsrun/networks/leases/web/fd01::2 && -e /run/nsrun/networks/leases/web/10.7.0.2 ]]
	nsrun delete --force "$ID"
	[[ ! -e /run/nsrun/networks/leases/web/fd01::2 && ! -e /run/nsrun/networks/leases/web/10.7.0.2 ]]
	up "$ID" --network web
	assert_equal "$(address6_of "$ID") $(address4_of "$ID")" "fd01::3 10.7.0.3"
}

@test "members of a network reach each other, of two networks not; bridged packets filtered or not" {
	nsrun network create red
	nsrun network create blue
	nsrun network create --isolate=false open1
	nsrun network create --isolate=false open2
	serve "$ID-a" --network red
	up "$ID-b" --network red
	up "$ID-c" --network blue
	serve "$ID-d" --network open1
	up "$ID-e" --network open2
	for call in 0 1; do
		[[ ! -e /proc/sys/net/bridge ]] || echo "$call" >/proc/sys/net/bridge/bridge-nf-call-ip6tables
		assert_equal "$(from_container "$ID-b" "http://[$(address6_of "$ID-a")]/")" "hello-from-$ID-a"
		run from_container "$ID-c" "http://[$(address6_of "$ID-a")]/"
		assert_failure
		no_pings "$ID-c" "$(address6_of "$ID-a")"
		assert_equal "$(from_container "$ID-e" "http://[$(address6_of "$ID-d")]/")" "hello-from-$ID-d"
	done
}

@test "the way out is masqueraded, unless declined; the way in is closed" {
	make_lan6
	serve "$ID" --network bridge
	pings "$ID" "$LAN::2"
	nsrun network create --masquerade=false routed
	up "$ID-r" --network routed
	no_pings "$ID-r" "$LAN::2"
	ip -n "lan-$ID" route add default via "$LAN::1"
	pings "$ID-r" "$LAN::2"
	run from_container "lan-$ID" "http://[$(address6_of "$ID")]/"
	assert_failure
	no_pings "lan-$ID" "$(address6_of "$ID")"
}

@test "an internal network: its members and the gateway's echo, no way out, none in" {
	make_lan6
	ip -n "lan-$ID" route add default via "$LAN::1"
	nsrun network create --internal inner
	nsrun network create outer
	serve "$ID-a" --network inner
	up "$ID-b" --network inner
	up "$ID-c" --network outer
	pings "$ID-c" "$LAN::2"
	assert_equal "$(from_container "$ID-b" "http://[$(address6_of "$ID-a")]/")" "hello-from-$ID-a"
	pings "$ID-b" "$(jq -r '.[0].gateway6' < <(nsrun network inspect inner))"
	ip -n "$ID-b" -6 route add default via "$(jq -r '.[0].gateway6' < <(nsrun network inspect inner))"
	no_pings "$ID-b" "$LAN::2"
	no_pings "$ID-c" "$(address6_of "$ID-a")"
	no_pings "lan-$ID" "$(address6_of "$ID-a")"
}

@test "a static address; one that is in use, the gateway's or elsewhere is refused" {
	nsrun network create --subnet fd01::/64 web
	up "$ID" --network web --ip6 fd01::7:7
	assert_equal "$(address6_of "$ID")" fd01::7:7
	ping -c 1 -W 5 fd01::7:7
	refused "address fd01::7:7 is in use by container $ID" run -b "$BUNDLE" --network web:ip6=fd01::7:7 "$ID-2"
	refused "address fd01::1 is the gateway's" run -b "$BUNDLE" --network web --ip6 fd01::1 "$ID-2"
	refused "address fd02::1 is not in fd01::/64" run -b "$BUNDLE" --network web --ip6 fd02::1 "$ID-2"
}

@test "an address that is given again is reached at once, by the host and by neighbours" {
	nsrun network create --subnet fd01::/64 --subnet 10.7.0.0/24 web
	up "$ID-n" --network web
	for _ in 1 2; do
		up "$ID" --network web --ip 10.7.0.77 --ip6 fd01::77
		ping -c 1 -W 5 fd01::77
		ping -c 1 -W 5 10.7.0.77
		pings "$ID-n" fd01::77
		pings "$ID-n" 10.7.0.77
		nsrun delete --force "$ID"
	done
	nsrun network create --ipv6=false --subnet 10.8.0.0/30 tiny # one address, which comes round each time
	for _ in 1 2; do
		up "$ID" --network tiny
		ping -c 1 -W 5 10.8.0.2
		nsrun delete --force "$ID"
	done
}

@test "IPv6 alone" {
	run -0 nsrun network create --subnet fd01::/64 six
	assert_output "six  fd01::/64"
	serve "$ID-a" --network six
	up "$ID-b" --network six
	assert_equal "$(address4_of "$ID-b")" ""
	run -0 ip -n "$ID-b" -4 addr show eth0
	refute_output
	assert_equal "$(from_container "$ID-b" "http://[$(address6_of "$ID-a")]/")" "hello-from-$ID-a"
	run -0 nsrun exec "$ID-b" cat /etc/hosts
	assert_line --regexp "^fd01::3[[:space:]]"
	refused "network \"six\" has no IPv4: address 10.1.1.1" run -b "$BUNDLE" --network six --ip 10.1.1.1 "$ID-2"
}

@test "--ipv6=false: nothing of IPv6 on the container's link" {
	run -0 nsrun network create --ipv6=false four
	assert_output "four  10.90.0.0/24"
	up "$ID" --network four
	run -0 ip -n "$ID" -6 addr show eth0
	refute_output
	run -0 ip -n "$ID" -6 route
	refute_output
	run -0 nsrun exec "$ID" ip -6 addr show lo # localhost has both all the same
	assert_output --partial "inet6 ::1/128"
	refused "network \"four\" has no IPv6: address fd01::5" run -b "$BUNDLE" --network four --ip6 fd01::5 "$ID-2"
}

@test "a host with IPv6 switched off: IPv4 alone, unless IPv6 is asked for" {
	nsrun network create both
	nsrun network create --subnet fd01::/64 six
	sysctl -q net.ipv6.conf.all.disable_ipv6=1
	up "$ID" --network both
	assert_equal "$(address6_of "$ID")" ""
	ping -c 1 -W 5 "$(address4_of "$ID")"
	up "$ID-b" --network bridge
	ping -c 1 -W 5 "$(address4_of "$ID-b")"
	refused 'network "six": IPv6 is off on this host' run -b "$BUNDLE" --network six "$ID-2"
	refused "IPv6 is off on this host" network create --ipv6 more
	refused "IPv6 is off on this host" network create --subnet fd02::/64 more
	run -0 nsrun network create more
	assert_output --regexp "^more  10\.[0-9.]+/24$"
	sysctl -q net.ipv6.conf.all.disable_ipv6=0
}

@test "a container that switches IPv6 off has an IPv4 address alone, and no lease of the other" {
	nsrun network create --subnet fd01::/64 --subnet 10.7.0.0/24 web
	make_bundle "$BUNDLE"
	set_config '.linux.sysctl = {"net.ipv6.conf.all.disable_ipv6": "1"}'
	launch run -d -b "$BUNDLE" --network web "$ID"
	assert_equal "$(address6_of "$ID")" ""
	ping -c 1 -W 5 10.7.0.2
	run -0 ip -n "$ID" route
	assert_line --partial "default via 10.7.0.1"
	run -0 ls /run/nsrun/networks/leases/web
	refute_line --partial fd01
	run -0 nsrun exec "$ID" cat /etc/hosts
	refute_line --partial fd01
	refused 'network "web": IPv6 is off in the container' run -b "$BUNDLE" --network web --ip6 fd01::9 "$ID-2"
}

@test "a host whose own route came by a router advertisement keeps it" {
	sysctl -q net.ipv6.conf.all.forwarding=0 # the tests before this one left it on
	make_lan6
	wait_until believed # its link-local address is not there at once
	up "$ID" --network bridge
	assert_equal "$(sysctl -n net.ipv6.conf.all.forwarding)" 1
	advertised_route
	assert_equal "$(sysctl -n net.ipv6.conf.lan0.accept_ra)" 2
}

@test "a container that calls itself the router is believed by nobody" {
	sysctl -q net.ipv6.conf.all.forwarding=0 # a host that forwards would not listen anyhow
	nsrun network create --internal inner
	up "$ID-a" --network inner
	up "$ID-b" --network inner
	advertise "$ID-a" eth0
	run ! advertised_route
	run ! advertised_route -n "$ID-b"
	ip netns exec "$ID-b" sysctl -q net.ipv6.conf.eth0.accept_ra=1 # but for that it would
	advertise "$ID-a" eth0
	wait_until advertised_route -n "$ID-b"
}

@test "two networks: an address of each, one default route" {
	nsrun network create --subnet fd01::/64 red
	nsrun network create --subnet fd02::/64 --subnet 10.8.0.0/24 blue
	up "$ID" --network red --network blue
	run -0 ip -n "$ID" -6 route show default
	assert_equal "${#lines[@]}" 1
	assert_output --partial "via fd01::1 dev eth0"
	run -0 ip -n "$ID" -4 route show default
	assert_output --partial "via 10.8.0.1 dev eth1"
	pings "$ID" fd02::1
}

@test "a subnet that clashes is refused, with the name of what it overlaps" {
	ip link add vpn0 type veth peer name vpn1
	ip link set vpn0 up
	ip addr add fd77::1/48 dev vpn0 nodad
	ip link set vpn1 up
	refused "subnet fd77:0:0:5::/64 overlaps the address fd77::1/48 of vpn0" network create --subnet fd77:0:0:5::/64 web
	nsrun network create --subnet fd78::/64 db
	refused "subnet fd78::/80 overlaps fd78::/64 of network db" network create --subnet fd78::/80 web
	ip link del vpn0
}
