#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# linux.netDevices: devices of the host go into the container (config-linux.md, "Network Devices"), with traffic
# through them; and what becomes of them when the container, or its creation, ends. What they keep to the letter:
# tests/unit/test_netdev.c.

load ../helpers
load helpers

setup()
{
	network_begin
	make_bundle "$BUNDLE"
	add_veth
}

teardown()
{
	local name
	for name in $(nsrun list -q); do nsrun delete --force "$name"; done
	for name in peer0 dev0 br0 vx0; do
		! ip link show "$name" >/dev/null 2>&1 || ip link del "$name"
	done
	! ip netns pids "far-$ID" >/dev/null 2>&1 || ip netns del "far-$ID"
	network_end
}

# dev0, with addresses, whose other end is the host's peer0.
add_veth()
{
	ip link add dev0 type veth peer name peer0
	ip link set dev0 mtu 1400 address 02:11:22:33:44:55
	ip addr add 10.9.0.2/24 brd + dev dev0
	ip addr add fd09::2/64 dev dev0 nodad
	ip addr add 10.9.0.1/24 dev peer0
	ip addr add fd09::1/64 dev peer0 nodad
	ip link set peer0 up
}

# devices JSON: linux.netDevices.
devices() { set_config '.linux.netDevices = $devices' --argjson devices "$1"; }
has_device() { ip link show "$1" >/dev/null 2>&1; }
is_back() { ip -o addr show dev dev0 | grep -q 'inet 10.9.0.2/24' && ip -o addr show dev dev0 | grep -q 'inet6 fd09::2/64'; }
no_records() { [[ ! -e /run/nsrun/networks/devices ]]; }
gone() { ! has_device "$1"; }

@test "a veth goes in under a new name, up, with its addresses, MAC and MTU; traffic in both families" {
	devices '{"dev0": {"name": "net0"}}'
	launch run -d -b "$BUNDLE" "$ID"
	refute has_device dev0
	run -0 nsrun exec "$ID" ip -o link show net0
	assert_output --partial "mtu 1400"
	assert_output --partial "02:11:22:33:44:55"
	assert_output --partial ",UP"
	run -0 nsrun exec "$ID" ip -o addr show net0
	assert_output --partial "inet 10.9.0.2/24 brd 10.9.0.255"
	assert_output --partial "inet6 fd09::2/64"
	ping -c 1 -W 5 10.9.0.2
	ping -c 1 -W 5 fd09::2
	# lo is up as in each new namespace, and the namespace has a name for the host's tools.
	run -0 ip -n "$ID" -o link show lo
	assert_output --partial ",UP"
}

@test "the same name when none is given, a template, and two devices that change names" {
	ip link add link peer0 name br0 type macvlan
	devices '{"dev0": {}, "br0": {"name": "net%d"}}'
	run -0 nsrun run -b "$BUNDLE" "$ID" ip -o link
	assert_output --partial " dev0@"
	assert_output --partial " net0@"
	wait_until gone peer0
	add_veth
	devices '{"dev0": {"name": "peer0"}, "peer0": {"name": "dev0"}}'
	run -0 nsrun run -b "$BUNDLE" "$ID" cat /sys/class/net/peer0/address
	assert_output 02:11:22:33:44:55
	wait_until gone peer0
}

@test "a macvlan and a vxlan" {
	ip link add vx0 type vxlan id 7 dstport 4789 dev peer0
	ip link add link peer0 name br0 type macvlan mode bridge
	ip addr add 10.9.0.3/24 dev br0
	devices '{"vx0": {}, "br0": {"name": "mac0"}}'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" ip -o addr show mac0
	assert_output --partial "inet 10.9.0.3/24"
	ip link set dev0 up
	run -0 nsrun exec "$ID" ip -o link show vx0
	assert_output --partial ",UP"
}

