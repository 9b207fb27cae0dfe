#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The bridge plugin's VLANs: vlan, vlanTrunk, preserveDefaultVlan, and the gateway in one.

load ../helpers
load ../network/helpers

setup() { network_begin; }
teardown() { network_end; }

# list NAME KEYS: a bridge plugin with these keys on br-vlan, members in 10.1.2.0/24.
list()
{
	jq -n --arg name "$1" --argjson keys "$2" '{cniVersion: "1.1.0", name: $name, plugins: [{type: "bridge",
		bridge: "br-vlan", ipam: {type: "host-local", dataDir: "/run/leases",
		ranges: [[{subnet: "10.1.2.0/24"}]]}} + $keys]}' >"$NSRUN_NET_DIR/$1.conflist"
}

# port ID: the host's end of the container's eth0.
port() { nsrun state "$1" | jq -r '.network.result.attachments[0].hostIfname'; }

@test "vlan, vlanTrunk: members of a VLAN reach each other and its gateway, others do not" {
	list hundred '{"vlan": 100, "isGateway": true}'
	list trunk '{"vlan": 100, "vlanTrunk": [{"id": 7}, {"minID": 200, "maxID": 202}], "isGateway": true}'
	list other '{"vlan": 300, "preserveDefaultVlan": true}'
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network hundred:ip=10.1.2.11 "$ID"
	launch run -d -b "$BUNDLE" --network trunk:ip=10.1.2.12 "$ID-2"
	launch run -d -b "$BUNDLE" --network other:ip=10.1.2.13 "$ID-3"
	assert_equal "$(bridge -j vlan show dev "$(port "$ID")" | jq -c '[.[0].vlans[].vlan]')" "[100]"
	assert_equal "$(bridge -j vlan show dev "$(port "$ID-2")" | jq -c '[.[0].vlans[].vlan]')" \
		"[7,100,200,201,202]"
	assert_equal "$(bridge -j vlan show dev "$(port "$ID-3")" | jq -c '[.[0].vlans[].vlan]')" "[1,300]"
	run -0 ip -o -4 addr show br-vlan.100
	assert_output --partial "10.1.2.1/24"
	ip netns exec "$ID" ping -c 1 -W 2 10.1.2.12
	ip netns exec "$ID" ping -c 1 -W 2 10.1.2.1
	run ip netns exec "$ID" ping -c 1 -W 1 10.1.2.13
	assert_failure
	ip -n "$ID-2" link add link eth0 name tagged up type vlan id 201
	for id in "$ID" "$ID-2" "$ID-3"; do nsrun delete --force "$id"; done
	for name in hundred trunk other; do nsrun network rm "$name"; done
	run ip link show br-vlan.100
	assert_failure
}
