#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# network reload: whatever others flush, change or delete of what nsrun made in the host's namespace comes back, and
# what is as it should be stays. The administrator's chain.

load ../helpers
load helpers

teardown()
{
	# The chain's rules outlive nsrun's networks: that is what it is for.
	nft flush chain inet nsrun admin 2>/dev/null || true
	network_end
}

# works ID: out, in from the LAN, from the host, from itself, and in IPv6. Also what `run` and `wait_until` call, so
# each line returns.
works()
{
	assert_equal "$(from_container "$1" http://192.0.2.2/)" page || return 1
	assert_equal "$(from_container "lan-$ID" http://192.0.2.1:8080/)" "hello-from-$1" || return 1
	assert_equal "$(from_container "lan-$ID" 'http://[2001:db8:5::1]:8080/')" "hello-from-$1" || return 1
	assert_equal "$(fetch http://127.0.0.1:8080/)" "hello-from-$1" || return 1
	assert_equal "$(from_container "$1" http://192.0.2.1:8080/)" "hello-from-$1" || return 1
}

mac_of() { ip -j link show "$1" | jq -r '.[0].address'; }

# The ruleset without numbers that count.
ruleset() { nft -s list ruleset | sort; }

begin()
{
	make_lan
	serve_lan
	ip -n "lan-$ID" route del default # so that only what is masqueraded is answered
	nsrun network create --subnet 10.90.0.0/24 --subnet fd90::/64 web
	serve "$ID" --network web -p 8080:80
	works "$ID"
}

# broken COMMAND...: what COMMAND does is felt, and reload undoes it.
broken()
{
	eval "$1"
	run works "$ID"
	assert_failure
	run -0 nsrun network reload web
	assert_output web
	works "$ID"
}

@test "nft flush ruleset, our table deleted, a chain flushed, an element deleted" {
	begin
	ruleset >"$BATS_TEST_TMPDIR/before"
	broken 'nft flush ruleset'
	broken 'nft delete table inet nsrun'
	broken 'nft flush chain inet nsrun publish'
	broken 'nft flush chain inet nsrun postrouting'
	broken 'nft flush set inet nsrun masq4'
	broken 'nft flush set inet nsrun hairpin'
	broken 'nft flush map inet nsrun any4'
	broken 'nft flush map inet nsrun any6'
	broken 'nft delete element inet nsrun any4 { tcp . 8080 }; nft add element inet nsrun any4 { tcp . 8080 : 10.90.0.77 . 9 }'
	diff "$BATS_TEST_TMPDIR/before" <(ruleset)
}

@test "twice, and where nothing is amiss, nothing changes; a connection goes on meanwhile" {
	begin
	ruleset >"$BATS_TEST_TMPDIR/before"
	mac=$(mac_of nsr-web)
	exec 5<>/dev/tcp/192.0.2.1/8080
	for _ in 1 2; do nsrun network reload web; done
	printf 'GET / HTTP/1.0\r\n\r\n' >&5
	timeout 5 grep -q "hello-from-$ID" <&5
	exec 5>&-
	diff "$BATS_TEST_TMPDIR/before" <(ruleset)
	assert_equal "$(mac_of nsr-web)" "$mac"
	works "$ID"
}

@test "the bridge: down, without its address, deleted; a container's plug that was pulled" {
	begin
	mac=$(mac_of nsr-web)
	host=$(nsrun state "$ID" | jq -r '.network.result.attachments[0].hostIfname')
	broken 'ip link set nsr-web down'
	broken 'ip addr del 10.90.0.1/24 dev nsr-web'
	broken "ip link set $host nomaster"
	broken 'ip link del nsr-web'
	assert_equal "$(mac_of nsr-web)" "$mac"
	assert_equal "$(ip -j -d link show "$host" | jq '.[0].linkinfo.info_slave_data.hairpin')" true
}

@test "sysctls: forwarding, route_localnet" {
	begin
	broken 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	broken 'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'
	broken 'echo 0 >/proc/sys/net/ipv4/conf/nsr-web/route_localnet'
}