@test "beside a network: a clash with eth0 is an error, another name is not" {
	nsrun network create "$ID" >/dev/null
	ip link set dev0 name eth0
	devices '{"eth0": {}}'
	refused 'a device called "eth0" already' run --network "$ID" -b "$BUNDLE" "$ID"
	has_device eth0
	devices '{"eth0": {"name": "eth%d"}}'
	launch run -d --network "$ID" -b "$BUNDLE" "$ID"
	ping -c 1 -W 5 10.9.0.2
	run -0 nsrun exec "$ID" ip -o -4 addr show eth1
	assert_output --partial 10.9.0.2/24
	nsrun delete --force "$ID"
	wait_until gone peer0
}

@test "what cannot be done is refused before anything is made" {
	devices '{"nix": {}}'
	refused 'config.json: linux.netDevices: no network device called "nix" in the runtime'"'"'s network namespace' \
		run -b "$BUNDLE" "$ID"
	devices '{"lo": {"name": "lo1"}}'
	refused '"lo" is a loopback device' run -b "$BUNDLE" "$ID"
	devices '{"dev0": {}, "peer0": {"name": "dev0"}}'
	refused 'linux.netDevices["peer0"]: takes the same name inside as "dev0"' run -b "$BUNDLE" "$ID"
	devices '{"dev0": {"name": "a/b"}}'
	refused 'linux.netDevices["dev0"].name' run -b "$BUNDLE" "$ID"
	devices '{"dev0": {}}'
	refused '--network host does not go with linux.netDevices' run --network host -b "$BUNDLE" "$ID"
	set_config 'del(.linux.namespaces[] | select(.type == "network")) | .mounts |= map(select(.type != "sysfs"))'
	refused 'linux.netDevices: needs a network namespace' run -b "$BUNDLE" "$ID"
	set_config '.linux.namespaces += [{type: "network", path: "/proc/self/ns/net"}]'
	refused "the runtime's own network namespace" run -b "$BUNDLE" "$ID"
	has_device dev0
	is_back
	no_records
}

@test "a bridge may not leave its namespace: create fails, and what was moved before is back" {
	ip link add br0 type bridge
	devices '{"dev0": {"name": "net0"}, "br0": {}}'
	refused 'network device "br0": move device: the kernel keeps devices of its kind (bridge)' create -b "$BUNDLE" "$ID"
	is_back
	has_device br0
	no_records
	refused "container does not exist" state "$ID"
}

@test "into a namespace that is joined by path; without the container it stays there" {
	ip netns add "far-$ID"
	ip -n "far-$ID" link set lo up
	devices '{"dev0": {"name": "net0"}}'
	set_config '(.linux.namespaces[] | select(.type == "network")).path = $path' --arg path "/run/netns/far-$ID"
	run -0 nsrun run -b "$BUNDLE" "$ID" ip -o addr show net0
	assert_output --partial "inet 10.9.0.2/24"
	run -0 ip -n "far-$ID" -o addr show net0
	assert_output --partial "inet 10.9.0.2/24"
	no_records
	# A name that is taken there.
	ip link add dev0 type bridge
	refused 'has a device called "net0" already' run -b "$BUNDLE" "$ID"
	ip link del dev0
	# A failing create gives back from a joined namespace too.
	ip -n "far-$ID" link set net0 netns $$ name dev0
	ip addr add 10.9.0.2/24 dev dev0
	ip addr add fd09::2/64 dev dev0 nodad
	set_config '.hooks = {createRuntime: [{path: "/bin/false"}]}'
	refused "error running createRuntime hook #0" create -b "$BUNDLE" "$ID"
	is_back
	refute ip -n "far-$ID" link show net0
}

@test "--network container:ID: into the other's namespace" {
	launch run -d -b "$BUNDLE" "o-$ID"
	devices '{"dev0": {"name": "net0"}}'
	run -0 nsrun run --network "container:o-$ID" -b "$BUNDLE" "$ID" true
	run -0 nsrun exec "o-$ID" ip -o addr show net0
	assert_output --partial "inet 10.9.0.2/24"
}

