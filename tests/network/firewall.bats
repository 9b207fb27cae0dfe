#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Firewalls of others: one that drops what our bridges forward is told, by the chain that does it; what is
# told to mend it, mends it. The rule sets are those that the programs write, in short.

load ../helpers
load helpers

teardown()
{
	local family name
	nft list tables | while read -r _ family name; do
		[[ $family == inet && $name == nsrun ]] || nft delete table "$family" "$name"
	done
	network_end
}

# dropped CHAIN: a container starts; the warning names CHAIN, and traffic is dropped both ways.
dropped()
{
	serve "$ID" --network bridge -p 8080:80
	assert_output --partial "warning: network \"bridge\": what nsrun0 forwards is dropped by $1"
	assert_equal "$(wc -l <"$OUTPUT")" 1
	run from_container "$ID" http://192.0.2.2/
	assert_failure
	run from_container "lan-$ID" http://192.0.2.1:8080/
	assert_failure
}

# mended: the commands of the warning are run; traffic flows both ways, and the next container is not warned.
mended()
{
	local commands
	commands=$(<"$OUTPUT")
	eval "${commands##*to let it through: }"
	assert_equal "$(from_container "$ID" http://192.0.2.2/)" page
	assert_equal "$(from_container "lan-$ID" http://192.0.2.1:8080/)" "hello-from-$ID"
	nsrun delete --force "$ID"
	serve "$ID" --network bridge -p 8080:80
	assert_output ""
}

pings() { ip netns exec "$1" ping -c 1 -W 2 "$2"; }

make_firewalled_lan()
{
	make_lan
	serve_lan
}

@test "docker: the policy of FORWARD is DROP; a rule in DOCKER-USER mends it" {
	make_firewalled_lan
	iptables-nft-restore <<-RULES
		*filter
		:INPUT ACCEPT
		:FORWARD DROP
		:OUTPUT ACCEPT
		:DOCKER -
		:DOCKER-FORWARD -
		:DOCKER-USER -
		-A FORWARD -j DOCKER-USER
		-A FORWARD -j DOCKER-FORWARD
		-A DOCKER ! -i docker0 -o docker0 -j DROP
		-A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A DOCKER-FORWARD -o docker0 -j DOCKER
		-A DOCKER-FORWARD -i docker0 -j ACCEPT
		-A DOCKER-USER -j RETURN
		COMMIT
	RULES
	dropped "chain FORWARD of table ip filter"
	grep -q "iptables -I DOCKER-USER -i nsrun0 -j ACCEPT" "$OUTPUT"
	mended
}

@test "ufw: a route rule mends it" {
	make_firewalled_lan
	iptables-nft-restore <<-RULES
		*filter
		:INPUT DROP
		:FORWARD DROP
		:OUTPUT ACCEPT
		:ufw-before-forward -
		:ufw-before-logging-forward -
		:ufw-user-forward -
		:ufw-reject-forward -
		-A INPUT -j ACCEPT
		-A FORWARD -j ufw-before-logging-forward
		-A FORWARD -j ufw-before-forward
		-A FORWARD -j ufw-reject-forward
		-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A ufw-before-forward -p icmp --icmp-type 8 -j ACCEPT
		-A ufw-before-forward -j ufw-user-forward
		COMMIT
	RULES
	# route allow in|out on LINK: what ufw writes for it
	ufw() { iptables-nft -A ufw-user-forward "-${3:0:1}" "$5" -j ACCEPT; }
	dropped "chain FORWARD of table ip filter"
	grep -q "ufw route allow in on nsrun0" "$OUTPUT"
	mended
}

