#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# portmap: as a plugin on bridges that the reference plugin makes, and its options in networks of nsrun's own.

load ../helpers
load helpers

REFERENCE=/usr/lib/cni

setup()
{
	network_begin
	[[ -x $REFERENCE/bridge ]] || fail "the reference plugins are not installed: contrib/install test"
	make_lan
	serve_lan
}

teardown()
{
	local id
	for id in "$ID-a" "$ID-b"; do
		[[ ! -e /run/netns/$id ]] || cni_remove "$id"
	done
	jq -n '{cniVersion: "1.1.0", name: "foreign", type: "portmap", "cni.dev/valid-attachments": []}' |
		CNI_COMMAND=GC CNI_PATH=$REFERENCE "$NSRUN" cni portmap
	ip link del cni7 2>/dev/null || true
	nft delete table inet nsrun 2>/dev/null || true
	network_end
}

# cni COMMAND ID PROGRAM...: the configuration is stdin.
cni()
{
	local command=$1 id=$2
	shift 2
	CNI_COMMAND=$command CNI_CONTAINERID=$id CNI_NETNS=/run/netns/$id CNI_IFNAME=eth0 CNI_PATH=$REFERENCE \
		timeout 20 "$@"
}

bridge_config()
{
	jq -n --arg dir "$BATS_TEST_TMPDIR/leases" '{cniVersion: "1.0.0", name: "foreign", type: "bridge", bridge: "cni7",
		isGateway: true, hairpinMode: true, ipam: {type: "host-local", dataDir: $dir, routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}],
		ranges: [[{subnet: "10.22.0.0/24"}], [{subnet: "fd22::/64"}]]}}'
}

# portmap_config ID MAPPINGS [OPTIONS]
portmap_config()
{
	jq --argjson map "$2" --argjson more "${3-"{}"}" '{cniVersion: "1.0.0", name: "foreign", type: "portmap", prevResult: .,
		runtimeConfig: {portMappings: $map}} + $more' "$BATS_TEST_TMPDIR/result.$1"
}

# foreign ID: a container on the reference plugin's bridge, which serves "hello from ID" on port 80.
foreign()
{
	ip netns add "$1"
	ip -n "$1" link set lo up
	bridge_config | cni ADD "$1" "$REFERENCE/bridge" >"$BATS_TEST_TMPDIR/result.$1"
	mkdir -p "$BATS_TEST_TMPDIR/www.$1"
	echo "hello-from-$1" >"$BATS_TEST_TMPDIR/www.$1/index.html"
	ip netns exec "$1" busybox httpd -f -p 80 -h "$BATS_TEST_TMPDIR/www.$1" >/dev/null 2>&1 3>&- &
	echo $! >"$BATS_TEST_TMPDIR/pid.$1"
	wait_until ip netns exec "$1" wget -t 1 -T 2 -qO- 127.0.0.1
}

# our_portmap COMMAND ID MAPPINGS [OPTIONS]
our_portmap() { portmap_config "$2" "$3" "${4-"{}"}" | cni "$1" "$2" "$NSRUN" cni portmap; }

cni_remove()
{
	kill "$(<"$BATS_TEST_TMPDIR/pid.$1")"
	our_portmap DEL "$1" '[]'
	bridge_config | cni DEL "$1" "$REFERENCE/bridge"
	ip netns del "$1"
}

ONE='[{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]'

# It goes with the last port.
no_table() { run ! nft list table inet nsrun; }

