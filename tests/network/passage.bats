#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Hosts whose iptables drops what it does not know: a list whose plugin firewall says so is let through, its
# rules go with the network, and the administrator's chains are asked first.

load ../helpers
load helpers

FAMILIES=(iptables-nft ip6tables-nft)

setup()
{
	network_begin
	make_lan
	serve_lan
	ip -n "lan-$ID" route add default via 2001:db8:5::1
}

teardown()
{
	nft delete table ip filter 2>/dev/null || true
	nft delete table ip6 filter 2>/dev/null || true
	network_end
}

# network OPTIONS: the network web, whose firewall has these.
network()
{
	nsrun network create --subnet 10.90.0.0/24 --subnet fd90::/64 web
	jq --argjson more "$1" '.plugins |= map(if .type == "firewall" then . + $more else . end)' \
		"$NSRUN_NET_DIR/web.conflist" >"$BATS_TEST_TMPDIR/list"
	cp "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/web.conflist"
}

IPTABLES='{"backend": "iptables"}'

both() { local t; for t in "${FAMILIES[@]}"; do "$t" "$@"; done; }

docker_rules()
{
	both -N DOCKER-USER
	both -N DOCKER-FORWARD
	both -N DOCKER
	both -A FORWARD -j DOCKER-USER
	both -A FORWARD -j DOCKER-FORWARD
	both -A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	both -A DOCKER-FORWARD -o docker0 -j DOCKER
	both -A DOCKER-FORWARD -i docker0 -j ACCEPT
	both -A DOCKER ! -i docker0 -o docker0 -j DROP
	both -P FORWARD DROP
}

# through: out, and in to the published port 8080, in both families; not in past it.
through()
{
	local six
	six=$(address6_of "$ID")
	assert_equal "$(from_container "$ID" http://192.0.2.2/)" page
	assert_equal "$(from_container "$ID" 'http://[2001:db8:5::2]/')" page
	assert_equal "$(from_container "lan-$ID" http://192.0.2.1:8080/)" "hello-from-$ID"
	assert_equal "$(from_container "lan-$ID" 'http://[2001:db8:5::1]:8080/')" "hello-from-$ID"
	unanswered "lan-$ID" http://192.0.2.1:8080/ "http://$(address_of "$ID"):80/" "http://[$six]:80/"
}

rules() { "$1" -S FORWARD; }
ours() { "$1" -S | grep -c nsrun || true; }

@test "docker: through FORWARD after DOCKER-USER; once however many come; all of it goes with the network" {
	local t
	docker_rules
	both -S >"$BATS_TEST_TMPDIR/before"
	network "$IPTABLES"
	serve "$ID" --network web -p 8080:80
	assert_output ""
	through
	for t in "${FAMILIES[@]}"; do
		run rules "$t"
		assert_line --index 1 '-A FORWARD -i nsr-web -m comment --comment "nsrun: nsr-web out by DOCKER-USER" -j DOCKER-USER'
		assert_line --index 3 '-A FORWARD -i nsr-web -m comment --comment "nsrun: nsr-web out" -j ACCEPT'
		assert_line --index 4 '-A FORWARD -o nsr-web -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -m comment --comment "nsrun: nsr-web in" -j ACCEPT'
	done
	serve "$ID-b" --network web -p 8081:80
	assert_output ""
	nsrun network reload web
	for t in "${FAMILIES[@]}"; do
		assert_equal "$(ours "$t")" 4
	done
	nsrun network check web
	nsrun delete --force "$ID" "$ID-b"
	nsrun network rm web
	assert_equal "$(both -S)" "$(<"$BATS_TEST_TMPDIR/before")"
}

@test "docker: what the administrator drops in DOCKER-USER is dropped" {
	docker_rules
	network "$IPTABLES"
	serve "$ID" --network web -p 8080:80
	through
	iptables-nft -A DOCKER-USER -i lan0 -s 192.0.2.2 -p tcp -m conntrack --ctorigdstport 8080 -j DROP
	unanswered "lan-$ID" 'http://[2001:db8:5::1]:8080/' http://192.0.2.1:8080/
	assert_equal "$(from_container "$ID" http://192.0.2.2/)" page
}

@test "ufw: through, whatever its chains say; its own rules stay" {
	local t
	for t in "${FAMILIES[@]}"; do
		"$t" -N ufw-before-forward
		"$t" -N ufw-user-forward
		"$t" -N ufw-reject-forward
		"$t" -A FORWARD -j ufw-before-forward
		"$t" -A FORWARD -j ufw-reject-forward
		"$t" -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		"$t" -A ufw-before-forward -j ufw-user-forward
		"$t" -P FORWARD DROP
	done
	both -S >"$BATS_TEST_TMPDIR/before"
	network "$IPTABLES"
	serve "$ID" --network web -p 8080:80
	assert_output ""
	through
	nsrun delete --force "$ID"
	nsrun network rm web
	assert_equal "$(both -S)" "$(<"$BATS_TEST_TMPDIR/before")"
}

