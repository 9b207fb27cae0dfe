#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# network ls, inspect and ports, netns ls and show: what they say of networks of every driver, line by line, and that
# their JSON says the same. (What is drawn, and what is wrong: graph.bats.)

load ../helpers
load helpers

setup()
{
	network_begin
	cd "$BATS_TEST_TMPDIR" || return
}

# member NET ID ARG...: a container that sleeps.
member()
{
	[[ -d $BATS_TEST_TMPDIR/idle ]] || make_bundle "$BATS_TEST_TMPDIR/idle" sleep 1000
	launch run -d -b "$BATS_TEST_TMPDIR/idle" --network "$1" "${@:3}" "$2"
}

create() { nsrun network create --ipv6=false "$@" >/dev/null; }

# stable: numbers and names that differ each time, and the blanks that follow them.
stable()
{
	sed -E "s/net:\[[0-9]+\]/net:[N]/; s/\b(ve|nc)[0-9a-f]{12,13}\b/VETH/g; s/\bveth[0-9a-f]{10}\b/VETH/g;
		s/\b([0-9a-f]{2}:){5}[0-9a-f]{2} [a-z]+/MAC STATE/g; s/pid [0-9]+/pid P/g; s,/proc/[0-9]+,/proc/P,;
		s/made 2[-0-9]+ [0-9:]+ UTC/made DATE/; s/fd[0-9a-f]{2}:[0-9a-f]+:[0-9a-f]+::/fdN::/g; s/$ID/ID/g; s/ {2,}/  /g; s/ +$//"
}

# shows COMMAND...: what it prints is what stands on stdin.
shows() { diff -u - <("$NSRUN" "$@" 2>&1 | stable); }

# Networks that are no bridge of ours: lan, pp, mixed.
create_others()
{
	create lan --driver macvlan -o parent=lan0 --subnet 192.0.2.0/24 --gateway 192.0.2.2 --ip-range 192.0.2.64/26
	create pp --driver ptp --subnet 10.92.0.0/24
	cat >"$NSRUN_NET_DIR/mixed.conflist" <<-'END'
		{"cniVersion": "1.0.0", "name": "mixed", "plugins": [
		 {"type": "bridge", "bridge": "br-mixed", "isGateway": true, "ipMasq": true,
		  "ipam": {"type": "host-local", "dataDir": "/run/leases", "subnet": "10.93.0.0/24"}},
		 {"type": "firewall", "backend": "iptables"}]}
	END
}

@test "network ls: every driver, its way out, names; the same in JSON and plain" {
	make_lan
	create web --subnet 10.90.0.0/24
	create db --internal --names=false --subnet 10.91.0.0/24 --isolate=false
	create_others
	member web "a$ID" --network db -p 8080-8082:80-82 -p 5353:53/udp
	member lan "b$ID"
	shows network ls <<-'END'
		NAME  DRIVER  SUBNET  GATEWAY  BRIDGE  MEMBERS  PORTS  FLAGS
		bridge  bridge  10.88.0.0/16,fdN::/64  10.88.0.1,fdN::1  nsrun0  0  0  nat
		db  bridge  10.91.0.0/24  10.91.0.1  nsr-db  1  0  internal,open
		lan  macvlan  192.0.2.0/24  192.0.2.2  -  1  0  lan,parent=lan0
		mixed  bridge  10.93.0.0/24  10.93.0.1  br-mixed  0  0  nat
		pp  ptp  10.92.0.0/24  10.92.0.1  -  0  0  nat,dns
		web  bridge  10.90.0.0/24  10.90.0.1  nsr-web  1  4  nat,dns
	END
	# Numbers stand on the right; plain has tabs and no head; JSON has the same columns.
	nsrun network ls | grep -qE '^NAME .* MEMBERS  PORTS  FLAGS$'
	nsrun network ls | grep -qE ' {8}1      4  nat,dns$'
	assert_equal "$(nsrun network ls --format plain | cut -f1,2,3,4,5,6,7,8 | grep ^web)" \
		$'web\tbridge\t10.90.0.0/24\t10.90.0.1\tnsr-web\t1\t4\tnat,dns'
	assert_equal "$(nsrun network ls --format json | jq -r '.networks[]
		| [.name, .driver, ([.ranges[].subnet] | join(",")), ([.ranges[].gateway] | join(",")), .bridge // "-", .members, .ports, (.flags | join(","))] | @tsv')" \
		"$(nsrun network ls --format plain)"
	assert_equal "$(nsrun network ls --format json | jq -c '[.networks[] | select(.dns).name]')" '["pp","web"]'
}

@test "network inspect: members by name, with names, limits and ports; strangers; what is wrong, status 4" {
	create web --subnet 10.90.0.0/24 --bandwidth ingress=8M --dns 192.0.2.53
	member web "b$ID" -p 127.0.0.1:8080:80
	member web "a$ID" --network-alias www --bandwidth egress=1G
	ip link add vethp0 master nsr-web up type veth peer name vethp1
	nsrun network inspect web >inspect.json
	assert_equal "$(jq -c '.[0] | [.schema, .name, .flags, .dns, .dnsServers, .link.kind, .link.up, .strangers, .problems]' inspect.json)" \
		'["nsrun.network/1","web",["nat","dns"],true,["192.0.2.53"],"bridge",true,["vethp0"],[]]'
	assert_equal "$(jq -c '.[0].members[] | [.container, .ifname, .address, .names, .nameServer, .live, (.ports | length),
		.bandwidth.ingressRate, .bandwidth.egressRate]' inspect.json | stable)" \
		'["aID","eth0","10.90.0.3/24",["aID","www"],"10.90.0.1",true,0,null,1000000000]
["bID","eth0","10.90.0.2/24",["bID"],"10.90.0.1",true,1,8000000,null]'
	ip link del vethp0
	host=$(jq -r '.[0].members[0].hostIfname' inspect.json)
	ip link set "$host" nomaster
	run -4 nsrun network inspect web
	assert_equal "$(jq -c '.[0] | [.members[0].live, .problems]' <<<"$output")" \
		"[false,[\"a$ID eth0: $host is not plugged into nsr-web\"]]"
	run -0 nsrun network inspect bridge # whose members are well
	ip link set "$host" master nsr-web
	# The limit is the kernel's, or it is none.
	tc qdisc del dev "$(jq -r '.[0].members[1].hostIfname' inspect.json)" root
	run -4 nsrun network inspect web
	assert_output --partial "b$ID eth0: "
	nsrun delete --force "b$ID"
	run -0 nsrun network inspect web
	refused 'network inspect: no network called "nope"' network inspect web nope
}

