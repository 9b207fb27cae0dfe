#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# network graph and netns show: what they draw, in each format, of whom, and that they notice what is wrong.

load ../helpers

PICTURE=$SOURCE/contrib/picture
PAGE=$SOURCE/docs/picture.md

setup()
{
	test_begin
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d LC_ALL=C.UTF-8 TAG=$ID
	mkdir "$NSRUN_NET_DIR" "$BATS_TEST_TMPDIR/host"
	cd "$BATS_TEST_TMPDIR/host" || return
}

teardown()
{
	local id name
	for name in vethp0 vethx docker0 eth0; do ip link delete "$name" 2>/dev/null || true; done
	for id in $(nsrun list -q) $(nsrun --root "$BATS_TEST_TMPDIR/root2" list -q); do
		nsrun delete --force "$id"
		nsrun --root "$BATS_TEST_TMPDIR/root2" delete --force "$id"
	done
	for name in $(ip netns list | cut -d' ' -f1); do ip netns delete "$name"; done
	for name in $(nsrun network ls -q); do nsrun network rm "$name"; done
	[[ ! -e /run/netns ]] || ! mountpoint -q /run/netns || umount -l /run/netns
	echo 0 >/proc/sys/net/ipv4/ip_forward
	echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
	! mountpoint -q /run/nsrun || umount /run/nsrun
	[[ ! ${stranger-} ]] || kill -KILL "$stranger"
	nft delete table inet nsrun 2>/dev/null || true
	test_end
}

# The host of docs/picture.md; its containers have the ids that they have there.
make_host() { "$PICTURE" --host; }

# graph [OPTION...]: as it is drawn, but for what differs each time.
graph() { nsrun network graph "$@" | "$PICTURE" --stable; }

# block LANGUAGE: of the page.
block() { awk -v begin="\`\`\`$1" '$0 == begin { on = 1; next } /^```/ { on = 0 } on' "$PAGE"; }

# json FILTER: of what the graph says.
json() { nsrun network graph --format json | jq -r "$1"; }

# one NETWORK [OPTION...]: a network, of IPv4 unless $ipv6 says more, and a container "one" on it, alone.
one()
{
	make_bundle "$BUNDLE"
	set_config '.linux.cgroupsPath = $p' --arg p "/$ID"
	nsrun network create --subnet 10.90.0.0/24 "${ipv6:---ipv6=false}" web
	launch run -d -b "$BUNDLE" "$@" one
}

# in_trouble TEXT...: the graph ends with 4 and these problems, in this order.
in_trouble()
{
	local expected
	run -4 nsrun network graph --format json
	expected=$(printf '%s\n' "$@")
	assert_equal "$(jq -r '.problems[].text' <<<"$output")" "$expected"
}

at_peace()
{
	run -0 nsrun network graph
	refute_output --partial problem
}

@test "the host of docs/picture.md looks as the page says" {
	make_host
	at_peace
	assert_equal "$(graph)" "$(block text)"
	assert_equal "$(graph --format mermaid)" "$(block mermaid)"
	# Without UTF-8: asked for, or because the locale has none. The same otherwise.
	typed=$(block text | sed 's/├─/|-/; s/└─/`-/; s/│  ├─/|  |-/; s/│  └─/|  `-/; s/├─/|-/; s/└─/`-/; s/│/|/g; s/──/--/; s/├─/|-/g; s/└─/`-/g')
	assert_equal "$(graph --ascii)" "$typed"
	assert_equal "$(LC_ALL=C graph)" "$typed"
	assert_equal "$(LC_ALL='' LC_CTYPE='' LANG='' graph)" "$typed"
	assert_equal "$(LC_ALL='' LC_CTYPE='' LANG=C.utf8 graph)" "$(block text)"
	assert_equal "$(graph --ascii | tr -d '\n -~')" ""
}

