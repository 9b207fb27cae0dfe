#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Lists, results, names and files that are wrong: for whoever calls nsrun as a plugin, a CNI error object with its code
# and a sentence; for `nsrun run`, one line that names the place. And nothing half-made stays.

load ../helpers
load helpers

setup()
{
	network_begin
	make_run_netns
	ip netns add "$ID"
	DATA=$BATS_TEST_TMPDIR/leases
	"$SOURCE/tests/census" >"$BATS_TEST_TMPDIR/.before"
}

teardown()
{
	conf '. + {"cni.dev/valid-attachments": []} | .cniVersion = "1.1.0"' |
		env CNI_COMMAND=GC CNI_PATH=/nonexistent "$NSRUN" cni bridge # of ADD there is a lock's file
	ip netns delete "$ID"
	network_end
}

# conf [FILTER]: a bridge's configuration, changed by jq.
conf()
{
	jq -n --arg data "$DATA" '{cniVersion: "1.0.0", name: "bad", type: "bridge", bridge: "br-bad", isGateway: true,
		ipam: {type: "host-local", dataDir: $data, ranges: [[{subnet: "10.66.0.0/24"}]]}} | '"${1-.}"
}

# cni COMMAND TYPE: what is on stdin, to nsrun as a plugin.
cni()
{
	env CNI_COMMAND="$1" CNI_CONTAINERID="${CONTAINER-$ID}" CNI_NETNS="${NETNS-/run/netns/$ID}" CNI_IFNAME="${IFNAME-eth0}" \
		CNI_PATH=/nonexistent "$NSRUN" cni "$2"
}

# cni_refused CODE TEXT TYPE: stdin is refused by ADD, with that code, and nothing was made.
cni_refused()
{
	run ! --separate-stderr cni ADD "$3"
	jq -e --argjson code "$1" --arg text "$2" '.code == $code and ((.msg + .details) | contains($text))' <<<"$output" >/dev/null ||
		fail "expected an error $1 with \"$2\", found: $output $stderr"
	nothing_made
}

nothing_made()
{
	local left
	left=$("$SOURCE/tests/census" --left "$BATS_TEST_TMPDIR/.before" | grep -vE '/networks/cni(/bad(/gc\.[a-z]+)?)?$' || true)
	[[ ! $left ]] || fail "left behind: $left"
	[[ ! $(ip -n "$ID" -o link show | grep -v ' lo:') ]]
	[[ ! -e $DATA || ! $(find "$DATA" -name '10.66.0.*') ]]
}

# list_refused TEXT FILTER: the same as a list, by nsrun run.
list_refused()
{
	[[ -d $BUNDLE ]] || make_bundle "$BUNDLE"
	conf | jq '{cniVersion, name, plugins: [del(.cniVersion, .name)]} | '"$2" >"$NSRUN_NET_DIR/bad.conflist"
	refused "$1" run -b "$BUNDLE" --network bad "a-$ID"
	rm "$NSRUN_NET_DIR/bad.conflist"
	nothing_made
}

@test "bad input: no JSON, no object, a value of another type, a name missing" {
	echo '{"cniVersion": "1.0.0", "name"' | cni_refused 6 "" bridge
	echo '[]' | cni_refused 6 "expected an object" bridge
	conf '.isGateway = "yes"' | cni_refused 7 "isGateway" bridge
	conf 'del(.name)' | cni_refused 7 "name" bridge
	list_refused "plugins[0].isGateway: expected" '.plugins[0].isGateway = "yes"'
	list_refused "plugins: missing or empty" '.plugins = []'
	list_refused "plugins[0].type: missing" 'del(.plugins[0].type)'
}

@test "bad input: a version that there is not" {
	conf '.cniVersion = "9.9.9"' | cni_refused 1 "9.9.9" bridge
	list_refused 'cniVersion: "9.9.9"' '.cniVersion = "9.9.9"'
}

@test "bad input: a type that no plugin has" {
	conf '.ipam.type = "nosuch"' | cni_refused 2 "nosuch" bridge
	list_refused "nosuch" '.plugins += [{"type": "nosuch"}]'
	list_refused "nosuch" '.plugins[0].ipam.type = "nosuch"'
}