@test "a last rule that rejects; iptablesAdminChainName is made, asked first, and goes when it is empty" {
	both -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	both -A FORWARD -j REJECT
	network '{"iptablesAdminChainName": "MINE"}'
	serve "$ID" --network web -p 8080:80
	assert_output ""
	through
	iptables-nft -A MINE -d 192.0.2.2 -j DROP
	unanswered "$ID" 'http://[2001:db8:5::2]/' http://192.0.2.2/
	nsrun delete --force "$ID"
	nsrun network rm web
	assert_equal "$(iptables-nft -S MINE)" "-N MINE
-A MINE -d 192.0.2.2/32 -j DROP" # the administrator's
	run ! nft list chain ip6 filter MINE
	run rules iptables-nft
	refute_output --partial nsrun
}

@test "CNI-ADMIN is asked where it is; a chain that is not named any more is asked no more" {
	both -N CNI-ADMIN
	both -P FORWARD DROP
	network '{"backend": "iptables", "iptablesAdminChainName": "MINE"}'
	serve "$ID" --network web -p 8080:80
	run rules iptables-nft
	assert_output --partial "-i nsr-web -m comment --comment \"nsrun: nsr-web out by MINE\" -j MINE"
	refute_output --partial CNI-ADMIN
	jq 'del(.plugins[].iptablesAdminChainName)' "$NSRUN_NET_DIR/web.conflist" >"$BATS_TEST_TMPDIR/list"
	cp "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/web.conflist"
	serve "$ID-b" --network web
	run rules iptables-nft
	assert_output --partial "-o nsr-web -m comment --comment \"nsrun: nsr-web in by CNI-ADMIN\" -j CNI-ADMIN"
	refute_output --partial MINE
	run ! nft list chain ip filter MINE
	through
}

@test "CHECK fails when one rule is removed by hand; reload and the next container put it back" {
	both -P FORWARD DROP
	network "$IPTABLES"
	serve "$ID" --network web -p 8080:80
	nsrun network check web
	ip6tables-nft -D FORWARD 1
	run nsrun network check web
	assert_failure
	assert_output --partial "nsr-web is not let through iptables any more"
	nsrun network reload web
	nsrun network check web
	through
	both -F FORWARD
	unanswered "$ID" http://127.0.0.1/ http://192.0.2.2/
	serve "$ID-b" --network web
	assert_output ""
	through
}

@test "iptables-save and -restore: what they wrote of ours is known, and goes" {
	both -P FORWARD DROP
	network "$IPTABLES"
	serve "$ID" --network web -p 8080:80
	iptables-nft-save -t filter >"$BATS_TEST_TMPDIR/saved"
	iptables-nft-restore <"$BATS_TEST_TMPDIR/saved"
	serve "$ID-b" --network web
	assert_equal "$(ours iptables-nft)" 2
	through
	nsrun delete --force "$ID" "$ID-b"
	nsrun network rm web
	assert_equal "$(ours iptables-nft)" 0
	assert_equal "$(ours ip6tables-nft)" 0
}

@test "a docker that starts later: the next container opens its network's passage" {
	network "$IPTABLES"
	serve "$ID" --network web -p 8080:80
	run -0 nft list tables
	refute_output --partial filter # nothing is made where nothing drops
	through
	docker_rules
	serve "$ID-b" --network web
	assert_output ""
	through
}

@test "the bridge is deleted by hand: gc closes its passage; a list that asks no more: reload does" {
	both -P FORWARD DROP
	network "$IPTABLES"
	serve "$ID" --network web
	nsrun delete --force "$ID"
	ip link del nsr-web
	nsrun network gc
	assert_equal "$(ours iptables-nft)$(ours ip6tables-nft)" 00
	serve "$ID" --network web
	assert_equal "$(ours iptables-nft)$(ours ip6tables-nft)" 22
	jq 'del(.plugins[].backend)' "$NSRUN_NET_DIR/web.conflist" >"$BATS_TEST_TMPDIR/list"
	cp "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/web.conflist"
	run -0 nsrun network reload web
	assert_output --partial "warning: network \"web\": what nsr-web forwards is dropped by chain FORWARD"
	assert_equal "$(ours iptables-nft)$(ours ip6tables-nft)" 00
}

@test "backend nftables, and none: nothing of others is touched, one warning; firewalld: refused by name" {
	local options
	both -P FORWARD DROP
	make_bundle "$BUNDLE" true
	for options in '{"backend": "nftables"}' '{"backend": "nftables", "iptablesAdminChainName": "MINE"}' '{}'; do
		network "$options"
		run -0 nsrun run --network web -b "$BUNDLE" "$ID"
		assert_output --partial "what nsr-web forwards is dropped by chain FORWARD of table ip filter and chain FORWARD of table ip6 filter"
		assert_equal "${#lines[@]}" 1
		assert_equal "$(ours iptables-nft)" 0
		nsrun network rm web
	done
	network '{"backend": "firewalld"}'
	run nsrun run --network web -b "$BUNDLE" "$ID"
	assert_failure
	assert_output --partial "web.conflist: plugins[2].backend: not supported"
}
