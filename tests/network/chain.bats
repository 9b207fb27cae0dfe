#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Networks whose lists are run plugin by plugin: the reference plugins under names of their own (x-TYPE), so that
# none of ours answers for them; ours beside them; and scripts that note what they are called with, or misbehave.
load ../helpers
load helpers

setup()
{
	network_begin
	[[ -x /usr/lib/cni/host-local ]] || fail "the reference plugins are not installed: contrib/install test"
	export CNI_PATH=$BATS_TEST_TMPDIR/cni
	mkdir "$CNI_PATH"
	local type
	for type in bridge ptp host-local tuning portmap loopback; do
		ln -s "/usr/lib/cni/$type" "$CNI_PATH/x-$type"
	done
	make_bundle "$BUNDLE" sleep 1000
}

# list NAME PLUGINS: a list of these plugins; LEASES stands for the folder of x-host-local's.
list()
{
	local plugins=${2//LEASES/$BATS_TEST_TMPDIR/leases}
	printf '{"cniVersion":"%s","name":"%s","plugins":[%s]}' "${VERSION:-1.0.0}" "$1" "$plugins" \
		>"$NSRUN_NET_DIR/$1.conflist"
}

# script NAME <<<TEXT: a plugin. First it notes its call in $BATS_TEST_TMPDIR/calls.
script()
{
	{
		# shellcheck disable=SC2016
		echo '#!/bin/sh
			conf=$(cat)
			echo "${0##*/} $CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS" >>"${0%/*/*}/calls"
			pass() { [ "$CNI_COMMAND" != ADD ] || printf %s "$conf" | jq .prevResult; }'
		cat
	} >"$CNI_PATH/$1"
	chmod +x "$CNI_PATH/$1"
}
calls() { awk '{ print $1, $2 }' "$BATS_TEST_TMPDIR/calls" | paste -sd,; }

instance_of() { jq -r .instance /run/nsrun/networks/attachments/*.json; }
no_leases() { [[ -z $(find "$BATS_TEST_TMPDIR/leases" -type f ! -name 'last_reserved*' ! -name lock 2>/dev/null) ]]; }

PTP='{"type":"x-ptp","ipMasq":false,"ipam":{"type":"x-host-local","dataDir":"LEASES","subnet":"10.55.0.0/24","routes":[{"dst":"0.0.0.0/0"}]}}'

@test "a list that is wholly foreign: address, route, names, and nothing left" {
	list far "$PTP"
	serve "$ID" --network far
	assert_equal "$(address_of "$ID")" 10.55.0.2
	assert_equal "$(fetch http://10.55.0.2/)" "hello-from-$ID"
	run ip -n "$ID" route
	assert_line --partial 'default via 10.55.0.1 dev eth0'
	run nsrun exec "$ID" cat /etc/hosts
	assert_line --regexp '^10\.55\.0\.2[[:space:]]'
	nsrun delete --force "$ID"
	no_leases
}

@test "a foreign list in a container whose namespaces are all new, and one whose userns is" {
	list far "$PTP"
	set_config '.linux.uidMappings = [{"containerID":0,"hostID":100000,"size":65536}] | .linux.gidMappings = .linux.uidMappings | .linux.namespaces += [{"type":"user"}]'
	launch run -d --network far -b "$BUNDLE" "$ID"
	ping -c 1 -W 2 "$(address_of "$ID")"
	nsrun delete --force "$ID"
	no_leases
}

@test "what is asked for goes to the plugins as capabilities, and what none gives is refused" {
	list far "${PTP/'"ipMasq"'/'"capabilities":{"ips":true},"ipMasq"'},{\"type\":\"x-tuning\",\"capabilities\":{\"mac\":true}}"
	launch run -d --network far --ip 10.55.0.77 --mac 02:00:00:00:00:77 -b "$BUNDLE" "$ID"
	assert_equal "$(address_of "$ID")" 10.55.0.77
	run ip -n "$ID" link show eth0
	assert_output --partial 'link/ether 02:00:00:00:00:77'
	nsrun delete --force "$ID"
	list near "${PTP/x-host-local/x-fixed}"
	script x-fixed <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"ips\":[{\"address\":\"10.55.0.9/24\",\"gateway\":\"10.55.0.1\"}]}"'
	refused 'network "near": no plugin gave the address 10.55.0.77 that was asked for' run --network near --ip 10.55.0.77 -b "$BUNDLE" "$ID"
	refused 'network "near": no plugin set the MAC 02:00:00:00:00:77 that was asked for' run --network near --mac 02:00:00:00:00:77 -b "$BUNDLE" "$ID"
	refused 'ports are published, but no plugin of network "near" has the capability portMappings' run --network near -p 80:80 -b "$BUNDLE" "$ID"
	no_leases
}

@test "a foreign portmap publishes, and a port that is another's is refused before" {
	command -v iptables >/dev/null || fail "the reference portmap needs iptables: contrib/install test"
	list far "$PTP,{\"type\":\"x-portmap\",\"capabilities\":{\"portMappings\":true}}"
	serve "$ID" --network far -p 8080:80
	make_lan
	assert_equal "$(ip netns exec "lan-$ID" wget -t 1 -T 2 -qO- http://192.0.2.1:8080/)" "hello-from-$ID"
	remove_lan
	refused "port 8080/tcp on 0.0.0.0 is in use by container $ID" run --network bridge -p 8080:80 -b "$BUNDLE" "$ID-2"
	nsrun delete --force "$ID"
	no_leases
	assert_equal "$(iptables-save -t nat | grep -c "$ID")" 0
	nft flush ruleset # the table and its chains stay, as the plugin has it
}

@test "DEL runs in reverse, with the list that ADD had, whatever became of the file" {
	list far "$PTP,{\"type\":\"xa\"},{\"type\":\"xb\"}"
	script xa <<<pass
	script xb <<<pass
	launch run -d --network far -b "$BUNDLE" "$ID"
	assert_equal "$(calls)" 'xa ADD,xb ADD'
	run awk '{ print $4, $5 }' "$BATS_TEST_TMPDIR/calls"
	assert_line --index 0 "eth0 /run/netns/$ID"
	assert_equal "$(awk 'NR == 1 { print $3 }' "$BATS_TEST_TMPDIR/calls")" "$(instance_of)"
	list far '{"type":"x-loopback"}'
	nsrun delete --force "$ID"
	assert_equal "$(calls)" 'xa ADD,xb ADD,xb DEL,xa DEL'
	no_leases
}

@test "a plugin that refuses: what came before is undone" {
	list far "$PTP,{\"type\":\"xa\"},{\"type\":\"xb\"},{\"type\":\"xc\"}"
	script xa <<<pass
	script xb <<<'[ "$CNI_COMMAND" != ADD ] || { echo "{\"code\":101,\"msg\":\"not today\",\"details\":\"come again\"}"; exit 1; }'
	script xc <<<pass
	refused 'network "far": plugin "xb": not today: come again' run --network far -b "$BUNDLE" "$ID"
	[[ $(calls) == 'xa ADD,xb ADD,xb DEL,xa DEL'* ]]
	run grep 'xc ADD' "$BATS_TEST_TMPDIR/calls"
	assert_output ''
	no_leases
	run ls /run/nsrun/networks/attachments
	assert_output ''
}

@test "a plugin that hangs, writes without end, writes garbage, is killed, succeeds with an error" {
	# Of each plugin, so that emulated processors need more.
	export NSRUN_CNI_TIMEOUT=${TEST_PATIENCE:-1}
	list far "$PTP,{\"type\":\"xa\"}"
	script xa <<<'[ "$CNI_COMMAND" != ADD ] || exec sleep 1000'
	refused "network \"far\": plugin \"xa\": no end within $NSRUN_CNI_TIMEOUT s" run --network far -b "$BUNDLE" "$ID"
	script xa <<<'[ "$CNI_COMMAND" != ADD ] || exec head -c 1G /dev/zero'
	refused 'network "far": plugin "xa": it wrote more than 1048576 bytes' run --network far -b "$BUNDLE" "$ID"
	unset NSRUN_CNI_TIMEOUT
	script xa <<<'[ "$CNI_COMMAND" != ADD ] || echo "<html>"'
	refused 'network "far": plugin "xa": its result: line 1' run --network far -b "$BUNDLE" "$ID"
	script xa <<<'[ "$CNI_COMMAND" != ADD ] || kill -SEGV $$'
	refused 'network "far": plugin "xa": it was ended by signal 11' run --network far -b "$BUNDLE" "$ID"
	script xa <<<'[ "$CNI_COMMAND" != ADD ] || echo "{\"code\":7,\"msg\":\"no: no such file or directory\"}"'
	refused 'network "far": plugin "xa": no: missing' run --network far -b "$BUNDLE" "$ID"
	no_leases
}

@test "a plugin that is not there is refused before anything is made, and names where it was looked for" {
	list far "$PTP,{\"type\":\"nowhere\"}"
	refused "network \"far\": $NSRUN_NET_DIR/far.conflist: plugins[1].type: no plugin \"nowhere\" in $CNI_PATH" run --network far -b "$BUNDLE" "$ID"
	list far '{"type":"../x-ptp"}'
	refused 'plugins[0].type: "../x-ptp" is no type of a plugin' run --network far -b "$BUNDLE" "$ID"
}

@test "DEL goes on with anything missing: the namespace, the link, the leases" {
	list far "$PTP,{\"type\":\"xa\"}"
	script xa <<<pass
	launch run -d --network far -b "$BUNDLE" "$ID"
	nsrun kill "$ID" KILL
	wait_until is_stopped "$ID"
	umount "/run/netns/$ID"
	rm -r "$BATS_TEST_TMPDIR/leases" "/run/netns/$ID"
	nsrun delete "$ID"
	run tail -n 1 "$BATS_TEST_TMPDIR/calls"
	assert_output --regexp '^xa DEL [A-Za-z0-9]+ eth0 $'
}
is_stopped() { [[ $(nsrun state "$1" | jq -r .status) == stopped ]]; }

@test "a plugin that cannot delete keeps the record, until it can" {
	list far "$PTP,{\"type\":\"xa\"}"
	script xa <<<'pass; [ "$CNI_COMMAND" != DEL ] || [ -e "${0%/*/*}/may" ] || { echo "{\"code\":11,\"msg\":\"later\"}"; exit 1; }'
	launch run -d --network far -b "$BUNDLE" "$ID"
	nsrun kill "$ID" KILL
	wait_until is_stopped "$ID"
	run nsrun delete "$ID"
	assert_failure
	assert_output --partial 'plugin "xa": later'
	no_leases
	touch "$BATS_TEST_TMPDIR/may"
	nsrun delete "$ID"
}

