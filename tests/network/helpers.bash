# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the network's bats files share: their networks are below $NSRUN_NET_DIR, and go with the test; web
# servers in containers; a neighbour on a LAN; datagrams.

# A file with a setup or teardown of its own calls these two in them.
network_begin()
{
	test_begin
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
	mkdir "$NSRUN_NET_DIR"
}

network_end()
{
	local id name
	for id in $(nsrun list -q); do nsrun delete --force "$id"; done
	for name in $(nsrun network ls -q); do nsrun network rm "$name"; done
	[[ ! ${udp_server-} ]] || stop_udp
	! ip link show lan0 >/dev/null 2>&1 || remove_lan
	[[ ! -e /run/netns ]] || ! mountpoint -q /run/netns || umount -l /run/netns
	test_end
}

setup() { network_begin; }
teardown() { network_end; }

# serve ID ARG...: a container that answers "hello from ID" on port 80.
serve()
{
	local id=$1
	shift
	if [[ ! -d $BATS_TEST_TMPDIR/web ]]; then
		make_bundle "$BATS_TEST_TMPDIR/web" sh -c 'mkdir /tmp/www && hostname >/tmp/www/index.html && exec httpd -f -p 80 -h /tmp/www'
		set_config -b "$BATS_TEST_TMPDIR/web" '.mounts += [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
	fi
	set_config -b "$BATS_TEST_TMPDIR/web" '.hostname = $id' --arg id "hello-from-$id"
	launch run -d -b "$BATS_TEST_TMPDIR/web" "$@" "$id"
	wait_until ip netns exec "$id" wget -t 1 -T 2 -qO- 127.0.0.1
}

# fetch URL from the host; from_container ID URL.
fetch() { wget -t 1 -T 2 -qO- "$1"; }
from_container() { timeout 10 ip netns exec "$1" wget -t 1 -T 2 -qO- "$2"; }

# unanswered NETNS CONTROL URL...: CONTROL answers there, and in 20 times the time that this took, half a second at
# least, none of the URLs, which are asked at once, does.
unanswered()
{
	local netns=$1 control=$2 begun=${EPOCHREALTIME/[.,]/} us url pid pids=() rc
	shift 2
	from_container "$netns" "$control" >/dev/null || fail "$control, from $netns: no answer"
	us=$(((${EPOCHREALTIME/[.,]/} - begun) * 20))
	((us >= 500000)) || us=500000
	for url in "$@"; do
		ip netns exec "$netns" wget -t 1 -T "$((us / 1000000)).$(printf %06d $((us % 1000000)))" -qO- "$url" >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		rc=0
		wait "$pid" || rc=$?
		((rc == 4)) || fail "$1, from $netns: wget ends with $rc, not 4" # the network's
		shift
	done
}

address6_of() { nsrun state "$1" | jq -r '.network.result.attachments[0].address6 // "" | split("/")[0]'; }
address_of() { nsrun state "$1" | jq -r '.network.result.attachments[0].address | split("/")[0]'; }

# A LAN: another namespace, cabled to the host's.
make_lan()
{
	ip netns add "lan-$ID"
	ip link add lan0 type veth peer name lan0 netns "lan-$ID"
	ip addr add 192.0.2.1/24 dev lan0
	ip addr add 2001:db8:5::1/64 dev lan0 nodad
	ip link set lan0 up
	ip -n "lan-$ID" addr add 192.0.2.2/24 dev lan0
	ip -n "lan-$ID" addr add 2001:db8:5::2/64 dev lan0 nodad
	ip -n "lan-$ID" link set lan0 up
	ip -n "lan-$ID" link set lo up
	ip -n "lan-$ID" route add default via 192.0.2.1
}

serve_lan()
{
	echo page >"$BATS_TEST_TMPDIR/index.html"
	ip netns exec "lan-$ID" busybox httpd -f -p 80 -h "$BATS_TEST_TMPDIR" >/dev/null 2>&1 3>&- &
	lan_server=$!
	wait_until ip netns exec "lan-$ID" wget -t 1 -T 2 -qO- http://192.0.2.2/
}

remove_lan()
{
	if [[ ${lan_server-} ]]; then
		kill "$lan_server"
		wait "$lan_server" || true
	fi
	ip link del lan0
	ip netns del "lan-$ID"
}

# ask_udp [-s SOURCE-PORT] ADDRESS PORT: what answers a datagram there within a second, or nothing.
ask_udp()
{
	local from=0
	if [[ $1 == -s ]]; then
		from=$2
		shift 2
	fi
	# shellcheck disable=SC2016 # perl's variables
	perl -MIO::Socket::IP -e '
		my $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Proto => "udp",
			$ARGV[2] ? (LocalPort => $ARGV[2]) : ()) or die;
		$SIG{ALRM} = sub { exit 0 };
		alarm 1;
		$s->send("question\n");
		my $answer;
		print $answer if defined $s->recv($answer, 100);' "$1" "$2" "$from" 2>/dev/null || true
}

# udp_answers TEXT ARG...: whether ask_udp ARG... gets TEXT; for wait_until.
udp_answers() { [[ $(ask_udp "${@:2}") == "$1" ]]; }

# serve_udp ID TEXT: answers TEXT to each datagram at port 53 of the container, of both
# families, until stop_udp.
serve_udp()
{
	# shellcheck disable=SC2016 # perl's variables
	ip netns exec "$1" perl -MIO::Socket::IP -e '
		my $s = IO::Socket::IP->new(LocalHost => "::", LocalPort => 53, Proto => "udp", V6Only => 0) or die;
		while (1) { my $from = $s->recv(my $q, 100); $s->send("$ARGV[0]\n"); }' "$2" >/dev/null 2>&1 3>&- &
	udp_server=$!
}

stop_udp()
{
	kill "$udp_server"
	wait "$udp_server" || true
	unset udp_server
}
