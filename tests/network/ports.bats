#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Published ports: who reaches them from where, what is refused, what becomes of flows, what is told.

load ../helpers
load helpers

# With and without bridges that pass their packets to iptables, where the kernel can do that.
bridge_nf() { [[ ! -e /proc/sys/net/bridge ]] && echo 0 || printf '0\n1\n'; }
set_bridge_nf()
{
	[[ ! -e /proc/sys/net/bridge ]] ||
		echo "$1" | tee /proc/sys/net/bridge/bridge-nf-call-{ip,ip6}tables >/dev/null
}

# The bridge's own address of IPv6.
gateway6() { nsrun state "$1" | jq -r '.network.result.attachments[0].gateway6'; }

@test "IPv6: from the host's address, from the LAN, from a neighbour, from itself; ::1 is refused at once" {
	make_lan
	for call in $(bridge_nf); do
		set_bridge_nf "$call"
		serve "$ID-a" --network bridge -p 8080:80
		serve "$ID-b" --network bridge
		gateway=$(gateway6 "$ID-a")
		assert_equal "$(fetch "http://[$gateway]:8080/")" "hello-from-$ID-a"
		assert_equal "$(fetch "http://[2001:db8:5::1]:8080/")" "hello-from-$ID-a"
		assert_equal "$(from_container "lan-$ID" "http://[2001:db8:5::1]:8080/")" "hello-from-$ID-a"
		assert_equal "$(from_container "$ID-b" "http://[$gateway]:8080/")" "hello-from-$ID-a"
		assert_equal "$(from_container "$ID-b" "http://[2001:db8:5::1]:8080/")" "hello-from-$ID-a"
		assert_equal "$(from_container "$ID-a" "http://[$gateway]:8080/")" "hello-from-$ID-a"
		run wget -t 1 -T 5 -O- "http://[::1]:8080/"
		assert_failure
		assert_output --partial "Connection refused"
		assert_equal "$(fetch http://localhost:8080/)" "hello-from-$ID-a" # falls back to 127.0.0.1
		nsrun delete --force "$ID-a"
		nsrun delete --force "$ID-b"
	done
}

@test "IPv6: on one host address, on all of IPv6, on all of IPv4" {
	make_lan
	serve "$ID" --network bridge -p '[2001:db8:5::1]:8081:80' -p '[::]:8082:80' -p 0.0.0.0:8083:80
	gateway=$(gateway6 "$ID")
	assert_equal "$(from_container "lan-$ID" "http://[2001:db8:5::1]:8081/")" "hello-from-$ID"
	assert_equal "$(from_container "lan-$ID" "http://[2001:db8:5::1]:8082/")" "hello-from-$ID"
	assert_equal "$(fetch "http://[$gateway]:8082/")" "hello-from-$ID"
	assert_equal "$(from_container "lan-$ID" http://192.0.2.1:8083/)" "hello-from-$ID"
	for url in "[$gateway]:8081" 127.0.0.1:8081 127.0.0.1:8082 "[$gateway]:8083"; do
		run fetch "http://$url/"
		assert_failure
	done
	run -0 nsrun network ports
	assert_line --regexp "^\[2001:db8:5::1\]:8081/tcp +$ID +\[$(address6_of "$ID")\]:80 +bridge$"
	assert_line --regexp "^\[::\]:8082/tcp +$ID +\[$(address6_of "$ID")\]:80 +bridge$"
	assert_line --regexp "^0\.0\.0\.0:8083/tcp +$ID +$(address_of "$ID"):80 +bridge$"
	assert_equal "${#lines[@]}" 4
	make_bundle "$BUNDLE"
	refused "port 8082/tcp on :: is in use by container $ID" run -b "$BUNDLE" --network bridge -p '[::]:8082:80' "$ID-2"
	refused "in use by container $ID" run -b "$BUNDLE" --network bridge -p 8081:80 "$ID-2"
	refused "cannot be published on ::1" run -b "$BUNDLE" --network bridge -p '[::1]:8090:80' "$ID-2"
	refused "2001:db8::99 is no address of this host" run -b "$BUNDLE" --network bridge -p '[2001:db8::99]:8090:80' "$ID-2"
}