@test "network ports: by container and port, both families, ranges; the same in JSON" {
	nsrun network create --subnet 10.90.0.0/24 --subnet fd00:90::/64 web >/dev/null
	member web "b$ID" -p 9090:90 -p 127.0.0.1:7070:70/udp
	member web "a$ID" -p 8000-8010:80-90
	shows network ports <<-'END'
		PORT  CONTAINER  TARGET  NETWORK
		0.0.0.0:8000-8010/tcp  aID  10.90.0.3:80-90  web
		[::]:8000-8010/tcp  aID  [fd00:90::3]:80-90  web
		127.0.0.1:7070/udp  bID  10.90.0.2:70  web
		0.0.0.0:9090/tcp  bID  10.90.0.2:90  web
		[::]:9090/tcp  bID  [fd00:90::2]:90  web
	END
	assert_equal "$(nsrun network ports --format json | jq -c '.ports[] | [.protocol, .hostIP, .hostPort, .count, .containerIP, .containerPort, .network]')" \
		'["tcp","0.0.0.0",8000,11,"10.90.0.3",80,"web"]
["tcp","::",8000,11,"fd00:90::3",80,"web"]
["udp","127.0.0.1",7070,1,"10.90.0.2",70,"web"]
["tcp","0.0.0.0",9090,1,"10.90.0.2",90,"web"]
["tcp","::",9090,1,"fd00:90::2",90,"web"]'
}

@test "netns ls: ours, pins, containers without a pin, other programs' namespaces" {
	create web --subnet 10.90.0.0/24
	member web "a$ID"
	launch run -d -b "$BATS_TEST_TMPDIR/idle" --network "container:a$ID" "s$ID"
	launch run -d -b "$BATS_TEST_TMPDIR/idle" "z$ID"
	ip netns add "lab-$ID"
	unshare --net sleep 1000 3>&- &
	stranger=$!
	lives_apart() { [[ $(readlink "/proc/$stranger/ns/net") != "$(readlink /proc/self/ns/net)" && $(<"/proc/$stranger/comm") == sleep ]]; }
	wait_until lives_apart
	shows netns ls <<-'END'
		NAME  NAMESPACE  PATH  PROCESSES  USED BY
		aID  net:[N]  /run/netns/aID  2  aID, sID
		lab-ID  net:[N]  /run/netns/lab-ID  0  -
		zID  net:[N]  /proc/P/ns/net  1  zID
		?  net:[N]  /proc/P/ns/net  1  pid P sleep
	END
	assert_equal "$(nsrun netns ls -q)" "a$ID"$'\n'"lab-$ID"$'\n'"z$ID"
	nsrun netns ls --format json >ls.json
	assert_equal "$(jq -c '.namespaces[] | [.name, .containers, (.pids | length)]' ls.json | stable)" \
		'["aID",["aID","sID"],2]
["lab-ID",[],0]
["zID",["zID"],1]
[null,[],1]'
	assert_equal "$(jq -c '.namespaces[3] | [.path, .processes]' ls.json)" \
		"[\"/proc/$stranger/ns/net\",[{\"pid\":$stranger,\"program\":\"sleep\"}]]"
	run -0 nsrun netns show "/proc/$stranger/ns/net"
	assert_line "used by  ? (pid $stranger sleep)"
	kill -KILL "$stranger"
	wait "$stranger" || true
	ip netns del "lab-$ID"
}