@test "a foreign bridge: from the LAN, the host, localhost, a neighbour, itself; both families; gone with DEL" {
	foreign "$ID-a"
	foreign "$ID-b"
	sysctl -qw net.ipv6.conf.all.forwarding=1
	diff <(our_portmap ADD "$ID-a" "$ONE" | jq -S .) <(jq -S . "$BATS_TEST_TMPDIR/result.$ID-a")
	assert_equal "$(from_container "lan-$ID" http://192.0.2.1:8080/)" "hello-from-$ID-a"
	# The reference plugin's bridge takes its time to find its address no duplicate.
	wait_until from_container "lan-$ID" 'http://[2001:db8:5::1]:8080/'
	assert_equal "$(from_container "lan-$ID" 'http://[2001:db8:5::1]:8080/')" "hello-from-$ID-a"
	assert_equal "$(fetch http://192.0.2.1:8080/)" "hello-from-$ID-a"
	assert_equal "$(fetch http://127.0.0.1:8080/)" "hello-from-$ID-a"
	assert_equal "$(from_container "$ID-b" http://192.0.2.1:8080/)" "hello-from-$ID-a"
	assert_equal "$(from_container "$ID-b" 'http://[2001:db8:5::1]:8080/')" "hello-from-$ID-a"
	assert_equal "$(from_container "$ID-a" http://192.0.2.1:8080/)" "hello-from-$ID-a"
	our_portmap CHECK "$ID-a" "$ONE"
	our_portmap DEL "$ID-a" "$ONE"
	our_portmap DEL "$ID-a" "$ONE"
	run from_container "lan-$ID" http://192.0.2.1:8080/
	assert_failure
	[[ ! -e /run/nsrun/networks/uses ]]
	no_table
}

@test "127.0.0.1 alone: not from the LAN, though the bridge has route_localnet" {
	foreign "$ID-a"
	our_portmap ADD "$ID-a" '[{"hostPort": 8080, "containerPort": 80, "hostIP": "127.0.0.1"}]' >/dev/null
	assert_equal "$(fetch http://127.0.0.1:8080/)" "hello-from-$ID-a"
	run from_container "lan-$ID" http://192.0.2.1:8080/
	assert_failure
	ip -n "lan-$ID" route add 127.0.0.0/8 via 192.0.2.1 table 77
	ip netns exec "lan-$ID" sysctl -qw net.ipv4.conf.all.route_localnet=1
	ip -n "lan-$ID" route replace 127.0.0.1/32 via 192.0.2.1 table local 2>/dev/null ||
		ip -n "lan-$ID" rule add to 127.0.0.1 lookup 77 pref 0
	run from_container "lan-$ID" http://127.0.0.1:8080/
	assert_failure
	our_portmap DEL "$ID-a" '[]'
	no_table
}

@test "CHECK fails when a thing is removed by hand: an element, a claim, the link in the rules" {
	foreign "$ID-a"
	our_portmap ADD "$ID-a" "$ONE" >/dev/null
	our_portmap CHECK "$ID-a" "$ONE"
	nft delete element inet nsrun any4 '{ tcp . 8080 }'
	run our_portmap CHECK "$ID-a" "$ONE"
	assert_failure
	assert_output --partial "port 8080/tcp is not published any more"
	our_portmap DEL "$ID-a" "$ONE"
	our_portmap ADD "$ID-a" "$ONE" >/dev/null
	nft delete element inet nsrun hairpin '{ cni7 }'
	run our_portmap CHECK "$ID-a" "$ONE"
	assert_output --partial "link cni7 is not in the rules"
	our_portmap DEL "$ID-a" "$ONE"
	our_portmap ADD "$ID-a" "$ONE" >/dev/null
	rm /run/nsrun/networks/ports/tcp/8080/any
	run our_portmap CHECK "$ID-a" "$ONE"
	assert_output --partial "a claim of its ports is gone"
	our_portmap DEL "$ID-a" "$ONE"
	no_table
}

@test "a port that another has is refused, by name; nsrun's own containers and these keep off each other" {
	foreign "$ID-a"
	foreign "$ID-b"
	our_portmap ADD "$ID-a" "$ONE" >/dev/null
	run our_portmap ADD "$ID-b" "$ONE"
	assert_failure
	assert_output --partial "port 8080/tcp on 0.0.0.0 is in use by container $ID-a"
	make_bundle "$BUNDLE" true
	refused "port 8080/tcp on 0.0.0.0 is in use by container $ID-a" run --network bridge -p 8080:80 -b "$BUNDLE" "$ID"
	serve "$ID" --network bridge -p 9090:80
	run our_portmap ADD "$ID-b" '[{"hostPort": 9090, "containerPort": 80}]'
	assert_output --partial "port 9090/tcp on 0.0.0.0 is in use by container $ID"
	run our_portmap ADD "$ID-a" "$ONE"
	assert_output --partial "its ports are published already"
	assert_equal "$(fetch http://127.0.0.1:8080/)" "hello-from-$ID-a"
	our_portmap DEL "$ID-a" "$ONE"
	assert_equal "$(fetch http://127.0.0.1:9090/)" "hello-from-$ID"
}