@test "bad input: subnets, ranges and gateways that do not fit" {
	conf '.ipam.ranges[0][0].subnet = "10.66.0.0/33"' | cni_refused 7 "10.66.0.0/33" bridge
	conf '.ipam.ranges[0][0].subnet = "10.66.0.0/32"' | cni_refused 7 "has no room" bridge
	conf '.ipam.ranges[0][0].rangeStart = "10.67.0.9"' | cni_refused 7 "rangeStart: 10.67.0.9 is not in 10.66.0.0/24" bridge
	conf '.ipam.ranges[0][0].rangeEnd = "10.67.0.9"' | cni_refused 7 "rangeEnd: 10.67.0.9 is not in 10.66.0.0/24" bridge
	conf '.ipam.ranges[0][0].gateway = "10.67.0.1"' | cni_refused 7 "gateway: 10.67.0.1 is not in 10.66.0.0/24" bridge
	conf '.ipam.ranges[0][0] += {rangeStart: "10.66.0.9", rangeEnd: "10.66.0.5"}' | cni_refused 7 "ends before it begins" bridge
	list_refused "plugins[0].ipam.ranges[0][0].gateway: 10.67.0.1 is not in 10.66.0.0/24" \
		'.plugins[0].ipam.ranges[0][0].gateway = "10.67.0.1"'
	list_refused "plugins[0].ipam.ranges[0][0].subnet" '.plugins[0].ipam.ranges[0][0].subnet = "nonsense"'
}

@test "bad input: ports that overlap, or are none" {
	nsrun network create --ipv6=false --subnet 10.66.1.0/24 web
	make_bundle "$BUNDLE"
	refused "8080" run -b "$BUNDLE" --network web -p 8080:80 -p 8080:81 "a-$ID"
	refused "8081" run -b "$BUNDLE" --network web -p 8080-8085:80-85 -p 127.0.0.1:8081:90 "a-$ID"
	refused "is no port" run -b "$BUNDLE" --network web -p 65536:80 "a-$ID"
	nsrun network rm web
	nothing_made
}

@test "bad input: names with slashes, NUL, and too long ones" {
	conf '.name = "../bad"' | cni_refused 7 "name" bridge
	CONTAINER=../x
	conf | cni_refused 4 "CNI_CONTAINERID" bridge
	unset CONTAINER
	conf '.name = "a\u0000b"' | cni_refused 6 "" bridge
	list_refused 'network' '.name = "a/b"'
	refused "is no name for a network" network create a/b
	refused "is no name for a network" network create "$(printf 'x%.0s' {1..129})"
	nothing_made
}

@test "bad input: names of interfaces that are too long, or no names" {
	conf '.bridge = "a234567890123456"' | cni_refused 7 "bridge" bridge
	IFNAME=a234567890123456
	conf | cni_refused 4 "CNI_IFNAME" bridge
	IFNAME=a/b
	conf | cni_refused 4 "CNI_IFNAME" bridge
	list_refused 'plugins[0].bridge: "a234567890123456" is no name for a link' '.plugins[0].bridge = "a234567890123456"'
	refused "is no name for an interface" run -b "$BUNDLE" --network bridge:ifname=a234567890123456 "a-$ID"
}

@test "bad input: a prevResult that lies" {
	jq -n '{cniVersion: "1.0.0", name: "bad", type: "tuning",
		prevResult: {cniVersion: "1.0.0", interfaces: [{name: "eth0", sandbox: "/run/netns/x"}],
			ips: [{address: "10.66.0.9/24", interface: 7}]}}' | cni_refused 7 "interface" tuning
	jq -n '{cniVersion: "1.0.0", name: "bad", type: "tuning",
		prevResult: {cniVersion: "1.0.0", ips: [{address: "10.66.0.999/24"}]}}' | cni_refused 7 "10.66.0.999" tuning
	jq -n '{cniVersion: "1.0.0", name: "bad", type: "tuning",
		prevResult: {cniVersion: "1.0.0", dns: {nameservers: ["nobody"]}}}' | cni_refused 7 "nobody" tuning
}

@test "bad input: a namespace that is a stale file, another kind of namespace, or missing" {
	touch "$BATS_TEST_TMPDIR/stale"
	NETNS=$BATS_TEST_TMPDIR/stale
	conf | cni_refused 4 "$NETNS" bridge
	NETNS=/proc/self/ns/mnt
	conf | cni_refused 4 "$NETNS" bridge
	NETNS=$BATS_TEST_TMPDIR/missing
	conf | cni_refused 4 "$NETNS" bridge
}

@test "bad input: a folder of leases that cannot be written" {
	mkdir -p "$DATA"
	mount -t tmpfs -o ro none "$DATA"
	run ! --separate-stderr cni ADD bridge < <(conf)
	umount "$DATA"
	jq -e --arg d "$DATA" '.code > 0 and ((.msg + .details) | contains($d))' <<<"$output"
	run ! ip link show dev br-bad
	[[ ! $(ip -n "$ID" -o link show | grep -v ' lo:') ]]
}

@test "bad input: garbage among the leases is nobody's, and in nobody's way" {
	mkdir -p "$DATA/bad"
	head -c 300 /dev/urandom >"$DATA/bad/10.66.0.2"
	echo junk >"$DATA/bad/last_reserved_ip.0"
	echo junk >"$DATA/bad/not-an-address"
	run -0 cni ADD bridge < <(conf)
	jq -e '.ips[0].address | startswith("10.66.0.")' <<<"$output"
	run -0 cni DEL bridge < <(conf)
	[[ -e $DATA/bad/not-an-address ]]
}
