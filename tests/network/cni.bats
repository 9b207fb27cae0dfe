#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# nsrun as a CNI plugin, beside the reference plugins and in their place: same input, same result, same state of the
# kernel.
load ../helpers
load helpers

setup()
{
	network_begin
	[[ -x /usr/lib/cni/bridge ]] || fail "the reference plugins are not installed: contrib/install test"
	OURS=$BATS_TEST_TMPDIR/ours
	THEIRS=/usr/lib/cni
	mkdir "$OURS"
	local type
	while read -r type; do ln -s "$NSRUN" "$OURS/$type"; done < <(nsrun cni)
	LEASES=$BATS_TEST_TMPDIR/leases
	NETNS=cni-$ID
	make_run_netns
	ip netns add "$NETNS"
	made=()
}

teardown()
{
	local network
	for network in "${made[@]}"; do
		cni_gc "$network" || true
	done
	ip netns del "$NETNS"
	network_end
}

# call FOLDER TYPE COMMAND CONFIG [VARIABLE=VALUE...]: as a runtime calls a plugin.
call()
{
	local folder=$1 type=$2 command=$3 config=$4
	shift 4
	env -i PATH="$PATH" CNI_COMMAND="$command" CNI_CONTAINERID="c-$ID" CNI_NETNS="/run/netns/$NETNS" \
		CNI_IFNAME=eth0 CNI_PATH="$folder" "$@" "$folder/$type" <<<"$config"
}

# Puts KEYS into CONFIG.
with() { jq -c "$1" <<<"$2"; }
cni_gc() { call "$OURS" bridge GC "$(with '.["cniVersion"] = "1.1.0" | .["cni.dev/valid-attachments"] = []' "$1")"; }

# ipam KEYS, bridge KEYS: configurations.
ipam() { jq -nc --arg dir "$LEASES" '{cniVersion: "1.0.0", name: "net", type: "x", ipam: ({type: "host-local", dataDir: $dir} + '"$1"')}'; }
bridge() { jq -c '. + {type: "bridge", bridge: "br-cni"} + '"$1" <<<"$(ipam '{subnet: "10.61.0.0/24"}')"; }

# What of a result is not chance: names and MACs are.
result_of() { jq -S 'del(.interfaces[]?.mac, .interfaces[]?.mtu) | (.interfaces[]?.name | select(test("^(veth|nc)"))) |= "host end"' <<<"$1"; }
kernel()
{
	ip -n "$NETNS" -j addr show eth0 | jq -c '[.[].addr_info[] | select(.scope == "global") | [.local, .prefixlen]] | sort'
	ip -n "$NETNS" -j route | jq -c '[.[] | [.dst, .gateway, .dev]] | sort'
	ip -n "$NETNS" -j -6 route | jq -c '[.[] | select(.dst != "fe80::/64") | [.dst, .gateway, .dev]] | sort'
	ip -j addr show br-cni | jq -c '[.[].addr_info[] | select(.scope == "global") | [.local, .prefixlen]] | sort'
	ip -j -d link show master br-cni | jq -c '[.[].linkinfo.info_slave_data | [.hairpin, .isolated]]'
	cat /proc/sys/net/ipv4/ip_forward
}

no_leases() { ! compgen -G "$LEASES/net/[0-9f]*[.:]*"; }