@test "dot, mermaid and JSON have the same ids; dot reads the one" {
	make_host
	nsrun network graph --format dot >picture.dot
	dot -Tsvg picture.dot >picture.svg
	grep -q '</svg>' picture.svg
	# A cluster is a namespace, a hexagon a bridge, a dashed line a published port.
	run -0 grep -c hexagon picture.dot
	assert_output 4
	run -0 grep dashed picture.dot
	assert_output --regexp '^	port_tcp_8080_[0-9a-z_]+ -- if_shop_eth0 \[style=dashed, .*label="80/tcp"\];$'
	nsrun network graph --format mermaid >picture.mmd
	assert_equal "$(grep -c subgraph picture.mmd)" "$(grep -c '^    end$' picture.mmd)"
	assert_equal "$(grep -c '{{' picture.mmd)" 4
	run -0 grep -e '-[.]->' picture.mmd
	assert_output --regexp '^    port_tcp_8080_[0-9a-z_]+ -\.->\|"80/tcp"\| if_shop_eth0$'

	nodes=$(sed -nE 's/^\t+([a-z_0-9A-Z]+) \[shape=.*/\1/p' picture.dot | sort)
	assert_equal "$(sed -nE 's/^ {4,8}([a-z_0-9A-Z]+)(\[|\{\{|\().*/\1/p' picture.mmd | sort)" "$nodes"
	assert_equal "$(grep -oE 'cluster_[a-zA-Z0-9_]+' picture.dot | sed s/cluster_// | sort)" \
		"$(sed -nE 's/^    subgraph ([a-zA-Z0-9_]+)\[.*/\1/p' picture.mmd | sort)"
	nsrun network graph --format json >picture.json
	while read -r id; do
		jq -e --arg id "${id#alone_}" 'any(.. | objects; .id == $id)' picture.json >/dev/null || fail "no $id in JSON"
	done <<<"$nodes"
	# No line ends at what is not drawn.
	while read -r a b; do
		grep -qx "$a" <<<"$nodes" || fail "no node $a"
		grep -qx "$b" <<<"$nodes" || fail "no node $b"
	done < <(sed -nE 's/^\t([a-z_0-9A-Z]+) -- ([a-z_0-9A-Z]+) .*/\1 \2/p' picture.dot)
}

@test "JSON: a schema, and all that is drawn" {
	make_host
	nsrun network graph --format json >picture.json
	run -0 jq -c '[.schema, .host.uplink.ifname, .host.uplink.addresses[0], .host.uplink.gateway, .host.forwarding]' picture.json
	assert_output '["nsrun.graph/1","eth0","192.0.2.10/24","192.0.2.1",true]'
	run -0 jq -c '.networks[] | [.name, .bridge, .masquerade, [.members[] | [.container, .ifname, .addresses[0]]]]' picture.json
	assert_output - <<-'END'
		["bridge","nsrun0",true,[]]
		["db","nsr-db",false,[["app","eth1","10.91.0.2/24"],["sql","eth0","10.91.0.3/24"]]]
		["ops","nsr-ops",true,[["metrics","eth0","10.92.0.2/24"]]]
		["web","nsr-web",true,[["app","eth0","10.90.0.3/24"],["shop","eth0","10.90.0.2/24"],[null,"eth0","10.90.0.9/24"]]]
		[null,"docker0",null,[]]
	END
	run -0 jq -c '.networks[].members[].ports[] | [.protocol, .hostIP, .hostPort, .containerPort, .count]' picture.json
	assert_output '["tcp","0.0.0.0",8080,80,1]'
	run -0 jq -c '.links[] | [.a.name, .a.ifname, .b.name, .b.ifname, .down]' picture.json
	assert_output '["metrics","lnk0","sql","lnk0",false]'
	run -0 jq -c '[.alone[] | [.name, .why]], .problems' picture.json
	assert_output - <<-'END'
		[["agent","host's network"],["batch","loopback only"]]
		[]
	END
	# Each veth's other end names it in turn.
	run -0 jq -r '[.namespaces[].links[] | select(.peer) | {(.id): .peer}] | add as $peer
		| [$peer | to_entries[] | $peer[.value] == .key] | "\(length) \(all)"' picture.json
	assert_output "14 true"
	run -0 jq -r '.namespaces[] | select(.name == "shop") | [.containers[].id] | sort | join(" ")' picture.json
	assert_output "logger shop side"
	inode=$(stat -Lc %i /run/netns/shop)
	run -0 jq -r '.namespaces[] | select(.name == "shop") | .inode' picture.json
	assert_output "$inode"
}

@test "-a: MACs, MTUs, fe80::, and the network that nobody uses" {
	ipv6=--subnet=fd00:90::/64 one --network web
	run -0 nsrun network graph -a
	mac=$(ip netns exec one cat /sys/class/net/eth0/address 2>/dev/null || ip -n one -j link show eth0 | jq -r '.[0].address')
	assert_line --regexp "^   └─ one .* $(ip -n one -j addr show eth0 | jq -r '.[0].addr_info[] | select(.scope == "link").local')  ve[0-9a-f]+  $mac mtu 1500$"
	assert_line --regexp '─ bridge  bridge nsrun0   10\.88\.0\.0/16 .* no bridge yet  '
	run -0 nsrun network graph
	refute_output --partial "$mac"
	refute_output --partial nsrun0
	run -0 nsrun network graph -a --format dot
	assert_output --partial "$mac mtu 1500"
}

