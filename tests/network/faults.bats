#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The verbs that change networks and links, failed and killed after each of their steps, as faults.bats of
# tests/integration does it with a container's: what there is afterwards is what there was before, or goes with the
# next of its kind, or with the container.

# shellcheck disable=SC2034 # before and names are for ../recovery

load ../helpers
load ../recovery

setup_file() { faults_begin_file; }
teardown_file() { recovery_end_file "fault points"; }
setup() { recovery_begin; }
teardown() { recovery_end; }

# settle_networks: as settle, for those that make and remove networks themselves: the last one takes empty folders along.
settle_networks()
{
	settle "${NETWORK[@]}"
	nsrun network create web >/dev/null
	nsrun network rm web
	before=$(snapshot)
}

# A failure makes nothing; who dies after the list was put in place has made a network.
try_network_create()
{
	faulty "$1" network create web
	[[ $1 != "write list=kill" ]] || nsrun network rm web
	undone "$1"
	nsrun network create web >/dev/null
	nsrun network rm web
	undone "$1, then a normal one"
}

@test "network create" {
	settle_networks
	mapfile -t names < <(steps network create web)
	nsrun network rm web
	each_step try_network_create
}

make_web() { nsrun network create web >/dev/null; }

# However far it came, another one finishes it.
try_network_rm()
{
	make_web
	nsrun run --network web -b "$BUNDLE" "$ID" true
	faulty "$1" network rm web
	nsrun network rm web 2>/dev/null || refused 'no network called "web"' network rm web
	nsrun network create web >/dev/null # a normal one, whose end takes empty folders along
	nsrun network rm web
	undone "$1"
}

@test "network rm" {
	settle_networks
	nsrun network create web >/dev/null
	nsrun run --network web -b "$BUNDLE" "$ID" true
	mapfile -t names < <(steps network rm web)
	each_step try_network_rm
}

# The host drops what it forwards, and the network's list has it let through.
@test "a network that iptables lets through: create, network rm" {
	local fault
	make_web()
	{
		nsrun network create web >/dev/null
		jq '.plugins |= map(if .type == "firewall" then .backend = "iptables" else . end)' "$NSRUN_NET_DIR/web.conflist" \
			>"$BATS_TEST_TMPDIR/list"
		cp "$BATS_TEST_TMPDIR/list" "$NSRUN_NET_DIR/web.conflist"
	}
	iptables-nft -P FORWARD DROP
	ip6tables-nft -P FORWARD DROP
	settle_networks
	for fault in "let through" "let through=kill"; do
		make_web
		faulty "$fault" create --network web -b "$BUNDLE" "$ID"
		nsrun delete --force "$ID"
		run -0 nsrun run --network web -b "$BUNDLE" "$ID" true
		assert_output ""
		assert_equal "$(iptables-nft -S FORWARD | grep -c nsr-web)" 2
		assert_equal "$(ip6tables-nft -S FORWARD | grep -c nsr-web)" 2
		nsrun network rm web
		undone "$fault"
	done
	make_web
	nsrun run --network web -b "$BUNDLE" "$ID" true
	mapfile -t names < <(steps network rm web)
	each_step try_network_rm
	nft delete table ip filter
	nft delete table ip6 filter
}

# However far it came, another one finishes it.
try_reload()
{
	launch create "${options[@]}" -b "$BUNDLE" "$ID"
	nft flush ruleset
	find /run/nsrun/networks/leases/web -name '10.*' -delete
	ip link set "$(nsrun state "$ID" | jq -r '.network.result.attachments[0].hostIfname')" nomaster
	faulty "$1" network reload web
	nsrun network reload web
	run -0 nsrun network check web
	recovers "$1" "${options[@]}"
}

@test "network reload" {
	options=(--network web -p 8080:80)
	mkdir "$NSRUN_NET_DIR"
	nsrun network create web --subnet 10.90.0.0/24 >/dev/null
	settle "${options[@]}"
	mapfile -t names < <(steps network reload web)
	each_step try_reload
	nsrun network rm web
}

has_no_link() { [[ ! $(nsrun netns exec "$1" ip -o link | grep lnk) ]]; }

# A failure lays nothing; whatever a death left goes with either end, or with the next link.
try_link()
{
	launch create -b "$BUNDLE" "$ID"
	nsrun netns create "lab-$ID"
	faulty "$1" network link "$ID" "lab-$ID"
	[[ $1 == *=kill ]] || {
		has_no_link "lab-$ID"
		[[ ! -e /run/nsrun/networks/links ]] || fail "\"$1\": a record is left"
	}
	if ((delete_first)); then
		nsrun delete "$ID"
		wait_until has_no_link "lab-$ID"
	else
		run -0 nsrun network link "$ID" "lab-$ID"
		[[ $1 == "save link=kill" ]] || assert_output "$ID lnk0 192.168.15.1/24 -- lab-$ID lnk0 192.168.15.2/24"
	fi
	nsrun netns rm "lab-$ID"
	recovers "$1"
}

