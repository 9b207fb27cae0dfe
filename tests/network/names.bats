#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers find each other by name, by aardvark-dns; and what is in resolv.conf.

load ../helpers
load helpers

DNS=/run/nsrun/networks/dns

setup()
{
	network_begin
	[[ $(hidden_program) ]] || fail "aardvark-dns is not installed: contrib/install test"
	A=a-$ID B=b-$ID
	printf 'nameserver 192.0.2.53\noptions attempts:1\n' >"$BATS_TEST_TMPDIR/resolv.conf"
	mount --bind "$BATS_TEST_TMPDIR/resolv.conf" "$(readlink -f /etc/resolv.conf)"
}

teardown()
{
	umount "$(readlink -f /etc/resolv.conf)"
	! mountpoint -q /usr/lib/podman || umount /usr/lib/podman
	[[ ! ${server-} ]] || stop_server
	network_end && [[ ! -e $DNS ]] # of a teardown only the last line fails
}

hidden_program() { find /usr/lib/podman/aardvark-dns /usr/libexec/podman/aardvark-dns 2>/dev/null || true; }
hide_program() { mount -t tmpfs none /usr/lib/podman; }

# sleeper ID [OPTION...]: a container that does nothing.
sleeper()
{
	local id=$1
	shift
	[[ -d $BUNDLE ]] || make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$@" "$id"
}

# addresses_of NAME ID: what NAME is in the container, by its own resolv.conf.
addresses_of()
{
	nsrun exec "$2" nslookup "$1" 2>&1 | awk -v name="$1" '$1 == "Name:" { on = 1 } on && $1 == "Address:" { print $2 }' |
		sort -u | xargs
}
resolves_to() { [[ $(addresses_of "$1" "$2") == "${*:3}" ]]; }
unknown() { [[ ! $(addresses_of "$1" "$2") ]]; }
address_on()
{
	nsrun state "$2" | jq -r --arg n "$1" '.network.result.attachments[] | select(.network == $n) | .address | split("/")[0]'
}
resolv_conf_of() { nsrun exec "$1" cat /etc/resolv.conf; }
# The pids of those that serve here: others may, in other sandboxes.
servers() { pgrep -f -- "aardvark-dns --config $DNS " || true; }
serving() { [[ $(servers) ]]; }
no_server() { [[ ! $(servers) ]]; }

# name_server ADDRESS ANSWER: a name server that knows ANSWER for all, and writes down who asked.
name_server()
{
	# shellcheck disable=SC2016 # perl's variables
	perl -MIO::Socket::IP -e '
		my $s = IO::Socket::IP->new(LocalHost => $ARGV[0], LocalPort => 53, Proto => "udp") or die;
		while (1) {
			$s->recv(my $q, 512);
			my ($end, $type) = (index($q, "\0", 12) + 5, unpack("n", substr($q, index($q, "\0", 12) + 1, 2)));
			my $answer = $type == 1 ? "\xc0\x0c\0\1\0\1\0\0\0\1\0\4" . pack("C4", split(/\./, $ARGV[1])) : "";
			$s->send(substr($q, 0, 2) . "\x81\x80\0\1\0" . ($answer ? "\1" : "\0") . "\0\0\0\0" .
				substr($q, 12, $end - 12) . $answer);
		}' "$1" "$2" >/dev/null 2>&1 3>&- &
	server=$!
	wait_until udp_listens "$1"
}
udp_listens() { ss -Hlnu "src $1:53" | grep -q .; }
stop_server()
{
	kill "$server"
	wait "$server" || true
	unset server
}

@test "names: ids and aliases, on each other's network alone" {
	nsrun network create --subnet 10.77.1.0/24 --subnet fd77:1::/64 red
	nsrun network create --ipv6=false --subnet 10.77.2.0/24 blue
	sleeper "$A" --network red
	sleeper "$B" --network red:alias=db --network-alias DB2
	sleeper "c-$ID" --network blue
	run -0 resolv_conf_of "$A"
	assert_output "$(printf 'nameserver 10.77.1.1\nsearch dns.nsrun\noptions attempts:1')"
	both="$(address_on red "$B") $(nsrun state "$B" | jq -r '.network.result.attachments[0].address6 | split("/")[0]')"
	for name in "$B" db db2 "$B.dns.nsrun"; do
		assert_equal "$(addresses_of "$name" "$A")" "$both"
	done
	assert_equal "$(addresses_of "$A" "$B" | cut -d' ' -f1)" "$(address_on red "$A")"
	unknown "c-$ID" "$A"
	unknown "$B" "c-$ID"
	assert_equal "$(servers | wc -l)" 1
	nsrun delete -f "$B"
	wait_until unknown db "$A"
}