@test "IPv6: a network without it publishes in IPv4 alone; a listener on :: is then in nobody's way" {
	nsrun network create --ipv6=false four
	perl -MIO::Socket::IP -e 'my $s = IO::Socket::IP->new(LocalHost => "::", LocalPort => 8090, Listen => 1, V6Only => 1) or die;
		sleep 1000' 3>&- &
	server=$!
	wait_until grep -q ":1F9A 0*:0000 0A" /proc/net/tcp6
	serve "$ID" --network four -p 8090:80
	assert_equal "$(fetch http://127.0.0.1:8090/)" "hello-from-$ID"
	make_bundle "$BUNDLE"
	nsrun delete --force "$ID"
	refused "port 8090/tcp on :: is in use by perl (pid $server)" run -b "$BUNDLE" --network bridge -p 8090:80 "$ID"
	refused "the container's first network has no IPv6" run -b "$BUNDLE" --network four -p '[::]:8091:80' "$ID"
	kill "$server"
	wait "$server" || true
}

@test "IPv6: udp flows of a container that is gone go to the next one" {
	make_bundle "$BUNDLE"
	for name in 1 2; do
		launch run -d -b "$BUNDLE" --network bridge -p 5353:53/udp "$ID"
		gateway=$(gateway6 "$ID")
		serve_udp "$ID" "$name"
		wait_until udp_answers "$name" -s 4001 "$gateway" 5353
		stop_udp
		nsrun delete --force "$ID"
	done
	run udp_answers 2 -s 4001 "$gateway" 5353
	assert_failure
}

@test "from the host's address, from localhost, from a neighbour, from itself" {
	for call in $(bridge_nf); do
		set_bridge_nf "$call"
		serve "$ID-a" --network bridge -p 8080:80
		serve "$ID-b" --network bridge
		assert_equal "$(fetch http://127.0.0.1:8080/)" "hello-from-$ID-a"
		assert_equal "$(fetch http://10.88.0.1:8080/)" "hello-from-$ID-a"
		assert_equal "$(from_container "$ID-b" http://10.88.0.1:8080/)" "hello-from-$ID-a"
		assert_equal "$(from_container "$ID-a" http://10.88.0.1:8080/)" "hello-from-$ID-a"
		nsrun delete --force "$ID-a"
		nsrun delete --force "$ID-b"
		run fetch http://127.0.0.1:8080/
		assert_failure
	done
}

@test "on one host address it answers on that alone; two containers share a port on two" {
	ip addr add 192.0.2.7/32 dev lo
	serve "$ID" --network bridge -p 192.0.2.7:8081:80
	serve "$ID-b" --network bridge -p 127.0.0.1:8081:80
	assert_equal "$(fetch http://192.0.2.7:8081/)" "hello-from-$ID"
	assert_equal "$(fetch http://127.0.0.1:8081/)" "hello-from-$ID-b"
	run fetch http://10.88.0.1:8081/
	assert_failure
	ip addr del 192.0.2.7/32 dev lo
}

@test "on localhost it is not reachable from the LAN" {
	make_lan
	serve "$ID" --network bridge -p 127.0.0.1:8080:80
	assert_equal "$(fetch http://127.0.0.1:8080/)" "hello-from-$ID"
	run from_container "lan-$ID" http://192.0.2.1:8080/
	assert_failure
	ip -n "lan-$ID" route add 127.0.0.1/32 via 192.0.2.1 table local 2>/dev/null || true
	run from_container "lan-$ID" http://127.0.0.1:8080/
	assert_failure
}

@test "a range of ports" {
	make_bundle "$BUNDLE" sh -c 'httpd -p 80; httpd -p 81; exec sleep 1000'
	launch run -d -b "$BUNDLE" --network bridge -p 8090-8091:80-81 "$ID"
	for port in 8090 8091; do
		wait_until bash -c '[[ $(wget -t 1 -T 2 -O- "http://127.0.0.1:$0/" 2>&1) == *404* ]]' "$port"
	done
	make_bundle "$BUNDLE-2"
	refused "port 8091/tcp on 0.0.0.0 is in use by container $ID" run -b "$BUNDLE-2" --network bridge -p 8091-8093:80-82 "$ID-2"
	refused "3 host ports for 2 container ports" run -b "$BUNDLE-2" --network bridge -p 8100-8102:80-81 "$ID-2"
}

