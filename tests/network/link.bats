#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The virtual cable: `nsrun network link A B` between containers and bare namespaces, and that it goes with either.

load ../helpers
load helpers

setup()
{
	network_begin
	A=a-$ID B=b-$ID C=c-$ID
}

teardown()
{
	local name
	for name in $(nsrun list -q); do nsrun delete --force "$name"; done
	for name in $(nsrun netns ls -q); do nsrun netns rm "$name"; done
	network_end
}

# bare NAME...: namespaces without a container.
bare()
{
	local name
	for name in "$@"; do nsrun netns create "$name"; done
}

# sleeper ID [OPTION...]: a container that does nothing.
sleeper()
{
	local id=$1
	shift
	[[ -d $BUNDLE ]] || make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$@" "$id"
}

# reaches NAME ADDRESS: by ping, from within.
reaches() { nsrun netns exec "$1" ping -c 1 -W 5 "$2" >/dev/null; }
# links NAME: its lnk devices.
links() { nsrun netns exec "$1" ip -o link | sed -En 's/^[0-9]+: (lnk[0-9]+).*/\1/p' | xargs; }
no_links() { [[ ! $(links "$1") ]]; }
no_records() { [[ ! -e /run/nsrun/networks/links ]]; }

@test "two namespaces: 192.168.15.1 and .2, ping both ways, each knows the other's MAC" {
	bare red blue
	run -0 nsrun network link red blue
	assert_output "red lnk0 192.168.15.1/24 -- blue lnk0 192.168.15.2/24"
	reaches red 192.168.15.2
	reaches blue 192.168.15.1
	mac=$(nsrun netns exec blue cat /sys/class/net/lnk0/address)
	run -0 ip -n red neigh show 192.168.15.2
	assert_output --partial "lladdr $mac"
	mac=$(nsrun netns exec red cat /sys/class/net/lnk0/address)
	run -0 ip -n blue neigh show 192.168.15.1
	assert_output --partial "lladdr $mac"
	# One queue each: more cost a grace period when they are made.
	run -0 nsrun netns exec red ls /sys/class/net/lnk0/queues
	assert_output $'rx-0\ntx-0'
	# Nothing of it is in the host's namespace.
	run -0 ip -o link
	refute_output --partial lnk
}

@test "two containers; gone with either: delete of the first" {
	sleeper "$A"
	sleeper "$B"
	run -0 nsrun network link "$A" "$B"
	assert_output "$A lnk0 192.168.15.1/24 -- $B lnk0 192.168.15.2/24"
	reaches "$A" 192.168.15.2
	reaches "$B" 192.168.15.1
	nsrun delete --force "$A"
	no_records
	wait_until no_links "$B"
}

@test "gone with either: delete of the second, of one that stopped by itself, of one with a network" {
	for options in "" "--network bridge"; do
		# shellcheck disable=SC2086 # options are words
		sleeper "$A" $options
		# shellcheck disable=SC2086
		sleeper "$B" $options
		nsrun network link "$A" "$B"
		nsrun kill "$B" KILL
		wait_until is_status stopped "$B"
		nsrun delete "$B"
		no_records
		wait_until no_links "$A"
		nsrun delete --force "$A"
	done
}

@test "gone with either: netns rm" {
	for gone in red blue; do
		bare red blue
		nsrun network link red blue
		nsrun netns rm "$gone"
		no_records
		[[ $gone == red ]] && other=blue || other=red
		wait_until no_links "$other"
		nsrun netns rm "$other"
	done
}

@test "a container and a bare namespace; the one that runs attached cleans up behind itself" {
	bare lab
	make_bundle "$BUNDLE" sh -c 'until ip -4 addr show lnk0 2>/dev/null | grep -q 192.168.15.1; do sleep 0.02; done'
	"$NSRUN" run -b "$BUNDLE" "$A" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- &
	wait_until is_status running "$A"
	nsrun network link "$A" lab
	wait $! || fail "$(<"$BATS_TEST_TMPDIR/out")"
	no_records
	wait_until no_links lab
}

@test "a created container has it before it starts" {
	make_bundle "$BUNDLE" ip -4 -o addr show lnk0
	bare lab
	launch create -b "$BUNDLE" "$A"
	created=$OUTPUT
	nsrun network link "$A" lab
	nsrun start "$A"
	wait_until is_status stopped "$A"
	run -0 cat "$created"
	assert_output --partial "192.168.15.1/24"
}