@test "names: aardvark-dns runs from the first container to the last, and nsrun state tells of it" {
	nsrun network create --ipv6=false web
	no_server
	sleeper "$A" --network web
	pid=$(servers)
	assert_equal "$(cut -d' ' -f1 "$DNS.pid")" "$pid"
	assert_equal "$(nsrun state "$A" | jq -r '.network.result.attachments[0].nameServer')" \
		"$(nsrun state "$A" | jq -r '.network.result.attachments[0].gateway')"
	sleeper "$B" --network web
	nsrun delete -f "$A"
	assert_equal "$(servers)" "$pid"
	nsrun delete -f "$B"
	no_server
	assert_equal "$(find /run/nsrun/networks -maxdepth 1 -name 'dns*')" ""
}

@test "names: what no container is called is asked of the host's servers" {
	ip addr add 192.0.2.53/32 dev lo
	name_server 192.0.2.53 198.51.100.7
	nsrun network create --ipv6=false web
	sleeper "$A" --network web
	assert_equal "$(addresses_of www.example.net "$A")" 198.51.100.7
	assert_equal "$(addresses_of "$A" "$A" | cut -d' ' -f1)" "$(address_on web "$A")"
	ip addr del 192.0.2.53/32 dev lo
}

@test "names: --dns of the container, and dnsServers of the network, come before the host's" {
	name_server 127.0.0.9 198.51.100.9
	nsrun network create --dns 127.0.0.9 --ipv6=false --subnet 10.77.1.0/24 red
	nsrun network create --ipv6=false --subnet 10.77.2.0/24 blue
	sleeper "$A" --network red
	assert_equal "$(addresses_of www.example.net "$A")" 198.51.100.9
	sleeper "$B" --network blue --dns 127.0.0.9 --dns-search lan --dns-search corp --dns-option timeout:1
	assert_equal "$(addresses_of www.example.net "$B")" 198.51.100.9
	run -0 resolv_conf_of "$B"
	assert_output "$(printf 'nameserver 10.77.2.1\nsearch dns.nsrun lan corp\noptions timeout:1')"
}

@test "names: an internal network has them; so has one of IPv6 alone" {
	nsrun network create --internal --ipv6=false --subnet 10.77.1.0/24 red
	nsrun network create --subnet fd77:2::/64 blue
	sleeper "$A" --network red
	sleeper "$B" --network red
	assert_equal "$(addresses_of "$B" "$A")" "$(address_on red "$B")"
	sleeper "c-$ID" --network blue
	sleeper "d-$ID" --network blue:alias=six
	assert_equal "$(resolv_conf_of "c-$ID" | head -n 1)" "nameserver fd77:2::1"
	assert_equal "$(addresses_of six "c-$ID")" "$(address6_of "d-$ID")"
}

@test "names: connect and disconnect bring them and take them" {
	nsrun network create --ipv6=false --subnet 10.77.1.0/24 red
	nsrun network create --ipv6=false --subnet 10.77.2.0/24 blue
	sleeper "$A" --network red
	sleeper "$B" --network blue
	unknown "$A" "$B"
	nsrun network connect --alias extra blue "$A"
	wait_until resolves_to extra "$B" "$(address_on blue "$A")"
	wait_until resolves_to "$A" "$B" "$(address_on blue "$A")"
	nsrun network disconnect blue "$A"
	wait_until unknown extra "$B"
	refused 'is no host name' network connect --alias 'a b' blue "$A"
}

@test "names: a sidecar has the owner's resolv.conf" {
	nsrun network create --ipv6=false --subnet 10.77.1.0/24 red
	sleeper "$A" --network red
	sleeper "$B" --network "container:$A"
	run -0 resolv_conf_of "$B"
	assert_line "nameserver 10.77.1.1"
	assert_equal "$(addresses_of "$A" "$B")" "$(address_on red "$A")"
}

