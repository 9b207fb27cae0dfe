#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Addresses that are somebody's already, leases that outlive their makers, and how much an ADD looks at.

load ../helpers
load helpers

teardown()
{
	rm -f /run/nsrun/networks/leases/web/10.79.10* # the strangers' of the last test
	network_end
}

# Another machine on the bridge of the network web: ADDRESS on a port that is not ours.
stranger()
{
	ip netns add "other-$ID"
	ip link add stranger up master nsr-web type veth peer name eth0 netns "other-$ID"
	ip -n "other-$ID" addr add "$1/24" dev eth0
	ip -n "other-$ID" link set eth0 up
}

remove_stranger()
{
	ip link del stranger
	ip netns del "other-$ID"
}

# web: 10.79.0.0/24, with its bridge, and no container.
make_web()
{
	nsrun network create --subnet 10.79.0.0/24 --ipv6=false web
	make_bundle "$BUNDLE" ip -o -4 addr show eth0
	nsrun run -b "$BUNDLE" --network web "$ID" # 10.79.0.2
}

@test "an address that the neighbour table knows: asked for, refused by its MAC; otherwise the next" {
	make_web
	stranger 10.79.0.3
	ping -c 1 -W 2 10.79.0.3
	mac=$(ip netns exec "other-$ID" cat /sys/class/net/eth0/address)
	refused "address 10.79.0.3 is in use by $mac on bridge nsr-web" \
		run -b "$BUNDLE" --network web --ip 10.79.0.3 "$ID"
	run -0 --separate-stderr nsrun run -b "$BUNDLE" --network web "$ID"
	assert_output --partial "10.79.0.4/24"
	assert_regex "$stderr" "warning: network \"web\": address 10.79.0.3 is in use by $mac .*; another one is taken"
	# Gone: an entry alone is only a suspicion.
	remove_stranger
	run -0 nsrun run -b "$BUNDLE" --network web --ip 10.79.0.3 "$ID"
	assert_output --partial "10.79.0.3/24"
	assert_equal "$(find /run/nsrun/networks/leases/web -name '10.*')" ""
}

@test "an address that nobody has talked to is found by a probe, where the list asks for it" {
	make_web
	stranger 10.79.0.9
	run -0 nsrun run -b "$BUNDLE" --network web --ip 10.79.0.9 "$ID"
	jq '.nsrun += {"probe": true}' "$NSRUN_NET_DIR/web.conflist" >"$BATS_TEST_TMPDIR/list"
	cp "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/web.conflist"
	refused "address 10.79.0.9 is in use by" run -b "$BUNDLE" --network web --ip 10.79.0.9 "$ID"
	run -0 nsrun run -b "$BUNDLE" --network web --ip 10.79.0.10 "$ID"
	remove_stranger
	nsrun network rm web
	nsrun network create --subnet 10.79.0.0/24 --ipv6=false --probe web
	jq -e '.[0].probe' <<<"$(nsrun network inspect web)"
	jq -e '.nsrun.probe' "$NSRUN_NET_DIR/web.conflist"
}

@test "an address of the host's own is not given out" {
	make_web
	ip addr add 10.79.0.3/24 dev nsr-web
	refused "address 10.79.0.3 is in use by this host" run -b "$BUNDLE" --network web --ip 10.79.0.3 "$ID"
	run -0 nsrun run -b "$BUNDLE" --network web "$ID"
	assert_output --partial "10.79.0.4/24"
}

# host_local COMMAND ID: the reference plugin, on the lease folder of the network web.
host_local()
{
	jq -n '{cniVersion: "1.0.0", name: "web", type: "bridge", ipam: {type: "host-local",
		dataDir: "/run/nsrun/networks/leases", ranges: [[{subnet: "10.79.0.0/24"}]]}}' |
		CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=eth0 CNI_NETNS=/proc/self/ns/net CNI_PATH=/usr/lib/cni \
			/usr/lib/cni/host-local
}

@test "host-local on the same folder, at the same time: no address twice" {
	[[ -x /usr/lib/cni/host-local ]] || fail "the reference plugins are not installed: contrib/install test"
	make_web
	for i in {1..12}; do
		timeout 60 "$NSRUN" run -b "$BUNDLE" --network web "$ID-$i" >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
		pids[i]=$!
		host_local ADD "other$i" >"$BATS_TEST_TMPDIR/other.$i"
	done
	for i in {1..12}; do wait "${pids[i]}" || fail "$(<"$BATS_TEST_TMPDIR/out.$i")"; done
	assert_equal "$(cat "$BATS_TEST_TMPDIR"/out.* "$BATS_TEST_TMPDIR"/other.* | grep -o '10\.79\.0\.[0-9]*/' |
		sort | uniq -d)" ""
	assert_equal "$(ls /run/nsrun/networks/leases/web/10.* | wc -l)" 12 # the others' alone
	for i in {1..12}; do host_local DEL "other$i"; done
	assert_equal "$(find /run/nsrun/networks/leases/web -name '10.*')" ""
}

@test "a reboot: leases in a folder that lives on are dead, and taken over" {
	jq -n '{cniVersion: "1.0.0", name: "web", plugins: [{type: "bridge", bridge: "nsr-web", isGateway: true,
		ipam: {type: "host-local", dataDir: "/run/leases", ranges: [[{subnet: "10.79.0.0/29"}]]}}]}' \
		>"$NSRUN_NET_DIR/web.conflist"
	make_bundle "$BUNDLE"
	for i in 1 2 3 4 5; do launch run -d -b "$BUNDLE" --network web "$ID-$i"; done
	refused "all 5 addresses of 10.79.0.0/29 are in use" run -b "$BUNDLE" --network web "$ID-6"
	cp -a /run/leases "$BATS_TEST_TMPDIR/leases"
	for i in 1 2 3 4 5; do nsrun delete --force "$ID-$i"; done
	rm -r /run/leases
	cp -a "$BATS_TEST_TMPDIR/leases" /run/leases
	printf 'podmans\r\neth0' >/run/leases/web/10.79.0.2 # one that nsrun did not make
	launch run -d -b "$BUNDLE" --network web "$ID-6"
	assert_equal "$(address_of "$ID-6")" 10.79.0.3
}

# looks: how many files below the network's state `nsrun run` opens, and folders it reads.
looks()
{
	strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=open,openat,getdents64,access,faccessat,faccessat2 \
		"$NSRUN" run -b "$BUNDLE" --network web "$ID-n" >/dev/null 3>&-
	# Of a call that strace tells in two parts, the first.
	grep -v resumed "$BATS_TEST_TMPDIR/trace" | grep -c -e /run/nsrun/networks -e getdents64
}

@test "what an ADD and a DEL look at does not grow with the leases" {
	nsrun network create --subnet 10.79.0.0/16 --ipv6=false web
	make_bundle "$BUNDLE" true
	nsrun run -b "$BUNDLE" --network web "$ID-n"
	few=$(looks)
	for i in {0..1999}; do
		printf 'other%d\r\neth0' "$i" >"/run/nsrun/networks/leases/web/10.79.$((100 + i / 250)).$((i % 250))"
	done
	many=$(looks)
	((many <= few + 10)) || fail "$many looks with 2000 leases, $few without"
}