@test "a second cable takes the next subnet and the next name; between the same two as well" {
	bare red blue green
	nsrun network link red blue
	run -0 nsrun network link red green
	assert_output "red lnk1 192.168.16.1/24 -- green lnk0 192.168.16.2/24"
	run -0 nsrun network link blue red
	assert_output "blue lnk1 192.168.17.1/24 -- red lnk2 192.168.17.2/24"
	reaches red 192.168.15.2
	reaches red 192.168.16.2
	reaches blue 192.168.17.2
	# unlink takes all between the two, in any order, and no other.
	nsrun network unlink red blue
	assert_equal "$(links red)" lnk1
	reaches green 192.168.16.1
	assert_equal "$(find /run/nsrun/networks/links -name '*.json' | wc -l)" 1
	# What is free is taken again.
	run -0 nsrun network link red blue
	assert_output "red lnk0 192.168.15.1/24 -- blue lnk0 192.168.15.2/24"
}

@test "--subnet: a /30, a /31, IPv6, both families" {
	bare red blue
	run -0 nsrun network link --subnet 10.99.0.0/30 red blue
	assert_output "red lnk0 10.99.0.1/30 -- blue lnk0 10.99.0.2/30"
	reaches red 10.99.0.2
	run -0 nsrun network link --subnet 10.99.0.4/31 red blue
	assert_output "red lnk1 10.99.0.4/31 -- blue lnk1 10.99.0.5/31"
	reaches blue 10.99.0.4
	run -0 nsrun network link --subnet fd00:99::/64 red blue
	assert_output "red lnk2 fd00:99::1/64 -- blue lnk2 fd00:99::2/64"
	reaches red fd00:99::2
	reaches blue fd00:99::1
	run -0 nsrun network link --subnet 10.99.0.8/30 --subnet fd00:98::/127 red blue
	assert_output "red lnk3 10.99.0.9/30 fd00:98::/127 -- blue lnk3 10.99.0.10/30 fd00:98::1/127"
	reaches blue fd00:98::
	refused "two subnets are IPv4" network link --subnet 10.1.0.0/30 --subnet 10.2.0.0/30 red blue
	refused "/31 the smallest" network link --subnet 10.1.0.1/32 red blue
	refused "not a block of unicast addresses" network link --subnet 224.0.0.0/24 red blue
	refused "not a block of unicast addresses" network link --subnet fe80::/64 red blue
	refused "subnet: " network link --subnet nonsense red blue
}

@test "a clash is refused and named: host address, route, network, lease, link, route in either namespace" {
	bare red blue green
	ip link add br-lan type bridge
	ip addr add 10.77.0.1/16 dev br-lan
	ip link set br-lan up
	ip route add 10.76.0.0/16 via 10.77.0.2
	ip addr add fd77::1/64 dev br-lan nodad
	refused "subnet 10.77.3.0/24 overlaps the address 10.77.0.1/16 of br-lan" network link --subnet 10.77.3.0/24 red blue
	refused "subnet 10.76.3.0/24 overlaps the route 10.76.0.0/16 dev br-lan" network link --subnet 10.76.3.0/24 red blue
	refused "subnet fd77::/80 overlaps the address fd77::1/64 of br-lan" network link --subnet fd77::/80 red blue
	nsrun network create --subnet 10.78.0.0/24 one
	refused "overlaps 10.78.0.0/24 of network one ($NSRUN_NET_DIR/one.conflist)" network link --subnet 10.78.0.128/25 red blue
	mkdir -p /run/nsrun/networks/leases/foreign
	printf 'somebody\r\neth0' >/run/nsrun/networks/leases/foreign/10.75.0.9
	refused "overlaps the address 10.75.0.9, leased on network foreign" network link --subnet 10.75.0.0/24 red blue
	refused "overlaps the address 10.75.0.9, leased on network foreign" network create --subnet 10.75.0.0/24 two
	rm -r /run/nsrun/networks/leases/foreign
	ip -n blue link add inner type bridge
	ip -n blue link set inner up
	ip -n blue route add 10.74.0.0/16 dev inner
	ip -n red addr add 10.73.0.1/24 dev lo
	refused "overlaps the route 10.74.0.0/16 dev inner in blue" network link --subnet 10.74.1.0/30 red blue
	refused "overlaps the address 10.73.0.1/24 of lo in red" network link --subnet 10.73.0.0/30 red blue
	nsrun network link --subnet 10.74.1.0/30 red green
	refused "overlaps 10.74.1.0/30 of the link between red and green" network link --subnet 10.74.1.0/31 green blue
	refused "overlaps 10.74.1.0/30 of the link between red and green" network create --subnet 10.74.0.0/16 two
	# What clashes is passed over where the subnet is ours to choose.
	ip -n blue route add 192.168.15.0/24 dev inner
	ip addr add 192.168.16.9/24 dev br-lan
	run -0 nsrun network link red blue
	assert_output --partial "192.168.17.1/24"
	ip link del br-lan
}