@test "a stranger: the process that lives there; another container; the host itself" {
	one --network web
	unshare --net sleep 1000 &
	stranger=$!
	lives_apart()
	{
		[[ $(readlink "/proc/$stranger/ns/net") != "$(readlink /proc/self/ns/net)" &&
			$(<"/proc/$stranger/comm") == sleep ]]
	}
	wait_until lives_apart
	ip link add vethx master nsr-web up type veth peer name eth7 netns "$stranger"
	run -0 nsrun network graph
	assert_line --regexp "^   └─ \?     eth7 +vethx +pid $stranger sleep, not made by nsrun$"
	assert_line --regexp "─ web .* 2 members$"
	ip link delete vethx
	ip link add vethx master nsr-web up type veth peer name eth7 netns one
	run -0 nsrun network graph
	assert_line --regexp "^   └─ \?     eth7 +vethx +in container one, not made by nsrun$"
	ip link delete vethx
	ip link add vethx master nsr-web up type veth peer name vethp0
	run -0 nsrun network graph
	assert_line --regexp "^   └─ \?     vethp0 +vethx +the host's, not made by nsrun$"
	ip link delete vethx
	# No veth: nobody is behind it.
	ip link add vethx master nsr-web up type ifb 2>/dev/null || ip tuntap add vethx mode tap
	ip link set vethx master nsr-web
	run -0 nsrun network graph
	assert_line --regexp "^   └─ \?     \? +vethx +not made by nsrun$"
}

@test "a link that is down, on either side" {
	one --network web
	host=$(json '.networks[].members[].hostIfname')
	at_peace
	ip link set "$host" down
	in_trouble "one eth0 has no carrier: $host is down on the host"
	run -4 nsrun network graph
	assert_line --regexp "─ one   eth0  10\.90\.0\.2  $host  ! down$"
	assert_line "1 problem: one eth0 has no carrier: $host is down on the host  see: nsrun netns show one"
	ip link set "$host" up
	ip -n one link set eth0 down
	in_trouble "one eth0 is down"
	run -4 nsrun netns show one
	assert_line --regexp '^eth0 +down +10\.90\.0\.2/24 '
	assert_line "problem    one eth0 is down"
	run -4 nsrun netns show --format json one
	assert_equal "$(jq -c .problems <<<"$output")" '["one eth0 is down"]'
	ip -n one link set eth0 up
	at_peace
	run -0 nsrun netns show one
}

@test "addresses that records and kernel do not share" {
	one --network web
	ip -n one addr add 10.90.0.77/24 dev eth0
	in_trouble "one eth0 has 10.90.0.77, which is not on record"
	ip -n one addr flush dev eth0 scope global
	in_trouble "one eth0 lacks its address 10.90.0.2"
	ip -n one addr add 10.90.0.2/24 dev eth0
	at_peace
	ip addr delete 10.90.0.1/24 dev nsr-web
	in_trouble "nsr-web lacks its address 10.90.0.1"
	ip addr add 10.90.0.1/24 dev nsr-web
	ip netns add lab
	ip link add vethp0 master nsr-web up type veth peer name eth0 netns lab
	ip -n lab addr add 10.90.0.2/24 dev eth0
	in_trouble "10.90.0.2 is both one's ($(json '.networks[].members[0].hostIfname // empty')) and a stranger's (vethp0)"
}

@test "a veth that is unplugged, renamed, gone; a bridge that is gone" {
	one --network web
	host=$(json '.networks[].members[].hostIfname')
	ip link set "$host" nomaster
	in_trouble "one eth0: $host is not plugged into nsr-web"
	ip link set "$host" master nsr-web
	ip -n one link set eth0 name lan0
	in_trouble "one eth0 is called lan0 now"
	ip -n one link set lan0 name eth0
	at_peace
	ip link delete nsr-web
	in_trouble "network web has members, but no bridge nsr-web"
	ip link delete "$host"
	in_trouble "network web has members, but no bridge nsr-web" "one eth0 is on record, but there is no link $host"
	run -4 nsrun network graph
	assert_line "2 problems:"
	assert_line --regexp "─ one   eth0  10\.90\.0\.2  $host  ! missing$"
}