@test "names: aardvark-dns that was killed is started again by the next container" {
	nsrun network create --ipv6=false web
	sleeper "$A" --network web
	kill -KILL "$(servers)"
	wait_until no_server
	sleeper "$B" --network web
	assert_equal "$(servers | wc -l)" 1
	assert_equal "$(addresses_of "$A" "$B" | cut -d' ' -f1)" "$(address_on web "$A")"
	kill -KILL "$(servers)"
	wait_until no_server
	nsrun network reload web
	assert_equal "$(addresses_of "$A" "$B" | cut -d' ' -f1)" "$(address_on web "$A")"
	kill -KILL "$(servers)"
	nsrun delete -f "$A" "$B"
	wait_until no_server
}

@test "names: one that nobody wrote down ends before another starts, and with the last container" {
	nsrun network create --ipv6=false web
	sleeper "$A" --network web
	first=$(servers)
	rm "$DNS.pid" # as if nsrun had been killed before it wrote
	sleeper "$B" --network web
	assert_equal "$(servers | wc -l)" 1
	[[ $(servers) != "$first" ]]
	rm "$DNS.pid"
	nsrun delete -f "$A" "$B"
	no_server
}

@test "names: a stranger who has got its pid is left alone" {
	nsrun network create --ipv6=false web
	sleeper "$A" --network web
	kill -KILL "$(servers)"
	sleep 1000 3>&- &
	stranger=$!
	echo "$stranger $(cut -d' ' -f2 "$DNS.pid")" >"$DNS.pid"
	echo "$stranger" >"$DNS/aardvark.pid"
	nsrun delete -f "$A"
	kill -0 "$stranger"
	kill "$stranger"
	wait "$stranger" || true
}

@test "names: nothing is left of a create that is killed once they are known" {
	nsrun network create --ipv6=false web
	make_bundle "$BUNDLE"
	run env NSRUN_FAULT='make names known=kill' "$(dirname "$NSRUN")/tests/nsrun-faults" run -d -b "$BUNDLE" --network web "$A"
	assert_failure 137
	serving
	nsrun delete --force "$A"
	no_server
}

@test "names: a create that fails takes them back" {
	nsrun network create --ipv6=false web
	make_bundle "$BUNDLE"
	run env NSRUN_FAULT='publish ports' "$(dirname "$NSRUN")/tests/nsrun-faults" run -d -b "$BUNDLE" --network web "$A"
	assert_failure 1
	no_server
	[[ ! -e $DNS ]]
}

@test "names: a network that is removed while others live is forgotten; its address may be another's" {
	nsrun network create --ipv6=false --subnet 10.77.1.0/24 red
	nsrun network create --ipv6=false --subnet 10.77.2.0/24 blue
	sleeper "$A" --network red
	sleeper "$B" --network blue
	nsrun delete -f "$A"
	[[ -e $DNS/red ]]
	nsrun network rm red
	[[ ! -e $DNS/red ]]
	serving
	nsrun network create --ipv6=false --subnet 10.77.1.0/24 green
	sleeper "$A" --network green
	wait_until resolves_to "$A" "$A" "$(address_on green "$A")"
	assert_equal "$(addresses_of "$B" "$B")" "$(address_on blue "$B")"
}

@test "names: without aardvark-dns a network does without, unless it is asked for" {
	nsrun network create --names --ipv6=false --subnet 10.77.1.0/24 red
	nsrun network create --ipv6=false --subnet 10.77.2.0/24 blue
	hide_program
	sleeper "$A" --network blue
	assert_equal "$output" ""
	run -0 resolv_conf_of "$A"
	assert_output "$(printf 'nameserver 192.0.2.53\noptions attempts:1')"
	sleeper "$B" --network blue:alias=db
	assert_output --partial 'alias "db" will not resolve: aardvark-dns is not installed'
	refused 'network "red": names of containers need the program aardvark-dns; not installed' \
		run -d -b "$BUNDLE" --network red "c-$ID"
	refused 'names of containers need the program aardvark-dns; not installed' network create --names green
	no_server
}

