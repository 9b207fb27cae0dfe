#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# How fast containers receive and send, measured by iperf3 between the host and a container; where limits come from;
# that no ifb outlives its container.

load ../helpers
load helpers

setup()
{
	network_begin
	make_bundle "$BUNDLE" sleep 1000
}

teardown()
{
	[[ ! ${iperf-} ]] || kill "$iperf" 2>/dev/null || true
	network_end
}

host_end() { nsrun network inspect web | jq -r '.[0].members[0].hostIfname'; }
ifbs() { ip -o link show type ifb | wc -l; }

# measure ADDRESS [OPTION...]: iperf3's server is in the container, its client here; prints the bits a second that
# have arrived. -R: the container sends.
measure()
{
	ip netns exec "$ID" iperf3 -s -1 >/dev/null 2>&1 3>&- &
	iperf=$!
	wait_until listens
	iperf3 -J -t 3 -O 1 -c "$@" | jq '.end | (.sum_received // .sum).bits_per_second | floor'
	wait "$iperf"
	unset iperf
}

listens() { [[ $(ip netns exec "$ID" ss -Hltn 'sport = :5201') ]]; }

# near WANTED ADDRESS [OPTION...]: within 10 %. The headers of packets count in the bucket, but not in iperf3. More
# is never right; less may be the machine's load, so there are three tries.
near()
{
	local got tries=0
	while ((tries++ < 3)); do
		got=$(measure "${@:2}")
		((got * 10 <= $1 * 11)) || fail "$got of $1 bits a second"
		((got * 10 < $1 * 9)) || return 0
	done
	fail "$got of $1 bits a second, three times"
}

@test "what comes in and what goes out, each at its rate: IPv4, IPv6, TCP, UDP" {
	nsrun network create web
	nsrun run -d --network web --bandwidth ingress=20M,egress=40M -b "$BUNDLE" "$ID"
	for address in "$(address_of "$ID")" "$(address6_of "$ID")"; do
		near 20000000 "$address"
		near 40000000 "$address" -R
	done
	near 20000000 "$address" -u -b 100M
	near 40000000 "$address" -u -b 100M -R
	nsrun network inspect web | jq -e '.[0].members[0].bandwidth ==
		{"ingressRate": 20000000, "ingressBurst": 524288, "egressRate": 40000000, "egressBurst": 524288}'
	[[ $(ifbs) == 1 ]]
	nsrun delete --force "$ID"
	[[ $(ifbs) == 0 ]]
}

@test "of one direction alone, and of one network of two" {
	nsrun network create web
	nsrun network create db
	nsrun run -d --network web:egress=30M --network db -b "$BUNDLE" "$ID"
	near 30000000 "$(address_of "$ID")" -R
	(($(measure "$(address_of "$ID")") > 60000000))
	[[ $(tc qdisc show | grep -c tbf) == 1 ]]
}

@test "a network's own limits, and a container that asks for others" {
	nsrun network create --bandwidth ingress=15M,egress=15M web
	jq -e '.plugins[3] == {"type": "bandwidth", "capabilities": {"bandwidth": true}, "ingressRate": 15000000,
		"ingressBurst": 524288, "egressRate": 15000000, "egressBurst": 524288}' "$NSRUN_NET_DIR/web.conflist"
	nsrun network inspect web | jq -e '.[0].bandwidth.egressRate == 15000000'
	nsrun run -d --network web -b "$BUNDLE" "$ID"
	near 15000000 "$(address_of "$ID")"
	near 15000000 "$(address_of "$ID")" -R
	nsrun delete --force "$ID"
	nsrun run -d --network web --bandwidth 0 -b "$BUNDLE" "$ID"
	[[ ! $(tc qdisc show dev "$(host_end)" | grep tbf) ]]
	[[ $(ifbs) == 0 ]]
	nsrun delete --force "$ID"
	nsrun run -d --network web:egress=25M -b "$BUNDLE" "$ID"
	[[ ! $(tc qdisc show dev "$(host_end)" | grep tbf) ]]
	tc qdisc show | grep -q 'tbf .* rate 25Mbit'
}

@test "connect and disconnect" {
	nsrun network create web
	nsrun network create db
	nsrun run -d --network web -b "$BUNDLE" "$ID"
	nsrun network connect --bandwidth 10M db "$ID"
	[[ $(tc qdisc show | grep -c 'tbf .* rate 10Mbit') == 2 && $(ifbs) == 1 ]]
	nsrun network disconnect db "$ID"
	[[ $(ifbs) == 0 ]]
	refused 'bandwidth "much"' network connect --bandwidth much db "$ID"
}

# The namespace dies, and with it the veth; nobody deletes the container. What is left is found without a record.
@test "an ifb whose container was lost goes with the network" {
	nsrun network create web
	nsrun run -d --network web --bandwidth 10M -b "$BUNDLE" "$ID"
	pid=$(nsrun state "$ID" | jq .pid)
	kill -9 "$pid"
	wait_until gone "$pid"
	umount "/run/netns/$ID"
	rm "/run/netns/$ID"
	wait_until -t 60 no_veth
	[[ $(ifbs) == 1 ]]
	rm -r /run/nsrun/networks/attachments
	nsrun network rm web
	[[ $(ifbs) == 0 ]]
}

gone() { [[ ! -e /proc/$1 ]]; }
no_veth() { [[ ! $(ip -o link show type veth) ]]; }

@test "refused: what is no rate, no network to limit, a stranger's word" {
	refused 'bandwidth "10 MB"' run --network bridge --bandwidth '10 MB' -b "$BUNDLE" "$ID"
	refused 'egress-burst without egress' run --network bridge:egress-burst=5 -b "$BUNDLE" "$ID"
	refused 'bandwidth needs a network: add --network NAME' run --bandwidth 10M -b "$BUNDLE" "$ID"
	refused 'bandwidth does not go with --network host' run --network host --bandwidth 10M -b "$BUNDLE" "$ID"
	set_config '.annotations = {"io.nsrun.network": "bridge:bandwidth=1G"}'
	refused 'bandwidth is for the flag --network alone' run -b "$BUNDLE" "$ID"
	mkdir -p "$NSRUN_NET_DIR"
	nsrun network create web
	sed -i 's/"type": "firewall"/"type": "bandwidth", "ingressRate": 5/' "$NSRUN_NET_DIR/web.conflist"
	refused 'web.conflist: plugins[2].ingressBurst: missing (ingressRate and ingressBurst go together)' \
		run --network web -b "$BUNDLE" "$ID"
	rm "$NSRUN_NET_DIR/web.conflist"
}