@test "a link: drawn, and missed; a cable that nsrun did not lay" {
	one --network web
	ip netns add lab
	ip -n one link add p0 type veth peer name p0 netns lab
	run -0 nsrun network graph
	assert_line "└─ link  lab p0 ── p0 one  not made by nsrun  ! down"
	ip -n one link delete p0
	nsrun network link --subnet 10.99.0.0/30 one lab
	run -0 nsrun network graph
	assert_line "└─ link  one lnk0 10.99.0.1/30 ── 10.99.0.2/30 lnk0 lab"
	assert_equal "$(json '.links[].recorded')" true
	ip -n lab link set lnk0 down
	in_trouble "lab lnk0 is down"
	run -4 nsrun netns show lab
	run -0 nsrun netns show one
	ip -n lab link set lnk0 up
	ip -n one addr flush dev lnk0
	in_trouble "one lnk0 lacks its address 10.99.0.1"
	run -4 nsrun netns show one
	ip -n one link delete lnk0
	in_trouble "link one lab is on record, but there is no veth"
	run -4 nsrun network graph
	assert_line --regexp "see: nsrun network unlink one lab$"
	nsrun network unlink one lab
	at_peace
}

@test "a published port without its rule; forwarding that is off" {
	one --network web -p 8080-8082:80-82 -p 127.0.0.1:9090:90/udp
	at_peace
	run -0 nsrun network graph
	assert_line --partial "  0.0.0.0:8080-8082 -> 80-82/tcp, 127.0.0.1:9090 -> 90/udp"
	nft delete table inet nsrun
	in_trouble "one: port 8080/tcp is on record, but has no rule" "one: port 8081/tcp is on record, but has no rule" \
		"one: port 8082/tcp is on record, but has no rule" "one: port 9090/udp is on record, but has no rule"
	nsrun delete --force one
	at_peace
	launch run -d -b "$BUNDLE" --network web one
	echo 0 >/proc/sys/net/ipv4/ip_forward
	in_trouble "forwarding is off, so members of web do not get out"
	run -4 nsrun network graph
	assert_line --regexp 'forwarding off$'
}

@test "what the kernel has and no record: a rule for a port, a veth of a container that is gone" {
	one --network web -p 8080:80
	nft add element inet nsrun any4 '{ tcp . 9999 : 10.90.0.77 . 9 }'
	nft add element inet nsrun one4 '{ 192.0.2.9 . udp . 53 : 10.90.0.77 . 53 }'
	in_trouble "port 9999/tcp leads to 10.90.0.77, but is of no container on record" \
		"port 53/udp leads to 10.90.0.77, but is of no container on record"
	# The hint is the command that mends it.
	for key in 9999/tcp 53/udp; do
		hint=$(nsrun network graph | sed -nE "s,.*port $key .*see: ,,p")
		eval "$hint"
	done
	at_peace
	run -0 nft list map inet nsrun any4
	assert_output --partial "tcp . 8080 : 10.90.0.2 . 80"
	# The namespace lives on by a process of somebody else's, the container is deleted.
	ip netns exec one sleep 1000 3>&- &
	stranger=$!
	wait_until grep -qx sleep "/proc/$stranger/comm"
	nsrun delete --force one
	in_trouble "$(json '.networks[].members[].hostIfname'), the host end of eth0, is of no container on record"
	run -4 nsrun network graph
	assert_line --regexp "─ \?     eth0 .*  pid $stranger sleep, left by a container that is gone  ! left$"
	nsrun network gc
	wait_until at_peace
	kill -KILL "$stranger"
	wait "$stranger" || true
	unset stranger
}