@test "names: =false, the built-in network and lists of others have none" {
	nsrun network create --names=false --ipv6=false --subnet 10.77.1.0/24 red
	sleeper "$A" --network red
	sleeper "$B" --network bridge
	no_server
	assert_equal "$(resolv_conf_of "$A" | head -n 1)" "nameserver 192.0.2.53"
	refused 'do not go with names off' network create --names=false --dns 9.9.9.9 blue
}

@test "names: a port that somebody else has is told; with names asked for, refused" {
	name_server 0.0.0.0 198.51.100.9
	nsrun network create --ipv6=false --subnet 10.77.1.0/24 red
	nsrun network create --names --ipv6=false --subnet 10.77.2.0/24 blue
	sleeper "$A" --network red
	assert_output --partial "port 53/udp on 10.77.1.1 is in use by perl (pid $server)"
	assert_equal "$(resolv_conf_of "$A" | head -n 1)" "nameserver 192.0.2.53"
	refused "port 53/udp on 10.77.2.1 is in use by perl (pid $server)" run -d -b "$BUNDLE" --network blue "$B"
	no_server
}

@test "names: podman's dnsname in a list: by our own means, with its domain" {
	nsrun network create --ipv6=false --subnet 10.77.1.0/24 red
	jq 'del(.nsrun) | .plugins += [{"type": "dnsname", "domainName": "dns.podman", "capabilities": {"aliases": true}}]' \
		"$NSRUN_NET_DIR/red.conflist" >"$BATS_TEST_TMPDIR/red"
	mv "$BATS_TEST_TMPDIR/red" "$NSRUN_NET_DIR/red.conflist"
	sleeper "$A" --network red:alias=db
	sleeper "$B" --network red
	assert_equal "$(addresses_of db.dns.podman "$B")" "$(address_on red "$A")"
	assert_equal "$(addresses_of db "$B")" "$(address_on red "$A")"
}

@test "names: plugin by plugin: ptp has them, and a list that is wholly foreign if it asks for them" {
	export CNI_PATH=$BATS_TEST_TMPDIR/cni
	mkdir "$CNI_PATH"
	ln -s /usr/lib/cni/bridge "$CNI_PATH/x-bridge"
	ln -s /usr/lib/cni/host-local "$CNI_PATH/x-host-local"
	nsrun network create --driver ptp --ipv6=false --subnet 10.77.1.0/24 red
	printf '{"cniVersion":"1.0.0","name":"blue","nsrun":{"names":"on","dnsServers":["192.0.2.77"]},"plugins":[{"type":"x-bridge","bridge":"blue0","isGateway":true,
		"ipam":{"type":"x-host-local","dataDir":"%s/leases","ranges":[[{"subnet":"10.77.2.0/24"}]]}}]}' "$BATS_TEST_TMPDIR" >"$NSRUN_NET_DIR/blue.conflist"
	local net first
	for net in red blue; do
		sleeper "$A" --network "$net"
		assert_equal "$output" ""
		sleeper "$B" --network "$net:alias=db"
		first=$(address_on "$net" "$A")
		assert_equal "$(resolv_conf_of "$B" | head -n 2 | paste -sd' ')" "nameserver ${first%.*}.1 search dns.nsrun"
		wait_until resolves_to "$A" "$B" "$first"
		for name in "$B" db db.dns.nsrun; do
			wait_until resolves_to "$name" "$A" "$(address_on "$net" "$B")"
		done
		assert_equal "$(servers | wc -l)" 1
		assert_equal "$(nsrun network inspect "$net" | jq '.[0].dns')" true
		[[ $net == red ]] || assert_equal "$(head -n 1 "$DNS/blue")" "10.77.2.1 192.0.2.77"
		nsrun delete -f "$A"
		wait_until unknown "$A" "$B"
		nsrun delete -f "$B"
		no_server
		[[ ! -e $DNS ]]
	done
	ip link del blue0
}