@test "netns show: name servers, names, limits, rules; the same in JSON" {
	create web --subnet 10.90.0.0/24
	create db --internal --subnet 10.91.0.0/24
	member web "a$ID" --network db --network-alias www --bandwidth ingress=8M,egress=800k --dns-search example.com -p 8080:80
	ip -n "a$ID" rule add from 10.90.0.2 table 100 priority 500
	ip -n "a$ID" route add blackhole 10.5.0.0/16 table 100
	ip -n "a$ID" neigh replace 10.90.0.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent
	pid=$(pid_of "a$ID")
	LC_ALL=C.UTF-8 shows netns show "a$ID" <<-'END'
		aID  net:[N]  /run/netns/aID  owner root  made DATE by nsrun
		used by  aID (pid P sleep)
		IFACE  STATE  ADDRESS  PEER  NETWORK
		eth0  up  10.90.0.2/24  host VETH  web
		eth1  up  10.91.0.2/24  host VETH  db
		routes  blackhole 10.5.0.0/16 table 100 · default via 10.90.0.1 eth0 · 10.90.0.0/24 eth0 · 10.91.0.0/24 eth1
		rules  500: from 10.90.0.2/32 table 100
		neighbours 10.90.0.77 MAC STATE
		dns  10.90.0.1 · 10.91.0.1 · search dns.nsrun example.com  (/etc/resolv.conf of aID)
		names  aID, www on web · aID, www on db
		limits  eth0 in 8Mbit, out 800kbit · eth1 in 8Mbit, out 800kbit
		publish  0.0.0.0:8080 -> 80/tcp  0 connections
		try  nsrun netns exec aID -- ss -tnp
	END
	nsrun netns show --format json "a$ID" >show.json
	assert_equal "$(jq -c '[.schema, .name, .container, .owner, .dns.servers[0], .dns.search]' show.json | stable)" \
		'["nsrun.netns/1","aID","aID","root","10.90.0.1",["dns.nsrun","example.com"]]'
	assert_equal "$(jq -c '.names[] | [.network, .name, .aliases, .nameServer]' show.json | stable)" \
		'["web","aID",["www"],"10.90.0.1"]
["db","aID",["www"],"10.91.0.1"]'
	assert_equal "$(jq -c '.published[] | [.protocol, .hostIP, .hostPort, .containerPort, .count, .connections]' show.json)" \
		'["tcp","0.0.0.0",8080,80,1,0]'
	assert_equal "$(jq -c '.links[1] | [.name, .network, .bandwidth.ingressRate, .bandwidth.egressRate]' show.json)" \
		'["eth0","web",8000000,800000]'
	assert_equal "$(jq -c '.rules[] | select(.priority == 500) | [.from, .table]' show.json)" '["10.90.0.2/32",100]'
	assert_equal "$(jq -c '.neighbours[] | select(.address == "10.90.0.77") | [.mac, .state]' show.json)" \
		'["02:00:00:00:00:77","permanent"]'
	assert_equal "$(jq -c '.containers | map(.pid)' show.json)" "[$pid]"
}

@test "netns show: what stands on another link, and on which; a device of the host's; a list of other plugins" {
	make_lan
	create_others
	member lan "a$ID"
	member pp "b$ID"
	member mixed "c$ID"
	links() { nsrun netns show "$1" | sed -n '/^IFACE/,/^routes/{//!p}' | stable; }
	assert_equal "$(links "a$ID")" "eth0  up  192.0.2.64/24  macvlan on host lan0  lan"
	assert_equal "$(links "b$ID")" "eth0  up  10.92.0.2/24  host VETH  pp"
	assert_equal "$(links "c$ID")" "eth0  up  10.93.0.2/24  host VETH  mixed"
	nsrun network graph >/dev/null
	nsrun delete --force "c$ID"
	rm -r /run/leases # what foreign plugins never take away
}

@test "netns show: on a terminal, lines end where it ends" {
	create web --subnet 10.90.0.0/24
	member web "a$ID"
	for i in {1..6}; do ip -n "a$ID" route add "10.100.$i.0/24" via 10.90.0.1; done
	run -0 script -qec "stty cols 80; LC_ALL=C.UTF-8 $NSRUN netns show a$ID" /dev/null
	routes=$(tr -d '\r' <<<"$output" | sed -n '/^routes/,/^[^ r]/p' | sed '$d')
	assert_equal "$(wc -l <<<"$routes")" 4
	[[ $(awk '{ if (length > max) max = length } END { print max }' <<<"$routes") -le 80 ]]
	grep -q '^           10\.' <<<"$routes"
	run -0 nsrun netns show "a$ID"
	assert_line --regexp '^routes .*10\.100\.6\.0/24'
}