@test "delete --force gives up what a plugin refuses to delete, or what is not there any more, with a warning" {
	list far "$PTP,{\"type\":\"xa\"}"
	script xa <<<'pass; [ "$CNI_COMMAND" != DEL ] || { echo "{\"code\":11,\"msg\":\"later\"}"; exit 1; }'
	launch run -d --network far -b "$BUNDLE" "$ID"
	run -0 nsrun delete --force "$ID"
	assert_output --partial 'plugin "xa": later'
	no_leases
	launch run -d --network far -b "$BUNDLE" "$ID"
	rm "$CNI_PATH/xa"
	run -0 nsrun delete --force "$ID"
	assert_output --partial 'no plugin "xa" in'
	no_leases
}

@test "several networks, in one go and plugin by plugin: the first gives the default route" {
	list far "$PTP"
	launch run -d --network far --network bridge -b "$BUNDLE" "$ID"
	run ip -n "$ID" route show default
	assert_output 'default via 10.55.0.1 dev eth0 '
	ip -n "$ID" link show eth1
	run nsrun network graph
	assert_line --partial "$ID"
	nsrun network disconnect far "$ID"
	no_leases
	run ip -n "$ID" link show eth0
	assert_failure
	nsrun network connect far "$ID"
	ping -c 1 -W 2 10.55.0.3
	nsrun delete --force "$ID"
	no_leases
}