@test "the hint says what would be taken" {
	bare red blue
	ip addr add 192.168.15.7/32 dev lo
	run -1 script -qec "$NSRUN network link --subnet 192.168.15.0/24 red blue" /dev/null
	assert_output --partial "overlaps the address 192.168.15.7/32 of lo"
	assert_output --partial "hint: leave out --subnet; nsrun takes 192.168.16.0/24"
	ip addr del 192.168.15.7/32 dev lo
}

@test "network create keeps off links' subnets" {
	bare red blue
	nsrun network link --subnet 10.90.0.0/24 red blue
	run -0 nsrun network create web
	assert_output --partial "web  10.90.1.0/24 "
}

@test "what cannot be an end is refused by name" {
	bare red
	sleeper "$A"
	refused "no container or network namespace called nobody" network link red nobody
	refused "no container or network namespace called -x" network link -- red -x
	refused "both ends are red" network link red red
	sleeper "$B" --network "container:$A"
	refused "$A and $B are in one network namespace already" network link "$A" "$B"
	sleeper "$C" --network host
	refused "container $C shares the host's network" network link red "$C"
	refused "is a path" network link red /run/netns/red
	nsrun kill "$A" KILL
	wait_until is_status stopped "$A"
	refused "container $A is stopped" network link red "$A"
	ip netns attach self $$
	refused "self is the host's own network namespace" network link red self
	ip netns delete self
	refused "no link between red and $B" network unlink red "$B"
	refused "no container or network namespace called nobody" network unlink red nobody
	no_records
	run -1 script -qec "$NSRUN network link red rde" /dev/null
	assert_output --partial "did you mean red?"
}

@test "a sidecar's link is its owner's: it goes when the owner is deleted" {
	bare lab
	sleeper "$A" --network bridge
	sleeper "$B" --network "container:$A"
	run -0 nsrun network link "$B" lab
	assert_output --partial "$A lnk0"
	reaches "$B" 192.168.15.2
	nsrun delete --force "$A"
	no_records
	wait_until no_links lab
	assert_status running "$B"
}

@test "a container in a bare namespace: the link is the namespace's" {
	bare lab red
	sleeper "$A" --network ns:/run/netns/lab
	run -0 nsrun network link "$A" red
	assert_output --partial "lab lnk0"
	nsrun delete --force "$A"
	reaches red 192.168.15.1
	nsrun netns rm lab
	no_records
}

@test "json" {
	bare red blue
	run -0 nsrun network link --format json red blue
	jq -e '.schema == "nsrun.network.link/1" and (.ends | length) == 2 and .ends[0].address == "192.168.15.1/24"
		and .ends[1].name == "blue" and .ends[1].ifname == "lnk0"' <<<"$output"
}

@test "a record whose namespace was removed by others is dead, and goes with the next link" {
	bare red blue
	nsrun network link red blue
	ip netns delete red
	wait_until no_links blue
	bare red
	run -0 nsrun network link red blue
	assert_output --partial "192.168.15.1/24"
	assert_equal "$(find /run/nsrun/networks/links -name '*.json' | wc -l)" 1
}

@test "many at once: each gets names and a subnet of its own" {
	bare red blue
	for i in {1..8}; do
		timeout 60 "$NSRUN" network link red blue >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	for i in {1..8}; do
		wait "${pids[i]}" || fail "$(<"$BATS_TEST_TMPDIR/out.$i")"
	done
	assert_equal "$(cat "$BATS_TEST_TMPDIR"/out.* | grep -o 'red lnk[0-9]' | sort -u | wc -l)" 8
	assert_equal "$(cat "$BATS_TEST_TMPDIR"/out.* | grep -o '192.168.[0-9]*.1/24' | sort -u | wc -l)" 8
}

@test "what a link that died in the making left goes with the next container" {
	make_bundle "$BUNDLE" true
	mkdir -p /run/nsrun/networks/links
	touch /run/nsrun/networks/links/0123456789abcdef.json.tmp
	nsrun run -b "$BUNDLE" "$ID"
	[[ ! -e /run/nsrun/networks/links ]]
}
