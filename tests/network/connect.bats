#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A container that runs joins one more network, and leaves one: `nsrun network connect`, `disconnect`.

load ../helpers
load helpers

setup()
{
	network_begin
	A=a-$ID B=b-$ID
}

# sleeper ID [OPTION...]: a container that does nothing.
sleeper()
{
	local id=$1
	shift
	[[ -d $BUNDLE ]] || make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$@" "$id"
}

reaches() { nsrun netns exec "$1" ping -c 1 -W "${3-5}" "$2" >/dev/null; }
# address_on NETWORK ID: as the state tells.
address_on()
{
	nsrun state "$2" | jq -r --arg n "$1" '.network.result.attachments[] | select(.network == $n) | .address | split("/")[0]'
}
networks_of() { nsrun state "$1" | jq -r '[.network.result.attachments[].network] | join(" ")'; }

@test "connect: a further interface, an address, a name; the default route stays" {
	nsrun network create --subnet 10.77.1.0/24 red
	nsrun network create --subnet 10.77.2.0/24 blue
	sleeper "$A" --network red
	sleeper "$B" --network blue
	run reaches "$A" "$(address_on blue "$B")" 1
	assert_failure
	run -0 nsrun network connect blue "$A"
	address=$(address_on blue "$A")
	assert_output --partial "$A eth1 $address/24"
	assert_equal "$(networks_of "$A")" "red blue"
	reaches "$A" "$(address_on blue "$B")"
	reaches "$B" "$address"
	run -0 nsrun exec "$A" ip route show default
	assert_output --partial "via 10.77.1.1 dev eth0"
	run -0 nsrun exec "$A" cat /etc/hosts
	assert_line --regexp "^${address}[[:space:]]"
	run -0 nsrun network inspect blue
	jq -e --arg id "$A" '.[0].members[] | select(.container == $id) | .live' <<<"$output"
	refused "in use by containers " network rm blue
}

@test "disconnect: device, address, lease and name are gone when it returns; what is left works on" {
	nsrun network create --subnet 10.77.1.0/24 red
	nsrun network create --subnet 10.77.2.0/24 blue
	sleeper "$A" --network red --network blue
	sleeper "$B" --network red
	nsrun exec "$A" sh -c 'echo "192.0.2.1 mine" >>/etc/hosts'
	address=$(address_on blue "$A")
	run -0 nsrun network disconnect blue "$A"
	assert_output ""
	assert_equal "$(networks_of "$A")" red
	run -0 nsrun exec "$A" ip -o link
	refute_output --partial eth1
	run -0 nsrun exec "$A" cat /etc/hosts
	refute_output --partial "$address"
	assert_line "192.0.2.1 mine"
	[[ ! -e /run/nsrun/networks/leases/blue/$address ]]
	reaches "$A" "$(address_on red "$B")"
	nsrun network rm blue
	refused "container $A is not on network \"blue\"" network disconnect blue "$A"
}

@test "disconnect of the first: published ports go, the default route moves on" {
	nsrun network create --subnet 10.77.1.0/24 red
	nsrun network create --subnet 10.77.2.0/24 blue
	sleeper "$A" --network red --network blue -p 8080:80
	nsrun network disconnect red "$A"
	assert_equal "$(nsrun network ports -q)" ""
	[[ ! -e /run/nsrun/networks/ports/tcp/8080 ]]
	run -0 nft list map inet nsrun any4
	refute_output --partial 8080
	run -0 nsrun exec "$A" ip route show default
	assert_output --partial "via 10.77.2.1 dev eth1"
	reaches "$A" 10.77.2.1
	sleeper "$B" --network red -p 8080:80
	# The last one too; and back again, under the first name.
	nsrun network disconnect blue "$A"
	run -0 nsrun exec "$A" ip -o link
	refute_output --partial eth
	run -0 nsrun network connect red "$A"
	assert_output --partial "$A eth0 10.77.1."
	run -0 nsrun exec "$A" ip route show default
	assert_output --partial "via 10.77.1.1 dev eth0"
	reaches "$A" "$(address_on red "$B")"
}