@test "firewalld: accepts by policy and rejects by its last rule; the trusted zone mends it" {
	make_firewalled_lan
	nft -f - <<-RULES
		table inet firewalld {
			chain filter_FORWARD {
				type filter hook forward priority filter + 10; policy accept;
				ct state { established, related } accept
				ct status dnat accept
				iifname "lo" accept
				ct state invalid drop
				ip6 daddr { ::/96, ::ffff:0.0.0.0/96 } reject with icmpv6 addr-unreachable
				jump filter_FORWARD_ZONES
				reject with icmpx admin-prohibited
			}
			chain filter_FORWARD_ZONES {
				iifname "lan0" goto filter_FWD_public
				goto filter_FWD_public
			}
			chain filter_FWD_public {
				jump filter_FWD_public_allow
				reject with icmpx admin-prohibited
			}
			chain filter_FWD_public_allow {
				oifname "docker0" accept
			}
			chain filter_FWD_trusted {
				accept
			}
		}
	RULES
	# --zone=trusted --add-interface=LINK: what firewalld writes for it
	firewall-cmd() { nft insert rule inet firewalld filter_FORWARD_ZONES iifname "${2#*=}" goto filter_FWD_trusted; }
	serve "$ID" --network bridge -p 8080:80
	assert_output --partial "what nsrun0 forwards is dropped by chain filter_FORWARD of table inet firewalld"
	run from_container "$ID" http://192.0.2.2/
	assert_failure
	mended
}

@test "a table of an administrator: policy drop" {
	make_firewalled_lan
	nft -f - <<-RULES
		table inet filter {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state established,related accept
				iifname "eth0" oifname "eth1" accept
			}
		}
	RULES
	dropped "chain forward of table inet filter"
	mended
}

@test "iptables-legacy: policy DROP" {
	command -v iptables-legacy
	iptables-legacy -P FORWARD DROP 2>/dev/null || skip "this kernel has no iptables-legacy"
	make_firewalled_lan
	dropped "chain FORWARD of table ip filter (iptables-legacy)"
	nft add table ip change # of nftables, without which legacy's are not noticed
	mended
	iptables-legacy -F
	iptables-legacy -P FORWARD ACCEPT
}

@test "several firewalls at once are told in one warning" {
	make_bundle "$BUNDLE" true
	nft 'add table ip one; add chain ip one f { type filter hook forward priority 0; policy drop; }'
	nft 'add table inet two; add chain inet two f { type filter hook forward priority 1; policy drop; }'
	run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
	assert_output --partial "dropped by chain f of table ip one and chain f of table inet two, which is not"
	assert_equal "${#lines[@]}" 1
}

@test "docker with IPv6: both chains are told, and mended" {
	local t
	make_firewalled_lan
	for t in iptables ip6tables; do
		$t-nft -N DOCKER-USER
		$t-nft -A FORWARD -j DOCKER-USER
		$t-nft -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		$t-nft -P FORWARD DROP
	done
	dropped "chain FORWARD of table ip filter and chain FORWARD of table ip6 filter"
	run pings "$ID" 2001:db8:5::2
	assert_failure
	mended
	pings "$ID" 2001:db8:5::2
}

@test "only published ports are dropped: it is told to those that publish" {
	make_bundle "$BUNDLE" true
	nft 'add table inet fw; add chain inet fw f { type filter hook forward priority 0; policy drop; }'
	nft add rule inet fw f ct state established accept
	nft add rule inet fw f iifname nsrun0 accept
	run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
	assert_output ""
	run -0 nsrun run --network bridge -p 8080:80 -b "$BUNDLE" "$ID"
	assert_output --partial "what comes to published ports is dropped by chain f of table inet fw"
	nft add rule inet fw f ct status dnat accept
	run -0 nsrun run --network bridge -p 8080:80 -b "$BUNDLE" "$ID"
	assert_output ""
}

