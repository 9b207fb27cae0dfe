#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Many containers on one network: as many as a bridge has ports for, then an error by name; what one more costs does
# not depend on how many there are.
load ../helpers
load helpers

PORTS=1023 # of a bridge; the kernel's BR_MAX_PORTS less the number 0
# How many there are in the end, and when it is counted what one more costs. Emulated processors would take an hour.
ALL=$PORTS MANY=500
((${TEST_PATIENCE:-1} == 1)) || ALL=60 MANY=40

setup()
{
	network_begin
	# The least that is a container: most of the time is the kernel's, for namespaces and mounts.
	mkdir -p "$BUNDLE/rootfs/bin"
	cp /bin/busybox "$BUNDLE/rootfs/bin"
	nsrun spec -b "$BUNDLE"
	set_config '.process.terminal = false | .process.args = ["/bin/busybox", "sleep", "1000"]
		| .mounts |= map(select(.destination == "/dev")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []
		| .linux.namespaces |= map(select(.type | IN("pid", "network", "mount"))) | del(.hostname)
		| del(.annotations["io.nsrun.network"])'
}

# member N: a container that publishes port 20000 + N of the host; COUNTED: the command before nsrun's.
member() { "${counted[@]}" "$NSRUN" run -d --network big -p $((20000 + $1)):80 -b "$BUNDLE" "$ID-$1" </dev/null >>"$BATS_TEST_TMPDIR/log.$(($1 % 2))" 2>&1 3>&-; }

# by_two COMMAND FIRST LAST: COMMAND N of each, by two at a time.
by_two()
{
	local worker workers=() failed=''
	for worker in 0 1; do
		(for ((i = $2 + worker; i <= $3; i += 2)); do "$1" "$i" || exit 1; done) 3>&- &
		workers+=($!)
	done
	for worker in "${workers[@]}"; do
		wait "$worker" || failed=yes
	done
	[[ ! $failed ]] || fail "$(tail -n 3 "$BATS_TEST_TMPDIR"/log.*)"
}
members() { by_two member "$@"; }
remove() { "$NSRUN" delete --force "$ID-$1" >>"$BATS_TEST_TMPDIR/log.$(($1 % 2))" 2>&1; }

# calls COMMAND...: how often the nsrun that COMMAND runs talks to the kernel by sockets, and reads folders; all else
# are single files. (What it waits for, cgroups, say, takes its time, and so its calls.)
calls()
{
	local counted=(strace -qq -e "trace=%network,getdents64" -o "$BATS_TEST_TMPDIR/trace")
	"$@"
	grep -c '^[a-z]' "$BATS_TEST_TMPDIR/trace"
}
removed() { "${counted[@]}" "$NSRUN" delete --force "$ID-$1"; }

rules() { nft -j list ruleset | jq '[.nftables[] | select(.rule)] | length'; }
elements() { nft -j list map inet nsrun any4 | jq '[.nftables[] | select(.map) | .map.elem[]?] | length'; }
leases() { find /run/nsrun/networks/leases/big -name '10.64.*' | wc -l; }

@test "1023 containers on one network: the next is refused, rules and costs do not grow, nothing stays" {
	local begin=$SECONDS add_first add_many del_first del_many count
	nsrun network create --subnet 10.64.0.0/16 big
	members 1 2
	count=$(rules)
	add_first=$(calls member 3)
	del_first=$(calls removed 3)

	members 3 $((MANY / 2))
	assert_equal "$(rules)" "$count"
	members $((MANY / 2 + 1)) $MANY
	add_many=$(calls member $((MANY + 1)))
	del_many=$(calls removed $((MANY + 1)))
	echo "# measured: socket calls of run and delete: beside 2 containers $add_first and $del_first, beside $MANY $add_many and $del_many" >&3

	members $((MANY + 1)) $ALL
	local up=$((SECONDS - begin))
	assert_equal "$(rules)" "$count"
	assert_equal "$(elements)" $ALL
	assert_equal "$(leases)" $ALL
	assert_equal "$(nsrun network inspect big | jq '[.[0].members[] | select(.live) | .address] | unique | length')" $ALL
	((ALL < PORTS)) || refused "bridge nsr-big has $PORTS of $PORTS ports" run --network big -p 30000:80 -b "$BUNDLE" "$ID-more"
	assert_equal "$(leases) $(elements)" "$ALL $ALL"
	# The last one is reached.
	ping -c 1 -W 5 "$(address_of "$ID-$ALL")"
	by_two remove 1 $ALL
	echo "# measured: $ALL containers after $up s, none after $((SECONDS - begin)) s" >&3
	assert_equal "$(leases) $(elements)" "0 0"
	nsrun network rm big
	nothing_left
	((add_many <= add_first + 10)) || fail "run makes $add_many calls beside $MANY containers, $add_first beside 2"
	((del_many <= del_first + 10)) || fail "delete makes $del_many calls beside $MANY containers, $del_first beside 2"
}

# listen ID; then heard ID: how many ARP messages, and IPv4 broadcasts, have come to it since.
listen()
{
	ip netns exec "$1" nft -f - <<-'END'
		table arp heard { chain in { type filter hook input priority 0; counter; }; }
		table ip heard { chain in { type filter hook prerouting priority 0; fib daddr type broadcast counter; }; }
	END
}
heard() { ip netns exec "$1" nft -j list ruleset | jq -r '[.nftables[] | select(.rule).rule.expr[].counter // empty | .packets] | join(" ")'; }
neighbour() { ip -j neigh show dev nsr-big nud permanent | jq -r --arg a "$1" '.[] | select(.dst == $a) | .lladdr'; }
mac_of() { nsrun state "$1" | jq -r '.network.result.attachments[0].mac'; }
reaches() { ip netns exec "$1" ping -n -c 1 -W 5 "$2"; }

@test "static neighbours: host, members and strangers reach each other; nobody asks for whom nsrun knows" {
	local a b c address
	nsrun network create --static-neighbours --subnet 10.64.0.0/16 big
	jq -e '.[0].staticNeighbours' <<<"$(nsrun network inspect big)"
	members 1 3
	a=$ID-1 b=$ID-2 c=$ID-3
	for address in "$(address_of "$a")" "$(address6_of "$a")"; do
		assert_equal "$(neighbour "$address")" "$(mac_of "$a")"
		assert_equal "$(ip -n "$a" -j neigh show nud permanent | jq -r '[.[] | select(.dev == "eth0")] | length')" 2
		ping -n -c 1 -W 5 "$address"
		reaches "$b" "$address"
	done
	reaches "$a" 10.64.0.1
	# Whoever is on the bridge otherwise asks, and is asked, as ever.
	ip netns add "other-$ID"
	ip link add stranger up master nsr-big type veth peer name eth0 netns "other-$ID"
	ip -n "other-$ID" addr add 10.64.77.7/16 dev eth0
	ip -n "other-$ID" link set eth0 up
	reaches "other-$ID" "$(address_of "$c")"
	reaches "$c" 10.64.77.7
	ip link del stranger
	ip netns del "other-$ID"

	address=$(address_of "$a")
	nsrun delete --force "$a"
	assert_equal "$(neighbour "$address")" ""
}

@test "static neighbours: what one member asks comes to no other" {
	nsrun network create --static-neighbours --subnet 10.64.0.0/16 big
	members 1 3
	listen "$ID-3"
	reaches "$ID-1" "$(address_of "$ID-2")"
	reaches "$ID-1" 10.64.0.1
	run ! ip netns exec "$ID-1" ping -n -c 1 -W 1 10.64.99.99
	run ! ip netns exec "$ID-1" ping -n -b -c 1 -W 1 10.64.255.255
	assert_equal "$(heard "$ID-3")" '0 0'
	nsrun network create --subnet 10.65.0.0/16 noisy
	launch run -d --network noisy -b "$BUNDLE" "$ID-4"
	launch run -d --network noisy -b "$BUNDLE" "$ID-5"
	listen "$ID-5"
	run ! ip netns exec "$ID-4" ping -n -b -c 1 -W 1 10.65.255.255
	run ! ip netns exec "$ID-4" ping -n -c 1 -W 1 10.65.99.99
	assert_regex "$(heard "$ID-5")" '^[1-9][0-9]* [1-9][0-9]*$'
}

@test "static neighbours: what is gone is told by check and put back by reload" {
	local address
	nsrun network create --static-neighbours --subnet 10.64.0.0/16 big
	member 1
	address=$(address_of "$ID-1")
	run -0 nsrun network check big
	ip neigh del "$address" dev nsr-big
	run -4 nsrun network check big
	assert_output --partial "the host's neighbour entry of $address is gone"
	nsrun network reload big
	run -0 nsrun network check big
	ip link del nsr-big
	nsrun network reload big
	run -0 nsrun network check big
	ping -n -c 1 -W 5 "$address"
	ip -n "$ID-1" neigh del 10.64.0.1 dev eth0
	run -4 nsrun network check big
	assert_output --partial "its neighbour entry of 10.64.0.1 is gone"
	# A second network, while it lives: its entries go with it.
	nsrun network create --static-neighbours --subnet 10.65.0.0/16 more
	nsrun network connect more "$ID-1"
	assert_equal "$(ip -j neigh show dev nsr-more nud permanent | jq length)" 2
	nsrun network disconnect more "$ID-1"
	assert_equal "$(ip -j neigh show dev nsr-more nud permanent | jq length)" 0
}

@test "static neighbours: what a killed create has made is found" {
	nsrun network create --static-neighbours --subnet 10.64.0.0/16 big
	member 1
	run -137 env NSRUN_FAULT=link=kill "$NSRUN_FAULTY" create --network big -b "$BUNDLE" "$ID"
	assert_equal "$(ip -j neigh show dev nsr-big nud permanent | jq length)" 4
	nsrun delete --force "$ID"
	assert_equal "$(ip -j neigh show dev nsr-big nud permanent | jq length)" 2
}

@test "static neighbours: VLANs, other drivers and lists that are run plugin by plugin do without" {
	nsrun network create --static-neighbours --subnet 10.64.0.0/16 big
	refused '--static-neighbours is not for driver ptp' network create --driver ptp --static-neighbours other
	jq '.plugins[0].vlan = 7' "$NSRUN_NET_DIR/big.conflist" >"$BATS_TEST_TMPDIR/list"
	cp "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/big.conflist"
	refused 'big.conflist: nsrun.staticNeighbours does not go with VLANs' run --network big -b "$BUNDLE" "$ID"
	jq 'del(.plugins[0].vlan) | .plugins[0].type = "ptp"' "$BATS_TEST_TMPDIR/list" >"$NSRUN_NET_DIR/big.conflist"
	refused 'nsrun.staticNeighbours with plugin type "ptp" (plugins[0]): not supported yet' run --network big -b "$BUNDLE" "$ID"
}