@test "without a host port a free one is picked; state and network ports tell which" {
	serve "$ID" --network bridge -p 80 -p 127.0.0.1::80
	port=$(nsrun network ports --format json | jq '.ports[] | select(.hostIP == "0.0.0.0") | .hostPort')
	local=$(nsrun network ports --format json | jq '.ports[] | select(.hostIP == "127.0.0.1") | .hostPort')
	((port >= 32768 && port <= 60999 && local >= 32768 && local <= 60999 && local != port))
	assert_equal "$(fetch "http://10.88.0.1:$port/")" "hello-from-$ID"
	assert_equal "$(fetch "http://127.0.0.1:$local/")" "hello-from-$ID"
	assert_equal "$(nsrun state "$ID" | jq '.network.result.ports[0].hostPort')" "$port"
	refused "port $port/tcp on 0.0.0.0 is in use by container $ID" \
		run -b "$BATS_TEST_TMPDIR/web" --network bridge -p "$port:80" "$ID-2"
	nsrun delete --force "$ID"
	run -0 nsrun network ports -q
	assert_output ""
}

@test "many containers pick at once: each gets its own" {
	make_bundle "$BUNDLE"
	for i in {1..8}; do
		timeout 60 "$NSRUN" run -d -b "$BUNDLE" --network bridge -p :80-82 "$ID-$i" </dev/null >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
		pids[i]=$!
	done
	for i in {1..8}; do
		wait "${pids[i]}" || fail "$(<"$BATS_TEST_TMPDIR/out.$i")"
	done
	run -0 nsrun network ports -q
	assert_equal "${#lines[@]}" 8
	assert_equal "$(sort -u <<<"$output" | wc -l)" 8
}

@test "a taken port is refused before anything is done: by a container, by a program; a free one is told" {
	serve "$ID" --network bridge -p 8080:80 -p 8081:81
	refused "port 8080/tcp on 0.0.0.0 is in use by container $ID" run -b "$BATS_TEST_TMPDIR/web" --network bridge -p 8080:80 "$ID-2"
	refused "port 8080/tcp on 127.0.0.1 is in use by container $ID" \
		run -b "$BATS_TEST_TMPDIR/web" --network bridge -p 127.0.0.1:8080:80 "$ID-2"
	run -1 nsrun --log "$BATS_TEST_TMPDIR/log" --log-format json run -b "$BATS_TEST_TMPDIR/web" --network bridge -p 8080:80 "$ID-2"
	assert_equal "$(jq -r .hint "$BATS_TEST_TMPDIR/log")" "choose another: -p 8082:80; to see all: nsrun network ports"
	echo page >"$BATS_TEST_TMPDIR/page"
	busybox httpd -f -p 127.0.0.1:8090 -h "$BATS_TEST_TMPDIR" >/dev/null 2>&1 3>&- &
	server=$!
	wait_until fetch http://127.0.0.1:8090/page
	refused "port 8090/tcp on 0.0.0.0 is in use by busybox (pid $server)" \
		run -b "$BATS_TEST_TMPDIR/web" --network bridge -p 8090:80 "$ID-2"
	refused "port 8090/tcp on 0.0.0.0 is in use by busybox (pid $server)" \
		run -b "$BATS_TEST_TMPDIR/web" --network bridge -p 8085-8095:80-90 "$ID-2"
	kill "$server"
	wait "$server" || true
	refused "is published twice" run -b "$BATS_TEST_TMPDIR/web" --network bridge -p 8095:80 -p 127.0.0.1:8095:81 "$ID-2"
	refused "198.51.100.1 is no address of this host" run -b "$BATS_TEST_TMPDIR/web" --network bridge -p 198.51.100.1:80:80 "$ID-2"
	refused "container does not exist" state "$ID-2"
}