@test "an attachment that was left half is a problem, one that is being made is none" {
	one --network web
	record=$(echo /run/nsrun/networks/attachments/*.json)
	jq '.complete = false' "$record" >record.json
	cp record.json "$record"
	in_trouble "one was attached half"
	run -4 nsrun network graph
	assert_line --regexp '─ one .*\(unfinished\)$'
	# Whoever makes or changes a container holds a lock on its directory.
	jq '.complete = false' /run/nsrun/containers/one/record.json >half.json
	cp half.json /run/nsrun/containers/one/record.json
	exec 7</run/nsrun/containers/one
	flock 7
	assert_status creating one
	run -0 nsrun network graph
	exec 7<&-
}

@test "nothing at all; a stopped container; one of another --root" {
	run -0 nsrun network graph
	assert_output --regexp '^host  no default route +forwarding off$'
	one --network web
	nsrun kill one KILL
	wait_until is_status stopped one
	run -0 nsrun network graph
	assert_line --regexp '─ one .*\(stopped\)$'
	run -0 nsrun --root "$BATS_TEST_TMPDIR/root2" network graph
	assert_line --regexp '─ one   eth0  10\.90\.0\.2  ve[0-9a-f]+$'
}

@test "namespaces that come and go while we look" {
	one --network web
	(
		for i in {1..40}; do
			ip netns add "go$i"
			ip link add vethx master nsr-web up type veth peer name eth0 netns "go$i"
			ip netns delete "go$i"
			ip link delete vethx 2>/dev/null || true
		done
	) &
	for i in {1..40}; do
		run -0 timeout 20 "$NSRUN" network graph
		run -0 timeout 20 "$NSRUN" netns show one
	done
	wait $!
}

# unprivileged ARG...: nsrun as nobody, with state of its own.
unprivileged()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all \
		env NSRUN_ROOT=/run/nsrun/containers "$NSRUN" --net-dir /run/net.d "$@"
}

@test "without privileges: what may be seen, and that there is more" {
	mkdir -p /run/nsrun
	mount -t tmpfs -o mode=0755 records /run/nsrun
	ip netns add lab
	run -0 unprivileged network graph
	assert_line "└─ alone: lab (not looked into)"
	assert_line "not looked into: 1 namespace, which needs CAP_SYS_ADMIN"
	run -1 unprivileged netns show lab
	assert_output "nsrun: netns show: to look into lab needs CAP_SYS_ADMIN; uid 65534 lacks it"
	# Without the records every member would be a stranger: no picture.
	mkdir -p /run/nsrun/networks
	chmod 0700 /run/nsrun/networks
	run -1 unprivileged network graph
	assert_output 'nsrun: network graph: read "/run/nsrun/networks/attachments": access refused'
}

@test "what others named cannot write to the terminal" {
	one --network web
	ip link add $'v\e[2J' master nsr-web type veth peer name $'p\e]0;x'
	run -0 nsrun network graph
	assert_line --partial 'v?[2J'
	ip link delete $'v\e[2J'
}

@test "netns show: as it is drawn" {
	make_host
	wait_until wget -qO- --tries=1 http://127.0.0.1:8080/
	run -0 nsrun netns show shop
	inode=$(stat -Lc %i /run/netns/shop)
	assert_line --index 0 --regexp "^shop   net:\[$inode\]   /run/netns/shop   owner root   made .* by nsrun$"
	pid=$(pid_of shop)
	assert_line --index 1 --regexp "^used by  logger \(pid [0-9]+ sleep\), shop \(pid $pid httpd\), side \(pid [0-9]+ sleep\)$"
	assert_line --index 2 --regexp '^IFACE  STATE  ADDRESS +PEER +NETWORK$'
	assert_line --index 3 --regexp '^eth0   up     10\.90\.0\.2/24.*  host ve[0-9a-f]{12}  web$'
	assert_line --regexp '^routes     default via 10\.90\.0\.1 eth0 · 10\.90\.0\.0/24 eth0'
	assert_line --regexp '^neighbours .*10\.90\.0\.1 [0-9a-f:]{17} [a-z]+'
	assert_line --regexp '^dns        .* \(/etc/resolv\.conf of shop\)$'
	assert_line --regexp '^publish    0\.0\.0\.0:8080 -> 80/tcp   [1-9][0-9]* connections?$'
	assert_line --regexp '^listen     .*:80/tcp httpd'
	assert_line --index -1 "try        nsrun netns exec shop -- ss -tnp"
	refute_line --regexp '^lo '
	run -0 nsrun netns show -a --ascii shop
	assert_line --regexp '^lo +up +127\.0\.0\.1/8 '
	assert_equal "$(tr -d '\n -~' <<<"$output")" ""
	# A cable's other end, and whose that is.
	run -0 nsrun netns show sql
	assert_line --regexp '^lnk0   up     10\.99\.0\.2/30 +netns metrics, lnk0 +\(link\)$'
	run -0 nsrun netns show --format json sql
	assert_equal "$(jq -c '.links[] | select(.name == "lnk0") | [.network, .peer.namespace, .peer.name]' <<<"$output")" \
		'["(link)","metrics","lnk0"]'
	# A pin that nsrun did not make.
	run -0 nsrun netns show lab
	assert_line --index 0 --regexp '^lab   net:\[[0-9]+\]   /run/netns/lab$'
	assert_line --index 1 "used by  nobody"
	assert_line --regexp '^eth0   up     10\.90\.0\.9/24 +host vethp0 +web$'
}

@test "netns show: a name that is nearly one" {
	one --network web
	run -1 nsrun --log "$PWD/log" --log-format json netns show onr
	assert_equal "$(jq -r .msg log)" "netns show: no network namespace called onr"
	assert_equal "$(jq -r .hint log)" "nsrun netns ls; did you mean one?"
	assert_equal "$(wc -l <log)" 1
}