@test "no warning: an accept comes first, or asks for our bridge, in whichever form" {
	local rule
	make_bundle "$BUNDLE" true
	for rule in accept 'iifname nsrun0 accept' 'iifname "nsr*" accept' 'iifname != "eth0" accept' \
		'iifname { eth0, nsrun0 } accept' 'iifname vmap { eth0 : drop, nsrun0 : accept }' \
		'iifname nsrun0 tcp dport 80 accept' 'ct state vmap { new : accept, invalid : drop }' \
		'iifname nsrun0 counter jump ok' 'ct state new accept' 'counter goto ok'; do
		nft 'add table inet fw; add chain inet fw ok; add rule inet fw ok accept
			add chain inet fw f { type filter hook forward priority 0; policy drop; }'
		run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
		assert_output --partial "dropped by chain f of table inet fw"
		nft add rule inet fw f "$rule"
		run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
		[[ ! $output ]] || fail "$rule: $output"
		nft delete table inet fw
	done
}

@test "a warning: what accepts others, and what drops without a policy" {
	local rule
	make_bundle "$BUNDLE" true
	for rule in 'iifname docker0 accept; policy drop' 'iifname != "nsrun0" accept; policy drop' \
		'iifname { eth0, eth1 } accept; policy drop' 'tcp dport 80 accept; policy drop' \
		'ct state established,related accept; policy drop' 'drop' 'counter reject' 'iifname "nsr*" drop' \
		'iifname nsrun0 return; policy drop' 'limit rate 1/second accept; policy drop'; do
		nft "add table inet fw; add chain inet fw f { type filter hook forward priority 0; policy accept; }
			add rule inet fw f ${rule%%;*}"
		[[ $rule != *drop ]] || [[ $rule != *policy* ]] || nft 'add chain inet fw f { policy drop; }'
		run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
		[[ $output == *"dropped by chain f of table inet fw"* ]] || fail "$rule: $output"
		nft delete table inet fw
	done
}

@test "not looked at: other hooks, the families bridge and ip6 of an IPv4 network, an internal network" {
	make_bundle "$BUNDLE" true
	nsrun network create --internal inner
	nft 'add table inet fw; add chain inet fw i { type filter hook prerouting priority 0; policy accept; }'
	nft 'add table bridge fw; add chain bridge fw f { type filter hook forward priority 0; policy drop; }'
	run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
	assert_output ""
	nft 'add chain inet fw f { type filter hook forward priority 0; policy drop; }'
	run -0 nsrun run --network inner -b "$BUNDLE" "$ID"
	assert_output ""
}

@test "what was found is kept until any rules change" {
	make_bundle "$BUNDLE" true
	kept=/run/nsrun/networks/state/bridge/firewall
	run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
	run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
	assert_output ""
	inode=$(stat -c %i $kept)
	run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
	assert_equal "$(stat -c %i $kept)" "$inode" # not looked again
	nft 'add table inet fw; add chain inet fw f { type filter hook forward priority 0; policy drop; }'
	for _ in 1 2; do
		run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
		assert_output --partial "dropped by chain f of table inet fw"
	done
	nft delete table inet fw
	run -0 nsrun run --network bridge -b "$BUNDLE" "$ID"
	assert_output ""
}

@test "nft flush ruleset: the next attachment makes the table and its network's rules again" {
	make_firewalled_lan
	ip -n "lan-$ID" route del default # so that only what is masqueraded is answered
	serve "$ID" --network bridge -p 8080:80
	assert_equal "$(from_container "$ID" http://192.0.2.2/)" page
	nft flush ruleset
	run from_container "$ID" http://192.0.2.2/
	assert_failure
	serve "$ID-b" --network bridge -p 8081:80
	assert_equal "$(from_container "$ID-b" http://192.0.2.2/)" page
	assert_equal "$(from_container "$ID" http://192.0.2.2/)" page
	assert_equal "$(from_container "lan-$ID" http://192.0.2.1:8081/)" "hello-from-$ID-b"
	# What the first had published is lost: its delete finds nothing to take away.
	run from_container "lan-$ID" http://192.0.2.1:8080/
	assert_failure
	nsrun delete --force "$ID"
}