@test "network link" {
	settle_networks
	nsrun netns create "lab-$ID"
	launch create -b "$BUNDLE" "$ID"
	mapfile -t names < <(steps network link "$ID" "lab-$ID")
	nsrun netns rm "lab-$ID"
	recovers "list"
	for delete_first in 0 1; do
		each_step try_link
	done
}

# linked: a created container with a link to a namespace.
linked()
{
	launch create -b "$BUNDLE" "$ID"
	nsrun netns create "lab-$ID"
	nsrun network link "$ID" "lab-$ID"
}

# unlinked POINT: of those two nothing stays.
unlinked()
{
	nsrun delete --force "$ID"
	wait_until has_no_link "lab-$ID"
	nsrun netns rm "lab-$ID"
	recovers "$1"
}

# What ends a link dies half way: the next one goes on.
try_unlink()
{
	linked
	faulty "$1" network unlink "$ID" "lab-$ID"
	nsrun network unlink "$ID" "lab-$ID" 2>/dev/null || refused "no link between" network unlink "$ID" "lab-$ID"
	has_no_link "lab-$ID"
	unlinked "$1"
}

@test "network unlink" {
	settle_networks
	linked
	mapfile -t names < <(steps network unlink "$ID" "lab-$ID")
	unlinked "list"
	each_step try_unlink
}

@test "delete of what has a link" {
	settle_networks
	for how in "" =kill; do
		linked
		faulty "unlink$how" delete "$ID"
		unlinked "unlink$how"
	done
}

# The options that the container is made with; then "web" is connected.
begin_connect()
{
	options=("$@")
	settle "${NETWORK[@]}"
	nsrun network create web >/dev/null
	nsrun run --network web -b "$BUNDLE" "$ID" true
	nsrun run "${options[@]}" -b "$BUNDLE" "$ID" true
	before=$(snapshot)
}

end_connect()
{
	nsrun network rm web
}

eth() { nsrun netns exec "$ID" ip -o link | grep -c eth || true; }

# A failure changes nothing; what a death left is cleared away by the next connect, or goes with the container.
try_connect()
{
	local made interfaces
	launch create "${options[@]}" -b "$BUNDLE" "$ID"
	made=$(snapshot)
	interfaces=$(eth)
	faulty "$1" network connect web "$ID"
	if [[ $1 != *=kill ]]; then
		[[ $(snapshot) == "$made" ]] || fail "\"$1\": left behind: $(diff <(echo "$made") <(snapshot))"
		assert_equal "$(eth)" "$interfaces"
	fi
	if ((again)); then
		nsrun network connect web "$ID" >/dev/null 2>&1 || refused "is on network \"web\" already" network connect web "$ID"
		assert_equal "$(eth)" $((interfaces + 1))
		nsrun network disconnect web "$ID"
		assert_equal "$(eth)" "$interfaces"
	fi
	recovers "$1" "${options[@]}"
}

@test "network connect" {
	for again in 0 1; do
		begin_connect "${NETWORK[@]}"
		launch create "${options[@]}" -b "$BUNDLE" "$ID"
		mapfile -t names < <(steps network connect web "$ID")
		recovers "list" "${options[@]}"
		each_step try_connect
		end_connect
	done
}

@test "network connect of a container without a network" {
	again=1
	begin_connect
	launch create -b "$BUNDLE" "$ID"
	mapfile -t names < <(steps network connect web "$ID")
	recovers "list"
	each_step try_connect
	end_connect
}

# However far it came, another one finishes it, or the container's end does.
try_disconnect()
{
	launch create "${options[@]}" -b "$BUNDLE" "$ID"
	faulty "$1" network disconnect "$network" "$ID"
	if ((again)); then
		nsrun network disconnect "$network" "$ID" >/dev/null 2>&1 ||
			refused "is not on network \"$network\"" network disconnect "$network" "$ID"
		assert_equal "$(eth)" 1
		[[ $network != bridge ]] || assert_equal "$(nsrun network ports -q)" ""
	fi
	recovers "$1" "${options[@]}"
}

@test "network disconnect" {
	local network
	for network in bridge web; do
		for again in 0 1; do
			begin_connect "${NETWORK[@]}" --network web
			launch create "${options[@]}" -b "$BUNDLE" "$ID"
			mapfile -t names < <(steps network disconnect "$network" "$ID")
			recovers "list" "${options[@]}"
			each_step try_disconnect
			end_connect
		done
	done
}
