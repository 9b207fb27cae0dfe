#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The plugin tuning in the list of a network of ours: what it sets in each container, and in none of the host.

load ../helpers
load helpers

setup()
{
	network_begin
	make_bundle "$BUNDLE" sleep 1000
}

# tune JSON: a network web whose list has the plugin tuning with these keys.
tune()
{
	nsrun network create web
	jq --argjson keys "$1" '.plugins += [{"type": "tuning"} + $keys]' "$NSRUN_NET_DIR/web.conflist" >"$BATS_TEST_TMPDIR/list"
	mv "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/web.conflist"
}

sysctl_of() { ip netns exec "$1" sysctl -n "$2"; }

@test "sysctls, MAC, MTU, queue and modes of a container's device" {
	tune '{"sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1", "net.core.somaxconn": "77"}, "mac": "02:0a:00:00:00:07",
		"mtu": 1400, "txQLen": 50, "promisc": true, "allmulti": true}'
	before=$(sysctl -n net.core.somaxconn)
	nsrun run -d --network web --network bridge -b "$BUNDLE" "$ID"
	[[ $(sysctl_of "$ID" net.core.somaxconn) == 77 && $(sysctl -n net.core.somaxconn) == "$before" ]]
	[[ $(sysctl_of "$ID" net.ipv4.conf.eth0.arp_filter) == 1 && $(sysctl_of "$ID" net.ipv4.conf.eth1.arp_filter) == 0 ]]
	ip -n "$ID" -j link show eth0 | jq -e '.[0] | .address == "02:0a:00:00:00:07" and .mtu == 1400 and .txqlen == 50 and
		(.flags | contains(["PROMISC", "ALLMULTI"]))'
	nsrun network inspect web | jq -e '.[0].members[0].mac == "02:0a:00:00:00:07"'
	ip -n "$ID" -j link show eth1 | jq -e '.[0] | .mtu == 1500 and (.flags | contains(["PROMISC"]) | not)'
	ping -c 1 -W 5 "$(address_of "$ID")"
	nsrun delete --force "$ID"
	# --mac counts more
	nsrun run -d --network web --mac 02:0a:00:00:00:08 -b "$BUNDLE" "$ID"
	ip -n "$ID" -j link show eth0 | jq -e '.[0].address == "02:0a:00:00:00:08"'
}

@test "a sysctl that is none of net.*, is not there, or is not allowed: refused, and nothing stays" {
	tune '{"sysctl": {"net.no_such": "1"}}'
	refused 'network "web": sysctl net.no_such: there is none in the container'\''s namespace' \
		run --network web -b "$BUNDLE" "$ID"
	nsrun network rm web
	tune '{"sysctl": {"kernel.hostname": "1"}}'
	refused 'web.conflist: plugins[3].sysctl: "kernel.hostname" is no sysctl of net.*' run --network web -b "$BUNDLE" "$ID"
	rm "$NSRUN_NET_DIR/web.conflist"
	tune '{"sysctl": {"net.core.somaxconn": "77"}}'
	mkdir -p /etc/cni/tuning
	echo '^net\.ipv4\.conf\.IFNAME\.[a-z_]*$' >/etc/cni/tuning/allowlist.conf
	refused 'network "web": sysctl net.core.somaxconn: not allowed by /etc/cni/tuning/allowlist.conf' \
		run --network web -b "$BUNDLE" "$ID"
	echo '^net\.core\.' >>/etc/cni/tuning/allowlist.conf
	nsrun run --network web -b "$BUNDLE" "$ID" true
	rm -r /etc/cni/tuning
}