@test "network ports: table, plain, json, quiet; none" {
	run -0 nsrun network ports
	assert_output --regexp '^PORT +CONTAINER +TARGET +NETWORK$'
	run -0 nsrun network ports -q
	assert_output ""
	run -0 nsrun network ports --format json
	assert_equal "$(jq -c .ports <<<"$output")" "[]"
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network bridge -p 8080:80 -p 127.0.0.1:5300-5301:53-54/udp "$ID"
	address=$(address_of "$ID")
	run -0 nsrun network ports
	assert_line --index 0 --regexp '^PORT +CONTAINER +TARGET +NETWORK$'
	assert_line --regexp "^0\.0\.0\.0:8080/tcp +$ID +$address:80 +bridge$"
	assert_line --regexp "^\[::\]:8080/tcp +$ID +\[$(address6_of "$ID")\]:80 +bridge$"
	assert_line --regexp "^127\.0\.0\.1:5300-5301/udp +$ID +$address:53-54 +bridge$"
	run -0 nsrun network ports --format plain
	assert_line --regexp "^0\.0\.0\.0:8080/tcp[[:space:]]+${ID}[[:space:]]"
	run -0 nsrun network ports -q
	assert_output $'5300-5301/udp\n8080/tcp'
	run -0 nsrun network ports --format json
	assert_equal "$(jq -c '[.schema, (.ports[] | [.protocol, .hostIP, .hostPort, .count, .containerIP, .containerPort, .container, .network])]' <<<"$output")" \
		"[\"nsrun.network.ports/1\",[\"udp\",\"127.0.0.1\",5300,2,\"$address\",53,\"$ID\",\"bridge\"],[\"tcp\",\"0.0.0.0\",8080,1,\"$address\",80,\"$ID\",\"bridge\"],[\"tcp\",\"::\",8080,1,\"$(address6_of "$ID")\",80,\"$ID\",\"bridge\"]]"
}

@test "udp: a flow of a container that is gone goes to the next one; one from before the port was published too" {
	make_lan
	make_bundle "$BUNDLE"
	lan() { ip netns exec "lan-$ID" bash -c "$(declare -f ask_udp udp_answers); udp_answers \"\$@\"" bash "$@"; }
	ask_udp -s 4001 10.88.0.1 5353  # flows to nobody, which go on from the same port
	ask_udp -s 4002 127.0.0.1 5353
	run lan nothing -s 4003 192.0.2.1 5353
	for name in 1 2 3; do
		launch run -d -b "$BUNDLE" --network bridge -p 5353:53/udp "$ID"
		serve_udp "$ID" "$name"
		wait_until udp_answers "$name" -s 4002 127.0.0.1 5353
		wait_until udp_answers "$name" -s 4001 10.88.0.1 5353
		wait_until lan "$name" -s 4003 192.0.2.1 5353
		stop_udp
		nsrun delete --force "$ID"
	done
	run udp_answers 3 -s 4002 127.0.0.1 5353
	assert_failure
}

@test "udp and tcp on one port number are two ports" {
	serve "$ID" --network bridge -p 8080:80
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network bridge -p 8080:53/udp "$ID-b"
	serve_udp "$ID-b" datagram
	wait_until udp_answers datagram 127.0.0.1 8080
	assert_equal "$(fetch http://127.0.0.1:8080/)" "hello-from-$ID"
}

@test "sctp: the port is in the rules, and is claimed" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network bridge -p 9999:99/sctp "$ID"
	run -0 nft list map inet nsrun any4
	assert_output --partial "sctp . 9999 : $(address_of "$ID") . 99"
	refused "port 9999/sctp on 0.0.0.0 is in use by container $ID" run -b "$BUNDLE" --network bridge -p 9999:99/sctp "$ID-2"
	nsrun delete --force "$ID"
	run -0 nft list map inet nsrun any4
	refute_output --partial 9999
}

@test "sctp: an association through a published port" {
	perl -MSocket -e 'exit !socket(my $s, AF_INET, SOCK_STREAM, 132)' || skip "this kernel has no SCTP sockets"
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" --network bridge -p 9999:99/sctp "$ID"
	# shellcheck disable=SC2016 # perl's variables
	ip netns exec "$ID" perl -MSocket -e 'socket(my $s, AF_INET, SOCK_STREAM, 132) or die;
		bind($s, sockaddr_in(99, INADDR_ANY)) or die; listen($s, 1) or die; accept(my $c, $s); syswrite($c, "hello");' 3>&- &
	server=$!
	# shellcheck disable=SC2016 # perl's variables
	wait_until perl -MSocket -e 'alarm 2; socket(my $s, AF_INET, SOCK_STREAM, 132) or die;
		connect($s, sockaddr_in(9999, inet_aton("10.88.0.1"))) or die; sysread($s, my $t, 9); exit $t ne "hello"'
	wait "$server"
}