@test "leases and claims that were deleted; what another has meanwhile is told" {
	begin
	state=/run/nsrun/networks
	address=$(address_of "$ID")
	rm -r "$state/leases/web/$address" "$state/ports/tcp"
	nsrun network reload web
	make_bundle "$BUNDLE" true
	refused "address $address is in use by container $ID" run --network "web:ip=$address" -b "$BUNDLE" "$ID-b"
	refused "is in use by container $ID" run --network web -p 8080:80 -b "$BUNDLE" "$ID-b"
	printf 'somebody\r\neth0' >"$state/leases/web/$address"
	refused "network reload: network \"web\": container $ID: address $address is in use by somebody" network reload web
	rm "$state/leases/web/$address"
	nsrun network reload web
	works "$ID"
}

@test "all networks, without a name or with --all; one that nobody used; one that is not there" {
	begin
	serve "$ID-b" --network bridge -p 8081:80
	nsrun network create idle
	nft flush ruleset
	run -0 nsrun network reload
	assert_output $'bridge\nweb'
	works "$ID"
	assert_equal "$(from_container "lan-$ID" http://192.0.2.1:8081/)" "hello-from-$ID-b"
	nft flush ruleset
	run -0 nsrun network reload --all
	assert_output $'bridge\nweb'
	works "$ID"
	run -0 nsrun network reload idle
	run ! ip link show nsr-idle
	refused 'network reload: no network called "nope"' network reload nope
	refused "--all" network reload --all web
}

@test "a network that is gone in part: the others are put right, the first failure is told" {
	begin
	serve "$ID-b" --network bridge -p 8081:80
	nft flush ruleset
	host=$(nsrun state "$ID-b" | jq -r '.network.result.attachments[0].hostIfname')
	ip link del "$host"
	refused "network \"bridge\": container $ID-b: link $host, the host end of its eth0, is gone" network reload
	works "$ID"
}

@test "udp: a flow that went astray while the rules were gone is put right" {
	begin
	launch run -d -b "$BATS_TEST_TMPDIR/web" --network web -p 5353:53/udp "$ID-u"
	serve_udp "$ID-u" here
	wait_until udp_answers here 192.0.2.1 5353
	nft flush ruleset
	assert_equal "$(ask_udp -s 4444 192.0.2.1 5353)" ""
	nsrun network reload web
	assert_equal "$(ask_udp -s 4444 192.0.2.1 5353)" here
}

@test "containers come and go meanwhile: nothing is left of those that went" {
	nsrun network create --subnet 10.90.0.0/24 web
	make_bundle "$BUNDLE" true
	for i in {1..8}; do
		nsrun run --network web -p "$((9000 + i)):80" -b "$BUNDLE" "$ID-$i" &
		nsrun network reload web &
	done
	wait
	run -0 nft list map inet nsrun any4
	refute_output --partial elements
	assert_equal "$(find /run/nsrun/networks/{ports,leases/web} -type f -name '[0-9a]*')" ""
}

@test "the table of another version: refused by containers, replaced by reload" {
	nft 'table inet nsrun { set version { type mark; elements = { 1 }; }; chain raw { type filter hook prerouting priority raw; }; }'
	make_bundle "$BUNDLE" true
	refused "not with the rules of this version of nsrun" run --network bridge -b "$BUNDLE" "$ID"
	run -0 nsrun network reload
	assert_output bridge
	serve "$ID" --network bridge -p 8080:80
	assert_equal "$(fetch http://127.0.0.1:8080/)" "hello-from-$ID"
}

@test "the administrator's chain: -p does not pass it by" {
	begin
	nft add rule inet nsrun admin iifname lan0 meta l4proto tcp ct original proto-dst 8080 drop
	run from_container "lan-$ID" http://192.0.2.1:8080/
	assert_failure
	run from_container "lan-$ID" 'http://[2001:db8:5::1]:8080/'
	assert_failure
	assert_equal "$(from_container "$ID" http://192.0.2.2/)" page
	assert_equal "$(fetch http://127.0.0.1:8080/)" "hello-from-$ID"
	nft flush chain inet nsrun admin
	nft add rule inet nsrun admin iifname lan0 accept # past our own drop, too
	ip -n "lan-$ID" route add default via 192.0.2.1
	assert_equal "$(from_container "lan-$ID" "http://$(address_of "$ID")/")" "hello-from-$ID"
	nsrun network reload
	nft list chain inet nsrun admin | grep -q 'iifname "lan0" accept'
}