@test "hooks and sysctls of the interface find it" {
	devices '{"dev0": {"name": "net0"}}'
	set_config '.linux.sysctl = {"net.ipv4.conf.net0.rp_filter": "2"}
		| .hooks = {createRuntime: [{path: "/bin/busybox", env: ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"], args: ["sh", "-c", $hook]}]}' \
		--arg hook "nsenter --net=/run/netns/$ID ip -o addr show net0 >$BATS_TEST_TMPDIR/seen"
	run -0 nsrun run -b "$BUNDLE" "$ID" cat /proc/sys/net/ipv4/conf/net0/rp_filter
	assert_output 2
	grep -q 10.9.0.2/24 "$BATS_TEST_TMPDIR/seen"
}

@test "in a new user namespace" {
	devices '{"dev0": {"name": "net0"}}'
	set_config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	chmod -R o+rX "$BATS_TEST_TMPDIR"
	launch run -d -b "$BUNDLE" "$ID"
	ping -c 1 -W 5 10.9.0.2
}

@test "as the spec has it: the namespace's end takes a virtual device along, at delete" {
	devices '{"dev0": {}}'
	launch create -b "$BUNDLE" "$ID"
	nsrun kill "$ID" KILL
	wait_until is_status stopped
	# The namespace has a name, so it and what is in it stay until then.
	run -0 ip -n "$ID" link show dev0
	nsrun delete "$ID"
	wait_until gone peer0
	no_records
}

@test "io.nsrun.netdevices.return: back at delete, with name, addresses and MTU" {
	devices '{"dev0": {"name": "net0"}}'
	set_config '.annotations = {"io.nsrun.netdevices.return": "true"}'
	run -0 nsrun run -b "$BUNDLE" "$ID" ip -o addr show net0
	assert_output --partial 10.9.0.2/24
	is_back
	no_records
	ip link set dev0 up
	launch run -d -b "$BUNDLE" "$ID"
	refute has_device dev0
	nsrun delete --force "$ID"
	is_back
	run -0 ip -o link show dev0
	assert_output --partial "mtu 1400"
	assert_output --partial ",UP"
}

@test "a program that does not exist: the device is back" {
	devices '{"dev0": {"name": "net0"}}'
	refused "executable file not found" create -b "$BUNDLE" "$ID" no-such-program
	is_back
	refused "executable file not found" run -b "$BUNDLE" "$ID" no-such-program
	is_back
	no_records
}

# A failure and a SIGKILL after each step that has to do with it: afterwards, or after delete --force, the device is
# back; but once the container is there, what becomes of a virtual device is the kernel's (above).
@test "create fails or dies around the moves" {
	local name how
	devices '{"dev0": {"name": "net0"}}'
	for name in "attach network" "record devices" "move device" "move network devices" "createRuntime hooks" "save state"; do
		for how in "" "=kill"; do
			NSRUN_FAULT=$name$how run timeout 20 "$BUILD/tests/nsrun-faults" create -b "$BUNDLE" "$ID"
			((status != 0)) || fail "$name$how: create succeeded"
			run -0 nsrun delete --force "$ID"
			no_records || fail "$name$how: a record is left"
			if [[ $name$how == "save state=kill" ]]; then
				wait_until gone peer0
				add_veth
			fi
			is_back || fail "$name$how: dev0 is not back: $(ip -br addr)"
		done
	done
}

@test "a record that cannot be read: delete --force gives the device back" {
	devices '{"dev0": {"name": "net0"}}'
	launch create -b "$BUNDLE" "$ID"
	echo garbage >"/run/nsrun/containers/$ID/record.json"
	run -0 nsrun delete --force "$ID"
	is_back
	no_records
}

@test "network graph and netns show know the namespace, and find no fault" {
	devices '{"dev0": {"name": "net0"}}'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun network graph
	run -0 nsrun netns show "$ID"
	assert_output --partial net0
}