@test "GC frees what no valid attachment has, and that alone" {
	foreign "$ID-a"
	foreign "$ID-b"
	our_portmap ADD "$ID-a" "$ONE" >/dev/null
	our_portmap ADD "$ID-b" '[{"hostPort": 8081, "containerPort": 80}]' >/dev/null
	jq -n --arg id "$ID-b" '{cniVersion: "1.1.0", name: "foreign", type: "portmap",
		"cni.dev/valid-attachments": [{containerID: $id, ifname: "eth0"}]}' |
		CNI_COMMAND=GC CNI_PATH=$REFERENCE "$NSRUN" cni portmap
	run fetch http://127.0.0.1:8080/
	assert_failure
	assert_equal "$(fetch http://127.0.0.1:8081/)" "hello-from-$ID-b"
	nsrun network gc # knows that it is another runtime's
	our_portmap CHECK "$ID-b" '[{"hostPort": 8081, "containerPort": 80}]'
	our_portmap DEL "$ID-b" '[]'
	no_table
}

@test "wrong input: each a CNI error with its path; nothing is left" {
	local text
	foreign "$ID-a"
	while IFS='|' read -r map more text; do
		run our_portmap ADD "$ID-a" "$map" "$more"
		assert_failure
		[[ $(jq -r .msg <<<"$output") == *"$text"* ]] || fail "$map $more: $output"
	done <<-'CASES'
		[{"hostPort": 0, "containerPort": 80}]|{}|runtimeConfig.portMappings[0].hostPort: 0 is no port
		[{"hostPort": 8080, "containerPort": 65536}]|{}|runtimeConfig.portMappings[0].containerPort: 65536 is no port
		[{"containerPort": 80}]|{}|runtimeConfig.portMappings[0].hostPort: none is no port
		[{"hostPort": 8080, "containerPort": 80, "protocol": "icmp"}]|{}|runtimeConfig.portMappings[0].protocol: "icmp" is none of
		[{"hostPort": 8080, "containerPort": 80, "hostIP": "1.2.3"}]|{}|runtimeConfig.portMappings[0].hostIP
		[{"hostPort": 8080, "containerPort": 80},{"hostPort": 8080, "containerPort": 81}]|{}|port 8080/tcp is published twice
		{}|{}|runtimeConfig.portMappings: expected an array, found an object
		[{"hostPort": 8080, "containerPort": 80}]|{"markMasqBit": 32}|markMasqBit: 32 is no bit
		[{"hostPort": 8080, "containerPort": 80}]|{"markMasqBit": 3, "externalSetMarkChain": "X"}|markMasqBit: goes not with externalSetMarkChain
		[{"hostPort": 8080, "containerPort": 80}]|{"backend": "ebtables"}|backend: "ebtables" is unknown
		[{"hostPort": 8080, "containerPort": 80}]|{"conditionsV4": ["-i", "eth0"]}|conditionsV4: not supported
		[{"hostPort": 8080, "containerPort": 80}]|{"snat": 1}|snat: expected true or false
	CASES
	[[ ! -e /run/nsrun/networks/uses ]]
	[[ ! -e /run/nsrun/networks/ports ]]
}

