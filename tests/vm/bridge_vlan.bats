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

# plugin FOLDER COMMAND CONFIG: the plugin "bridge" in FOLDER, as a runtime calls it.
plugin()
{
	env -i PATH="$PATH" CNI_COMMAND="$2" CNI_CONTAINERID="c-$ID" CNI_NETNS="/run/netns/$ID" CNI_IFNAME=eth0 \
		CNI_PATH="$1" "$1/bridge" <<<"$3"
}

# vlans PORT: [VLAN, whether it is the port's own].
vlans() { bridge -j vlan show dev "$1" | jq -c '[.[0].vlans[] | [.vlan, ((.flags // []) | contains(["PVID"]))]]'; }

# broken WORDS COMMAND...: with that done by hand, CHECK says so.
broken()
{
	local words=$1
	shift
	"$@"
	run -1 plugin "$OURS" CHECK "$checked"
	assert_equal "$(jq .code <<<"$output")" 100
	assert_output --partial "$words"
}

@test "as a plugin: the reference plugin's interfaces and gateway; CHECK sees each VLAN; GC" {
	local config checked result end
	OURS=$BATS_TEST_TMPDIR/ours
	mkdir "$OURS"
	ln -s "$NSRUN" "$OURS/bridge"
	ln -s "$NSRUN" "$OURS/host-local"
	make_run_netns
	ip netns add "$ID"
	config=$(jq -nc --arg dir "$BATS_TEST_TMPDIR/leases" '{cniVersion: "1.0.0", name: "net", type: "bridge", bridge: "br-vlan",
		isGateway: true, vlan: 100, preserveDefaultVlan: true,
		ipam: {type: "host-local", dataDir: $dir, subnet: "10.1.2.0/24"}}')
	result=$(plugin /usr/lib/cni ADD "$config")
	assert_equal "$(vlans "$(jq -r '.interfaces[1].name' <<<"$result")")" '[[1,false],[100,true]]'
	plugin /usr/lib/cni DEL "$config"
	ip link del br-vlan
	ip link del br-vlan.100
	rm -r "$BATS_TEST_TMPDIR/leases"

	checked=$(plugin "$OURS" ADD "$config")
	assert_equal "$(vlans "$(jq -r '.interfaces[1].name' <<<"$checked")")" '[[1,false],[100,true]]'
	assert_equal "$(jq -c '[.ips, (.interfaces | map(.name))] | .[1][1] = ""' <<<"$checked")" \
		"$(jq -c '[.ips, (.interfaces | map(.name))] | .[1][1] = ""' <<<"$result")"
	assert_equal "$(jq -r '.interfaces[3].mac' <<<"$checked")" "$(</sys/class/net/br-vlan.100/address)"
	plugin "$OURS" DEL "$config"

	config=$(jq -c 'del(.preserveDefaultVlan) | .vlanTrunk = [{id: 7}, {minID: 200, maxID: 202}]' <<<"$config")
	result=$(plugin "$OURS" ADD "$config")
	end=$(jq -r '.interfaces[1].name' <<<"$result")
	assert_equal "$(vlans "$end")" '[[7,false],[100,true],[200,false],[201,false],[202,false]]'
	ip netns exec "$ID" ping -c 1 -W 5 10.1.2.1
	checked=$(jq -c --argjson prev "$result" '. + {prevResult: $prev}' <<<"$config")
	plugin "$OURS" CHECK "$checked"
	broken "link $end is not in VLAN 201" bridge vlan del dev "$end" vid 201
	bridge vlan add dev "$end" vid 201
	broken "link $end is in VLAN 1" bridge vlan add dev "$end" vid 1
	bridge vlan del dev "$end" vid 1
	broken "link $end is not in VLAN 100" bridge vlan add dev "$end" vid 100
	bridge vlan add dev "$end" vid 100 pvid untagged
	plugin "$OURS" CHECK "$checked"
	broken "link br-vlan.100 does not have the gateway's address 10.1.2.1" ip addr del 10.1.2.1/24 dev br-vlan.100
	broken "link br-vlan.100, of VLAN 100's gateway, is gone" ip link del br-vlan.100
	plugin "$OURS" DEL "$config"
	config=$(jq -c '.vlanTrunk = [{id: 1}]' <<<"$config")
	result=$(plugin "$OURS" ADD "$config")
	plugin "$OURS" CHECK "$(jq -c --argjson prev "$result" '. + {prevResult: $prev}' <<<"$config")"
	plugin "$OURS" DEL "$config"
	ip netns del "$ID"
	plugin "$OURS" GC "$(jq -c '.cniVersion = "1.1.0" | .["cni.dev/valid-attachments"] = []' <<<"$config")"
	nothing_left link
}