@test "names: plugin by plugin: connect and disconnect bring them and take them; what is killed leaves none" {
	nsrun network create --driver ptp --ipv6=false --subnet 10.77.1.0/24 red
	sleeper "$A" --network red
	nsrun network create --names=false --ipv6=false --subnet 10.77.2.0/24 blue
	sleeper "$B" --network blue
	nsrun network connect --alias db red "$B"
	wait_until resolves_to db "$A" "$(address_on red "$B")"
	nsrun network disconnect red "$B"
	wait_until unknown db "$A"
	nsrun delete -f "$A"
	no_server
	run env NSRUN_FAULT='configure link=kill' "$(dirname "$NSRUN")/tests/nsrun-faults" run -d -b "$BUNDLE" --network red "c-$ID"
	assert_failure 137
	serving
	nsrun delete -f "c-$ID"
	no_server
}

@test "names: plugin by plugin: where the gateway is not this host there are none; asked for, it is refused" {
	make_lan
	local plugin='"plugins":[{"type":"macvlan","master":"lan0","ipam":{"type":"host-local","subnet":"10.77.3.0/24","dataDir":"/run/nsrun/networks/leases"}}]'
	printf '{"cniVersion":"1.0.0","name":"red","nsrun":{"names":"auto"},%s}' "$plugin" >"$NSRUN_NET_DIR/red.conflist"
	printf '{"cniVersion":"1.0.0","name":"blue","nsrun":{"names":"on"},%s}' "$plugin" >"$NSRUN_NET_DIR/blue.conflist"
	sleeper "$A" --network red
	assert_equal "$output" ""
	assert_equal "$(resolv_conf_of "$A" | head -n 1)" "nameserver 192.0.2.53"
	sleeper "$B" --network red:alias=db
	assert_output --partial 'network "red": no names of containers: they need a name server on the gateway'
	refused 'network "blue": no names of containers: they need a name server on the gateway, and no plugin told of one that is an address of this host' \
		run -d -b "$BUNDLE" --network blue "c-$ID"
	no_server
	nsrun delete -f "$A" "$B"
}

@test "resolv.conf: \"dns\" of a list; flags come before it" {
	nsrun network create --names=false --ipv6=false --subnet 10.77.1.0/24 red
	jq '.plugins[0].dns = {"nameservers": ["9.9.9.9"], "search": ["lan"], "domain": "not.this", "options": ["ndots:3"]}' \
		"$NSRUN_NET_DIR/red.conflist" >"$BATS_TEST_TMPDIR/red"
	mv "$BATS_TEST_TMPDIR/red" "$NSRUN_NET_DIR/red.conflist"
	sleeper "$A" --network red
	run -0 resolv_conf_of "$A"
	assert_output "$(printf 'nameserver 9.9.9.9\nsearch lan\noptions ndots:3')"
	sleeper "$B" --network red --dns 1.1.1.1 --dns fd00::53 --dns-search . --dns-option rotate
	run -0 resolv_conf_of "$B"
	assert_output "$(printf 'nameserver 1.1.1.1\nnameserver fd00::53\noptions rotate')"
	jq '.plugins[0].dns.nameservers = ["nine"]' "$NSRUN_NET_DIR/red.conflist" >"$BATS_TEST_TMPDIR/red"
	mv "$BATS_TEST_TMPDIR/red" "$NSRUN_NET_DIR/red.conflist"
	refused 'plugins[0].dns.nameservers: "nine" is not an IP address' run -d -b "$BUNDLE" --network red "c-$ID"
	jq 'del(.plugins[0].dns)' "$NSRUN_NET_DIR/red.conflist" >"$BATS_TEST_TMPDIR/red"
	mv "$BATS_TEST_TMPDIR/red" "$NSRUN_NET_DIR/red.conflist"
}

@test "resolv.conf: what is no address, no word, or no container's to say, is refused before anything is made" {
	make_bundle "$BUNDLE"
	refused 'dns: "nine" is not an IP address' run -b "$BUNDLE" --network bridge --dns nine "$A"
	refused 'dns-search "a b": expected one word' run -b "$BUNDLE" --network bridge --dns-search 'a b' "$A"
	refused 'dns-option "a\nb": expected one word' run -b "$BUNDLE" --network bridge --dns-option $'a\nb' "$A"
	refused '--dns-search needs a network' run -b "$BUNDLE" --dns-search lan "$A"
	refused '--network-alias: "a b" is no host name' run -b "$BUNDLE" --network bridge --network-alias 'a b' "$A"
	refused 'is no host name' run -b "$BUNDLE" --network "bridge:alias=$(printf 'x%.0s' {1..64})" "$A"
}