# both CONFIG [VARIABLE=VALUE]: ADD by the reference plugin, then by ours, from the same state.
both()
{
	local config=$1 type=${2-bridge} result
	shift $(($# > 1 ? 2 : 1))
	result=$(call "$THEIRS" "$type" ADD "$config" "$@")
	kernel >"$BATS_TEST_TMPDIR/theirs.kernel"
	result_of "$result" >"$BATS_TEST_TMPDIR/theirs.json"
	call "$THEIRS" "$type" DEL "$config" "$@" || true # iptables may be missing
	ip link del br-cni
	rm -rf "$LEASES"
	result=$(call "$OURS" "$type" ADD "$config" "$@")
	kernel >"$BATS_TEST_TMPDIR/ours.kernel"
	result_of "$result" >"$BATS_TEST_TMPDIR/ours.json"
	made+=("$config")
	call "$OURS" "$type" CHECK "$(jq -c --argjson prev "$result" '.cniVersion = "1.0.0" | . + {prevResult: $prev}' <<<"$config")" "$@"
	call "$OURS" "$type" DEL "$config" "$@"
	diff "$BATS_TEST_TMPDIR/theirs.json" "$BATS_TEST_TMPDIR/ours.json"
	diff "$BATS_TEST_TMPDIR/theirs.kernel" "$BATS_TEST_TMPDIR/ours.kernel"
	cni_gc "$config"
	rm -rf "$LEASES"
}

@test "bridge: the reference plugin's result and kernel state, in each version" {
	local version
	for version in 0.3.0 0.3.1 0.4.0 1.0.0; do
		both "$(with ".cniVersion = \"$version\"" "$(bridge '{isGateway: true, ipam: (.ipam + {routes: [{dst: "0.0.0.0/0"}, {dst: "192.0.2.0/24", gw: "10.61.0.9"}]})}')")"
	done
}

@test "bridge: the switches, both families, a MAC, no addresses" {
	both "$(bridge '{isDefaultGateway: true, hairpinMode: true, mtu: 1400}')"
	both "$(bridge '{isGateway: true, ipam: (.ipam | del(.subnet) + {ranges: [[{subnet: "10.61.0.0/24", rangeStart: "10.61.0.40"}], [{subnet: "fd00:61::/64"}]]})}')"
	both "$(bridge '{isDefaultGateway: true, promiscMode: true}')" bridge CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAME=x;MAC=02:00:00:00:00:61'
}

@test "host-local: the reference plugin's result and leases" {
	local config result
	for config in '{subnet: "10.62.0.0/24"}' \
		'{ranges: [[{subnet: "10.62.0.0/28", rangeStart: "10.62.0.5", rangeEnd: "10.62.0.9", gateway: "10.62.0.14"}, {subnet: "10.63.0.0/28"}], [{subnet: "fd00:62::/64"}]], routes: [{dst: "0.0.0.0/0"}, {dst: "fd00::/8", gw: "fd00:62::9"}]}'; do
		config=$(ipam "$config")
		result=$(call "$THEIRS" host-local ADD "$config")
		(cd "$LEASES/net" && sha256sum [0-9f]* last_reserved_ip.*) >"$BATS_TEST_TMPDIR/theirs"
		rm -r "$LEASES"
		assert_equal "$(jq -S . <<<"$(call "$OURS" host-local ADD "$config")")" "$(jq -S . <<<"$result")"
		assert_equal "$(cd "$LEASES/net" && sha256sum [0-9f]* last_reserved_ip.*)" "$(<"$BATS_TEST_TMPDIR/theirs")"
		# Either gives back what the other gave.
		call "$THEIRS" host-local DEL "$config"
		no_leases
		call "$THEIRS" host-local ADD "$config"
		call "$OURS" host-local DEL "$config"
		no_leases
		rm -r "$LEASES"
	done
}

@test "host-local: ours and the reference plugin on one network never give an address twice" {
	local config i
	config=$(ipam '{subnet: "10.62.0.0/24"}')
	for i in {1..5}; do
		call "$THEIRS" host-local ADD "$config" CNI_CONTAINERID="a$i"
		call "$OURS" host-local ADD "$config" CNI_CONTAINERID="b$i"
	done | jq -r '.ips[0].address' >"$BATS_TEST_TMPDIR/given"
	assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/given")" 10
	assert_equal "$(sort -u "$BATS_TEST_TMPDIR/given" | wc -l)" 10
}

@test "static: the reference plugin's result" {
	local config
	config='{"cniVersion":"1.0.0","name":"net","ipam":{"type":"static","addresses":[{"address":"10.61.0.7/24","gateway":"10.61.0.1"},{"address":"fd00:61::7/64"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"192.0.2.0/24","gw":"10.61.0.9"}],"dns":{"nameservers":["10.61.0.53"],"domain":"d","search":["s"],"options":["ndots:2"]}}}'
	assert_equal "$(jq -S . <<<"$(call "$OURS" static ADD "$config")")" "$(jq -S . <<<"$(call "$THEIRS" static ADD "$config")")"
	config=$(with '.args.cni.ips = ["10.61.0.8/24"]' "$config")
	assert_equal "$(jq -S . <<<"$(call "$OURS" static ADD "$config")")" "$(jq -S . <<<"$(call "$THEIRS" static ADD "$config")")"
}

@test "loopback: the reference plugin's result" {
	local config='{"cniVersion":"1.0.0","name":"lo","type":"loopback"}' theirs
	theirs=$(call "$THEIRS" loopback ADD "$config" CNI_IFNAME=lo)
	call "$THEIRS" loopback DEL "$config" CNI_IFNAME=lo
	assert_equal "$(jq -S . <<<"$(call "$OURS" loopback ADD "$config" CNI_IFNAME=lo)")" "$(jq -S . <<<"$theirs")"
}

@test "our bridge with a foreign host-local, and our host-local beneath a foreign bridge" {
	local config folder=$BATS_TEST_TMPDIR/mixed
	mkdir "$folder"
	# Under a name that is not built in.
	ln -s "$NSRUN" "$folder/bridge"
	ln -s /usr/lib/cni/host-local "$folder/x-local"
	ln -s /usr/lib/cni/host-local "$OURS/x-local"
	config=$(with '.ipam.type = "x-local"' "$(bridge '{isDefaultGateway: true}')")
	made+=("$config")
	run -0 call "$folder" bridge ADD "$config"
	assert_equal "$(jq -r '.ips[0].address' <<<"$output")" 10.61.0.2/24
	ip netns exec "$NETNS" ping -c 1 -W 2 10.61.0.1
	[[ -e $LEASES/net/10.61.0.2 ]]
	call "$folder" bridge CHECK "$(with ". + {prevResult: $output}" "$config")"
	call "$folder" bridge DEL "$config"
	[[ ! -e $LEASES/net/10.61.0.2 ]]
	# That host-local is of before GC, and wants a container: which is told; the rest is done all the same.
	run -1 cni_gc "$config"
	assert_output --partial 'plugin \"x-local\": missing containerID'
	run ! ip link show br-cni

	rm "$folder"/*
	ln -s /usr/lib/cni/bridge "$folder/bridge"
	ln -s "$NSRUN" "$folder/host-local"
	config=$(bridge '{isDefaultGateway: true}')
	run -0 call "$folder" bridge ADD "$config"
	ip netns exec "$NETNS" ping -c 1 -W 2 10.61.0.1
	[[ -e $LEASES/net/owners/c-$ID@eth0 ]]
	call "$folder" bridge CHECK "$(with ". + {prevResult: $output}" "$config")"
	call "$folder" bridge DEL "$config"
	[[ ! -e $LEASES/net/10.61.0.3 && ! -e $LEASES/net/owners/c-$ID@eth0 ]]
	ip link del br-cni
}

@test "what the reference bridge made, ours takes away" {
	local config
	config=$(bridge '{isGateway: true}')
	call "$THEIRS" bridge ADD "$config"
	call "$OURS" bridge DEL "$config"
	run ! ip -n "$NETNS" link show eth0
	[[ ! -e $LEASES/net/10.61.0.2 ]]
	ip link del br-cni
}

@test "of two networks that are both the way out, the first has the route" {
	local first second result
	first=$(bridge '{isDefaultGateway: true}')
	second=$(with '.name = "net2" | .bridge = "br-cni2" | .ipam.subnet = "10.62.0.0/24"' "$first")
	made+=("$first" "$second")
	call "$OURS" bridge ADD "$first"
	result=$(call "$OURS" bridge ADD "$second" CNI_IFNAME=eth1)
	run -0 ip -n "$NETNS" route show default
	assert_output --partial 'via 10.61.0.1 dev eth0'
	call "$OURS" bridge CHECK "$(with ". + {prevResult: $result}" "$second")" CNI_IFNAME=eth1
	call "$OURS" bridge DEL "$second" CNI_IFNAME=eth1
	call "$OURS" bridge DEL "$first"
}

@test "macspoofchk: frames from another MAC go nowhere" {
	local config
	config=$(bridge '{isDefaultGateway: true, macspoofchk: true}')
	made+=("$config")
	call "$OURS" bridge ADD "$config"
	ip netns exec "$NETNS" ping -c 1 -W 5 10.61.0.1
	ip -n "$NETNS" link set eth0 address 02:00:00:00:00:99
	run ! ip netns exec "$NETNS" ping -c 1 -W 1 10.61.0.1
	call "$OURS" bridge DEL "$config"
}

@test "enabledad: an IPv6 address that another host of the segment has is refused, and nothing stays" {
	local config
	config=$(with '.ipam.subnet = "fd00:61::/64"' "$(bridge '{isGateway: true, enabledad: true}')")
	made+=("$config")
	ip link add br-cni up type bridge
	ip netns add "$NETNS-2"
	ip link add stranger up master br-cni type veth peer name eth0 netns "$NETNS-2"
	ip -n "$NETNS-2" addr add fd00:61::3/64 dev eth0 nodad
	ip -n "$NETNS-2" link set eth0 up
	call "$OURS" bridge ADD "$config"
	run -0 ip -n "$NETNS" -6 -o addr show eth0
	assert_output --partial fd00:61::2/64
	refute_output --partial tentative
	call "$OURS" bridge DEL "$config"
	run -1 call "$OURS" bridge ADD "$config"
	assert_equal "$(jq -c '[.code, .msg]' <<<"$output")" '[101,"address fd00:61::3 is in use by another host"]'
	run ! ip -n "$NETNS" link show eth0
	no_leases
	ip link del stranger
	ip netns del "$NETNS-2"
	ip link del br-cni
}

@test "16 containers at once, on a bridge that is not there yet" {
	local config i
	config=$(bridge '{isDefaultGateway: true, ipMasq: true}')
	made+=("$config")
	for i in {1..16}; do ip netns add "$NETNS-$i"; done
	for i in {1..16}; do
		call "$OURS" bridge ADD "$config" CNI_CONTAINERID="c$i" CNI_NETNS="/run/netns/$NETNS-$i" >"$BATS_TEST_TMPDIR/result.$i" 3>&- &
	done
	wait
	assert_equal "$(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR"/result.* | sort -u | wc -l)" 16
	ip netns exec "$NETNS-16" ping -c 1 -W 2 "$(jq -r '.ips[0].address | split("/")[0]' "$BATS_TEST_TMPDIR/result.1")"
	# Whatever died: all of it goes.
	for i in {1..16}; do ip netns del "$NETNS-$i"; done
	cni_gc "$config"
	run ! ip link show br-cni
	no_leases
	nothing_left link nft
}

@test "network graph: what nsrun made as a plugin of others is told apart from what it did not make" {
	local config
	config=$(bridge '{isGateway: true}')
	made=("$config")
	call "$OURS" bridge ADD "$config" >/dev/null
	run -0 nsrun network graph
	assert_line --regexp 'bridge br-cni .*  made by nsrun as a CNI plugin '
	assert_line --regexp "\? +eth0 .*  netns $NETNS, made by nsrun as a CNI plugin$"
	call "$OURS" bridge DEL "$config"
	call "$THEIRS" bridge ADD "$(with '.bridge = "br-theirs"' "$config")" >/dev/null
	run -0 nsrun network graph
	assert_line --regexp 'bridge br-theirs .*  not made by nsrun '
	assert_line --regexp "netns $NETNS, not made by nsrun$"
	call "$THEIRS" bridge DEL "$(with '.bridge = "br-theirs"' "$config")"
	ip link del br-theirs
}
