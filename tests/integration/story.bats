# SPDX-License-Identifier: GPL-2.0-or-later
# The story that nsrun is for, on real programs: a web server in a container with a network, and those who
# look at it from everywhere. contrib/demo tells the same.

load ../helpers

setup()
{
	make_run_netns
	test_begin
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
	suffix=${ID##*-}
	WEB=web-$suffix NET=test-$suffix OTHER=other-$suffix
}

teardown_file() { umount /run/netns; }

teardown()
{
	local id net
	for id in $(nsrun list -q); do
		nsrun delete --force "$id" || true
	done
	for net in "$NET" "$OTHER"; do
		nsrun network rm "$net" 2>/dev/null || true
	done
	if [[ -e /run/netns/lan-$suffix ]]; then
		ip netns pids "lan-$suffix" | xargs -r kill
		ip link delete lan0
		ip netns delete "lan-$suffix"
		rm -f /run/index.html
	fi
	nothing_left
}

# bundle KIND DIR: as contrib/bundle makes it; made once for the file.
bundle()
{
	local made=$BATS_FILE_TMPDIR/$1
	[[ -d $made ]] || "$SOURCE/contrib/bundle" "$1" "$made"
	cp -a "$made" "$2"
}

# web_up [OPTION...]: the first two points of the story.
web_up()
{
	[[ -x /usr/sbin/nginx ]] || skip "nginx is not installed"
	cd "$BATS_TEST_TMPDIR" || return
	bundle web webbundle
	bundle tool toolbundle
	nsrun network create --driver bridge "$NET"
	launch run -d --network "$NET" -p 8080:80 -b webbundle "$WEB"
	assert_output ""
	wait_until busybox wget -q -O /dev/null 127.0.0.1:8080
	address=$(nsrun state "$WEB" | jq -r '.network.result.attachments[0].address')
	gateway=$(nsrun state "$WEB" | jq -r '.network.result.attachments[0].gateway')
	address=${address%/*}
}

# page COMMAND...: it prints nginx's page.
page()
{
	run -0 "$@"
	assert_output --partial "<title>Welcome to nginx!</title>"
}

tool() { nsrun run -b toolbundle "$@" </dev/null; }

@test "create a network: a free subnet, nothing made on the host yet" {
	local before
	before=$(ip -o link; nft list ruleset)
	run -0 nsrun network create --driver bridge "$NET"
	assert_output --regexp "^$NET +10\.[0-9.]+/24"
	run -0 nsrun network ls -q
	assert_line "$NET"
	assert_equal "$(ip -o link; nft list ruleset)" "$before"
	run -0 nsrun network rm "$NET"
}

@test "run -d: nginx runs, and no process of nsrun stays" {
	web_up
	assert_status running "$WEB"
	run -0 nsrun ps -f json "$WEB"
	assert_equal "$(jq length <<<"$output")" 2
	assert_equal "$(readlink "/proc/$(pid_of "$WEB")/exe")" /usr/sbin/nginx
	run -1 grep -lsx "$(basename "$NSRUN")" /proc/[0-9]*/comm
}

@test "who reaches it: its joiner by localhost, the host by the port, its network by address" {
	web_up
	page tool --network "container:$WEB" "$ID" wget -qO- localhost
	page busybox wget -qO- 127.0.0.1:8080
	page busybox wget -qO- "$gateway:8080"
	page busybox wget -qO- "$address"
	page tool --network "$NET" "$ID" wget -qO- "$address"
	# By the published port as well, from inside the network and from the container itself.
	page tool --network "$NET" "$ID" wget -qO- "$gateway:8080"
	page nsrun exec "$WEB" wget -qO- "$gateway:8080"
}

@test "who does not: another network, but by the published port" {
	web_up
	nsrun network create "$OTHER"
	run -1 tool --network "$OTHER" "$ID" nc -w 1 "$address" 80
	assert_output --partial "timed out"
	page tool --network "$OTHER" "$ID" wget -qO- "$gateway:8080"
	# Nor is the other way open.
	launch run -d --network "$OTHER" -b toolbundle "$ID" httpd -f -p 80
	wait_until nsrun exec "$ID" nc -w 1 127.0.0.1 80
	stranger=$(nsrun state "$ID" | jq -r '.network.result.attachments[0].address')
	run -1 nsrun exec "$WEB" nc -w 1 "${stranger%/*}" 80
	assert_output --partial "timed out"
}

# As a machine that has the host as its router.
neighbour_up()
{
	ip netns add "lan-$suffix"
	ip link add lan0 type veth peer name eth0 netns "lan-$suffix"
	ip addr add 192.0.2.1/24 dev lan0
	ip link set lan0 up
	ip -n "lan-$suffix" link set lo up
	ip -n "lan-$suffix" addr add 192.0.2.2/24 dev eth0
	ip -n "lan-$suffix" link set eth0 up
	ip -n "lan-$suffix" route add default via 192.0.2.1
}

neighbour() { ip netns exec "lan-$suffix" busybox "$@"; }

@test "a neighbour on the LAN reaches the published port, and nothing else" {
	web_up
	neighbour_up
	page neighbour wget -qO- 192.0.2.1:8080
	run -1 neighbour nc -w 1 "$address" 80 </dev/null
	assert_output --partial "timed out"
	# The way out is open, behind the host's address: the neighbour has no route back to a container's.
	ip -n "lan-$suffix" route delete default
	neighbour httpd -p 192.0.2.2:80 -h /run
	echo neighbourly >/run/index.html
	run -0 nsrun exec "$WEB" wget -qO- 192.0.2.2
	assert_output neighbourly
}

@test "its own loopback, eth0 and routes" {
	web_up
	run -0 nsrun exec "$WEB" ip addr
	assert_line --regexp "^1: lo: <LOOPBACK,UP,LOWER_UP>"
	assert_line --regexp "inet 127\.0\.0\.1/8 scope host lo"
	assert_line --regexp "^[0-9]+: eth0@.*UP"
	assert_line --regexp "inet $address/24 .*eth0"
	run -0 nsrun exec "$WEB" ip route
	assert_line --regexp "^default via $gateway dev eth0"
	assert_equal "${#lines[@]}" 2
	# A joiner sees the very same; the host has another namespace.
	run -0 tool --network "container:$WEB" "$ID" ip -o addr
	assert_output --partial "$address/24"
	run -0 tool --network "container:$WEB" "$ID" readlink /proc/self/ns/net
	assert_output "$(readlink "/proc/$(pid_of "$WEB")/ns/net")"
	refute_output "$(readlink /proc/self/ns/net)"
}

@test "the host's tools find the namespace by the path in the state" {
	web_up
	run -0 jq -r .network.sandboxKey <(nsrun state "$WEB")
	assert_output "/run/netns/$WEB"
	assert_equal "net:[$(stat -Lc %i "/run/netns/$WEB")]" "$(readlink "/proc/$(pid_of "$WEB")/ns/net")"
	run -0 ip netns exec "$WEB" ip -o link
	assert_equal "${#lines[@]}" 2
	assert_output --regexp "2: eth0@"
	run -0 nsrun netns ls -q
	assert_line "$WEB"
	run -0 nsrun netns exec "$WEB" ip -o link
	assert_output --regexp "2: eth0@"
	run -0 nsrun netns show "$WEB"
	assert_output --partial "$address/24"
}

@test "ARP and routing tables are not the host's" {
	local mac bridge
	web_up
	bridge=$(nsrun state "$WEB" | jq -r '.network.result.attachments[0].bridge')
	mac=$(nsrun state "$WEB" | jq -r '.network.result.attachments[0].mac')
	nsrun exec "$WEB" wget -q -O /dev/null "$gateway:8080"
	# In the container the gateway, with the bridge's MAC; on the host the container, with its own.
	run -0 ip -n "$WEB" neigh
	assert_output --regexp "$gateway dev eth0 lladdr $(ip -j link show "$bridge" | jq -r '.[].address') "
	run -0 ip neigh
	assert_output --regexp "$address dev $bridge lladdr $mac "
	refute_output --partial eth0
	run -0 ip -n "$WEB" route
	assert_output --partial "default via $gateway dev eth0"
	run -0 ip route
	refute_output --partial default
	assert_output --partial "dev $bridge"
}

@test "the same two containers by linux.namespaces[network].path alone" {
	local before
	web_up
	before=$(nsrun netns exec "$WEB" ip -o addr)
	set_config -b toolbundle '(.linux.namespaces[] | select(.type == "network")).path = $path' \
		--arg path "/proc/$(pid_of "$WEB")/ns/net"
	page tool "$ID" wget -qO- localhost
	run -0 tool "$ID" readlink /proc/self/ns/net
	assert_output "$(readlink "/proc/$(pid_of "$WEB")/ns/net")"
	# Joined, not touched: not by the one that came and went either.
	assert_equal "$(nsrun netns exec "$WEB" ip -o addr)" "$before"
	page busybox wget -qO- 127.0.0.1:8080
	# By the pin too; and a flag beside a path is refused.
	set_config -b toolbundle '(.linux.namespaces[] | select(.type == "network")).path = $path' \
		--arg path "/run/netns/$WEB"
	page tool "$ID" wget -qO- localhost
	refused "config.json joins the network namespace" run --network "$NET" -b toolbundle "$ID" true
}

@test "the end: delete --force and network rm leave nothing" {
	web_up
	nsrun network create "$OTHER"
	launch run -d --network "$OTHER" -b toolbundle "$ID" sleep 1000
	refused "$WEB" network rm "$NET"
	run -0 nsrun delete --force "$WEB" "$ID"
	run -0 nsrun network rm "$NET" "$OTHER"
	nothing_left
	run -1 busybox wget -qO- 127.0.0.1:8080
	run -0 find /run/nsrun -mindepth 1 ! -type d
	assert_output ""
	run -0 find /run/nsrun -mindepth 1 -path "*$suffix*"
	assert_output ""
	run -0 find "$NSRUN_NET_DIR" -mindepth 1
	assert_output ""
	# Again: nothing of the first time is in the way.
	rm -r webbundle toolbundle
	web_up
}