@test "SIGKILL of nsrun in the middle of ADD: delete --force leaves nothing" {
	list far "$PTP,{\"type\":\"xa\"},{\"type\":\"xb\"}"
	script xb <<<pass
	local at
	for at in before after; do
		# Its parent is nsrun.
		if [[ $at == before ]]; then
			script xa <<<'[ "$CNI_COMMAND" != ADD ] || { kill -9 $PPID; sleep 1; }; pass'
		else
			script xa <<<pass
			script xb <<<'[ "$CNI_COMMAND" != ADD ] || { kill -9 $PPID; sleep 1; }; pass'
		fi
		rm -f "$BATS_TEST_TMPDIR/calls"
		run nsrun run --network far -b "$BUNDLE" "$ID"
		assert_failure
		nsrun delete --force "$ID"
		run calls
		assert_output --partial 'xb DEL,xa DEL'
		no_leases
	done
}

@test "our bridge and a foreign plugin behind it; a foreign bridge and ours behind; both IPAMs under either" {
	ln -s /usr/lib/cni/host-local "$CNI_PATH" # a foreign plugin looks for programs alone
	local ipam='"dataDir":"LEASES","subnet":"10.55.0.0/24","routes":[{"dst":"0.0.0.0/0"}]' list
	for list in \
		"{\"type\":\"bridge\",\"bridge\":\"mixed0\",\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",$ipam}},{\"type\":\"x-tuning\",\"capabilities\":{\"mac\":true}}" \
		"{\"type\":\"bridge\",\"bridge\":\"mixed0\",\"isGateway\":true,\"ipam\":{\"type\":\"x-host-local\",$ipam}},{\"type\":\"x-tuning\",\"capabilities\":{\"mac\":true}}" \
		"{\"type\":\"x-bridge\",\"bridge\":\"mixed0\",\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",$ipam}},{\"type\":\"x-tuning\",\"capabilities\":{\"mac\":true}},{\"type\":\"bandwidth\",\"capabilities\":{\"bandwidth\":true}}"; do
		list far "$list"
		launch run -d --network far --mac 02:00:00:00:00:77 -b "$BUNDLE" "$ID"
		ping -c 1 -W 2 "$(address_of "$ID")"
		run ip -n "$ID" link show eth0
		assert_output --partial 'link/ether 02:00:00:00:00:77'
		run ip link show master mixed0
		assert_output --partial 'master mixed0'
		run -0 nsrun network check far
		nsrun network disconnect far "$ID"
		no_leases
		run ip -n "$ID" link show eth0
		assert_failure
		nsrun delete --force "$ID"
	done
	list far "${list/x-bridge/bridge}"
	launch run -d --network far:bandwidth=8M -b "$BUNDLE" "$ID"
	run tc qdisc show
	assert_output --partial 'rate 8Mbit'
	nsrun delete --force "$ID"
	no_leases
	ip link del mixed0
}

@test "network rm of a list with a foreign plugin for the addresses takes link, rules and state" {
	ln -s /usr/lib/cni/host-local "$CNI_PATH"
	local ipam='"dataDir":"LEASES","subnet":"10.55.0.0/24","routes":[{"dst":"0.0.0.0/0"}]' first ports meta
	for first in \
		'"type":"bridge","bridge":"mixed0","isGateway":true,"ipMasq":true' \
		'"type":"ptp","ipMasq":true'; do
		for ports in '' 8080:80; do
			meta=''
			[[ ! $ports ]] || meta=',{"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall","ingressPolicy":"same-bridge"}'
			list far "{$first,\"ipam\":{\"type\":\"x-host-local\",$ipam}}$meta"
			launch run -d --network far ${ports:+-p "$ports"} -b "$BUNDLE" "$ID"
			nft list table inet nsrun >/dev/null
			nsrun delete --force "$ID"
			nsrun network rm far
			run nft list table inet nsrun
			assert_failure
			[[ ! -e /run/nsrun/networks ]]
			run ip link show mixed0
			assert_failure
			no_leases
		done
	done
}