@test "again and again" {
	sleeper "$A" --network bridge
	nsrun network create web
	for _ in {1..10}; do
		nsrun network connect web "$A"
		nsrun network disconnect web "$A"
	done
	assert_equal "$(networks_of "$A")" bridge
	run -0 nsrun exec "$A" ip -o link
	refute_output --partial eth1
}

@test "a container made without a network gets its first, a default route and a pin; delete takes them" {
	sleeper "$A"
	[[ ! -e /run/netns/$A ]]
	run -0 nsrun network connect bridge "$A"
	assert_output --partial "$A eth0 10.88."
	[[ -e /run/netns/$A ]]
	reaches "$A" 10.88.0.1
	run -0 nsrun exec "$A" ip route show default
	assert_output --partial "via 10.88.0.1 dev eth0"
	nsrun delete --force "$A"
	[[ ! -e /run/netns/$A ]]
	assert_equal "$(find /run/nsrun/networks -name '10.88.*')" ""
}

@test "a created container, and one that runs attached" {
	make_bundle "$BUNDLE" ip -4 -o addr show eth1
	launch create -b "$BUNDLE" --network bridge "$A"
	created=$OUTPUT
	nsrun network create web
	nsrun network connect web "$A"
	nsrun start "$A"
	wait_until is_status stopped "$A"
	run -0 cat "$created"
	assert_output --partial "eth1"
	set_args sh -c 'until ip -4 addr show eth0 2>/dev/null | grep -q inet; do sleep 0.02; done'
	"$NSRUN" run -b "$BUNDLE" "$B" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- &
	wait_until is_status running "$B"
	nsrun network connect web "$B"
	wait $! || fail "$(<"$BATS_TEST_TMPDIR/out")"
	[[ ! -e /run/netns/$B ]]
	nsrun delete "$A"
	assert_equal "$(find /run/nsrun/networks/attachments -name '*.json')" ""
	nsrun network rm web
}

@test "addresses and names that are asked for" {
	nsrun network create --subnet 10.77.1.0/24 red
	sleeper "$A" --network bridge
	sleeper "$B" --network bridge
	run -0 nsrun network connect --ip 10.77.1.7 --mac 02:00:00:00:00:07 --ifname back0 red "$A"
	assert_output --partial "$A back0 10.77.1.7/24"
	run -0 nsrun exec "$A" ip link show back0
	assert_output --partial 02:00:00:00:00:07
	refused "10.77.1.7 is in use by container $A" network connect --ip 10.77.1.7 red "$B"
	refused "is not in 10.77.1.0/24" network connect --ip 10.78.1.7 red "$B"
	refused "has an interface eth0 already" network connect --ifname eth0 red "$B"
	refused "is no name for a link" network connect --ifname a/b red "$B"
	assert_equal "$(networks_of "$B")" bridge
	run -0 nsrun exec "$B" ip -o link
	refute_output --partial eth1
	# A device that the container made itself takes a name too.
	ip -n "$B" link add eth1 type bridge
	run -0 nsrun network connect red "$B"
	assert_output --partial "$B eth2"
}

@test "what cannot be connected is refused, and why" {
	nsrun network create web
	sleeper "$A" --network web
	refused "container $A is on network \"web\" already" network connect web "$A"
	refused 'no network called "nowhere"' network connect nowhere "$A"
	refused "container does not exist" network connect web nobody
	sleeper "$B" --network "container:$A"
	refused "container $B has joined the network namespace of another" network connect bridge "$B"
	nsrun delete --force "$B"
	sleeper "$B" --network host
	refused "container $B shares the host's network" network connect bridge "$B"
	refused "container $B shares the host's network" network disconnect bridge "$B"
	nsrun kill "$A" KILL
	wait_until is_status stopped "$A"
	refused "container $A is stopped" network connect bridge "$A"
	refused "container $A is stopped" network disconnect web "$A"
}