# tell_peer ID: answers whoever connects to port 81 with his address.
tell_peer()
{
	# shellcheck disable=SC2016 # perl's variables
	ip netns exec "$1" perl -MIO::Socket::IP -e '
		my $s = IO::Socket::IP->new(LocalHost => "::", LocalPort => 81, Listen => 5, V6Only => 0) or die;
		while (my $c = $s->accept) { print $c $c->peerhost =~ s/^::ffff://r; close $c; }' >/dev/null 2>&1 3>&- &
	# shellcheck disable=SC2034 # stop_udp ends it
	udp_server=$!
}

# peer NETNS ADDRESS PORT: what the server there says.
peer()
{
	# shellcheck disable=SC2016
	ip netns exec "$1" timeout 5 perl -MIO::Socket::IP -e '
		my $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Timeout => 2) or exit 1;
		print <$s>;' "$2" "$3"
}

MAP81='[{"hostPort": 8081, "containerPort": 81}]'

@test "snat: who is seen by the container; false: localhost is not translated; masqAll: everybody is the host" {
	foreign "$ID-a"
	foreign "$ID-b"
	tell_peer "$ID-a"
	wait_until peer "$ID-a" 127.0.0.1 81
	our_portmap ADD "$ID-a" "$MAP81" >/dev/null
	assert_equal "$(peer "lan-$ID" 192.0.2.1 8081)" 192.0.2.2
	wait_until peer "lan-$ID" 2001:db8:5::1 8081
	assert_equal "$(peer "lan-$ID" 2001:db8:5::1 8081)" 2001:db8:5::2
	assert_equal "$(peer "$ID-b" 192.0.2.1 8081)" 10.22.0.1
	assert_equal "$(peer "$ID-b" 2001:db8:5::1 8081)" fd22::1
	our_portmap DEL "$ID-a" '[]'
	our_portmap ADD "$ID-a" "$MAP81" '{"masqAll": true}' >/dev/null
	assert_equal "$(peer "lan-$ID" 192.0.2.1 8081)" 10.22.0.1
	assert_equal "$(peer "lan-$ID" 2001:db8:5::1 8081)" fd22::1
	our_portmap DEL "$ID-a" '[]'
	sysctl -qw net.ipv4.conf.cni7.route_localnet=0
	our_portmap ADD "$ID-a" "$MAP81" '{"snat": false}' >/dev/null
	assert_equal "$(peer "lan-$ID" 192.0.2.1 8081)" 192.0.2.2
	assert_equal "$(sysctl -n net.ipv4.conf.cni7.route_localnet)" 0
	run nft list set inet nsrun hairpin
	refute_output --partial cni7
	our_portmap DEL "$ID-a" '[]'
	no_table
}

@test "networks of nsrun's own: snat and masqAll of the list's portmap" {
	nsrun network create --subnet 10.90.0.0/24 --subnet fd90::/64 web
	jq '.plugins |= map(if .type == "portmap" then .masqAll = true else . end)' "$NSRUN_NET_DIR/web.conflist" >"$BATS_TEST_TMPDIR/list"
	cp "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/web.conflist"
	serve "$ID" --network web -p 8081:81
	tell_peer "$ID"
	wait_until peer "$ID" 127.0.0.1 81
	assert_equal "$(peer "lan-$ID" 192.0.2.1 8081)" 10.90.0.1
	assert_equal "$(peer "lan-$ID" 2001:db8:5::1 8081)" fd90::1
	stop_udp
	nsrun delete --force "$ID"
	nsrun network rm web
	nsrun network create --subnet 10.90.0.0/24 web
	jq '.plugins |= map(if .type == "portmap" then .snat = false else . end)' "$NSRUN_NET_DIR/web.conflist" >"$BATS_TEST_TMPDIR/list"
	cp "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/web.conflist"
	serve "$ID" --network web -p 8081:81 -p 8080:80
	serve "$ID-c" --network web
	tell_peer "$ID"
	wait_until peer "$ID" 127.0.0.1 81
	assert_equal "$(peer "lan-$ID" 192.0.2.1 8081)" 192.0.2.2
	run fetch http://127.0.0.1:8080/
	assert_failure
	assert_equal "$(fetch http://192.0.2.1:8080/)" "hello-from-$ID"
}