@test "the administrator's chain is there before us, and after us" {
	nft 'table inet nsrun { chain admin { tcp dport 80 drop; }; }' # as /etc/nftables.conf has it
	nsrun network create --subnet 10.90.0.0/24 web
	serve "$ID" --network web -p 8080:80
	serve "$ID-b" --network web
	run from_container "$ID-b" http://10.90.0.1:8080/
	assert_failure
	nsrun delete --force "$ID" "$ID-b"
	nsrun network rm web
	run -0 nft list chain inet nsrun admin
	assert_output --partial "tcp dport 80 drop"
	nsrun network create web
	serve "$ID" --network web
	nft list chain inet nsrun admin | grep -q "tcp dport 80 drop"
	nft flush chain inet nsrun admin
	nsrun delete --force "$ID"
	nsrun network rm web
	run ! nft list table inet nsrun
}

# What docker, ufw and firewalld write when they are started again; each lets nsr-web through, as its administrator
# was told to have it.
docker_rules()
{
	iptables-nft-restore <<-RULES
		*filter
		:INPUT ACCEPT
		:FORWARD DROP
		:OUTPUT ACCEPT
		:DOCKER-FORWARD -
		:DOCKER-USER -
		-A FORWARD -j DOCKER-USER
		-A FORWARD -j DOCKER-FORWARD
		-A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A DOCKER-FORWARD -i docker0 -j ACCEPT
		-A DOCKER-USER -i nsr-web -j ACCEPT
		-A DOCKER-USER -o nsr-web -j ACCEPT
		COMMIT
		*nat
		:PREROUTING ACCEPT
		:OUTPUT ACCEPT
		:POSTROUTING ACCEPT
		:DOCKER -
		-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
		-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
		COMMIT
	RULES
}

ufw_rules()
{
	iptables-nft-restore <<-RULES
		*filter
		:INPUT ACCEPT
		:FORWARD DROP
		:OUTPUT ACCEPT
		:ufw-before-forward -
		:ufw-user-forward -
		-A FORWARD -j ufw-before-forward
		-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A ufw-before-forward -j ufw-user-forward
		-A ufw-user-forward -i nsr-web -j ACCEPT
		-A ufw-user-forward -o nsr-web -j ACCEPT
		COMMIT
	RULES
}

firewalld_rules()
{
	nft -f - <<-RULES
		table inet firewalld {
			chain filter_FORWARD {
				type filter hook forward priority filter + 10; policy accept;
				ct state { established, related } accept
				ct status dnat accept
				ct state invalid drop
				iifname "nsr-web" accept
				reject with icmpx admin-prohibited
			}
		}
	RULES
}

# restarted RULES: all rules are flushed and theirs are written, as their restart does it; ours come back with reload,
# and theirs stay.
restarted()
{
	begin
	"$1"
	works "$ID"
	nft flush ruleset
	"$1"
	ruleset >"$BATS_TEST_TMPDIR/theirs"
	run works "$ID"
	assert_failure
	run -0 nsrun network reload
	assert_output web
	works "$ID"
	assert_equal "$(comm -23 "$BATS_TEST_TMPDIR/theirs" <(ruleset))" ""
	# Once more around ours: theirs alone anew.
	"$1"
	works "$ID"
	nft delete table ip filter 2>/dev/null || true
	nft delete table ip nat 2>/dev/null || true
	nft delete table inet firewalld 2>/dev/null || true
}

@test "docker is started again: flushed and written around ours" { restarted docker_rules; }

@test "ufw is started again: flushed and written around ours" { restarted ufw_rules; }

@test "firewalld is started again: flushed and written around ours" { restarted firewalld_rules; }
