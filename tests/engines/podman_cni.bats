#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# podman's CNI backend, by libcni, with nsrun as all the plugins of its networks and as its runtime.

load ../helpers
load helpers

setup_file()
{
	engine_begin_file
	installed podman.conf >"$BATS_FILE_TMPDIR/nsrun.conf"
	# shellcheck disable=SC2016 # for the inner shell
	inside sh -c '
		mkdir -p /etc/containers/containers.conf.d /etc/cni/net.d /run/libpod/cni
		cp "$1" /etc/containers/containers.conf.d
		for type in $("$2" cni); do ln -s "$2" "/run/libpod/cni/$type"; done' - "$BATS_FILE_TMPDIR/nsrun.conf" "$NSRUN"
	configure_podman '[network]
		network_backend = "cni"
		cni_plugin_dirs = ["/run/libpod/cni"]'
	inside podman import "$BATS_FILE_TMPDIR/layer.tar" bb </dev/null
	# What the first container makes for all of them.
	inside podman run --rm --cgroup-parent "/t0-$NSRUN_TEST_TAG" --network none bb true
	wait_until cgroups_removed "t0-$NSRUN_TEST_TAG"
}
teardown_file() { engine_end_file; }

setup()
{
	engine_begin
	podman network create --subnet 10.71.0.0/24 --ipv6 --subnet fd00:71::/64 web
}

# With its last container all is gone that nsrun has made, but for the bridge, which is podman's to delete.
teardown()
{
	podman rm --all --force --time 0 >/dev/null
	run ! inside nft list table inet nsrun
	run ! inside test -e /run/nsrun/networks
	run ! inside sh -c 'ls /var/lib/cni/networks/web/[0-9f]*'
	run -0 inside ip -brief link show type veth
	assert_output ""
	podman network rm --force web
	run -0 inside nft list tables
	refute_output --partial filter # nobody asked iptables
	engine_end
}

podman() { inside podman "$@"; }
start() { podman run -d --cgroup-parent "/$ID" --network web "$@"; }

@test "podman's networks by nsrun: addresses, a published port, a second container, what inspect tells" {
	run -0 podman info --format '{{.Host.NetworkBackend}}'
	assert_output cni
	start --name "$ID" -p 8080:80 bb httpd -f -p 80 -h /www
	run -0 page 10.71.0.2
	assert_output hello
	run -0 page 127.0.0.1:8080
	assert_output hello
	run -0 podman inspect "$ID" --format '{{json .NetworkSettings.Networks.web}}'
	assert_equal "$(jq -c '[.IPAddress, .IPPrefixLen, .Gateway, .GlobalIPv6Address, .IPv6Gateway]' <<<"$output")" \
		'["10.71.0.2",24,"10.71.0.1","fd00:71::2","fd00:71::1"]'
	assert_equal "$(jq -r .MacAddress <<<"$output")" "$(podman exec "$ID" cat /sys/class/net/eth0/address)"
	run -0 podman run --rm --cgroup-parent "/$ID" --network web bb sh -c \
		'ip -4 -o addr show dev eth0; wget -qO- 10.71.0.2; wget -qO- "[fd00:71::2]"; wget -qO- 10.71.0.1:8080'
	assert_line --index 0 --partial 10.71.0.3/24
	assert_equal "${lines[*]:1}" "hello hello hello"
	# Its address is free again, its port too.
	podman rm --force --time 0 "$ID"
	run ! inside wget -t 1 -T 2 -qO- 127.0.0.1:8080
	start --name "$ID-2" -p 8080:80 bb httpd -f -p 80 -h /www
	run -0 page 127.0.0.1:8080
	assert_output hello
}

@test "podman's networks by nsrun: an address and a MAC that are asked for, connect and disconnect" {
	start --name "$ID" --ip 10.71.0.77 --mac-address 02:00:00:00:00:77 bb httpd -f -p 80 -h /www
	run -0 page 10.71.0.77
	assert_output hello
	run -0 podman exec "$ID" cat /sys/class/net/eth0/address
	assert_output 02:00:00:00:00:77
	podman network create --subnet 10.72.0.0/24 db
	podman network connect db "$ID"
	run -0 page 10.72.0.2
	assert_output hello
	podman network disconnect web "$ID"
	run -0 podman exec "$ID" ip -o -4 addr show
	refute_output --partial 10.71.0.77
	run -0 page 10.72.0.2
	podman network rm --force db
}

@test "podman's networks by nsrun: a port that is taken, and an address, are told with nsrun's words" {
	start --name "$ID" --ip 10.71.0.9 -p 8080:80 bb sleep 1000
	run -126 start --name "$ID-2" -p 8080:80 bb sleep 1000
	assert_output --partial 'port 8080/tcp'
	run -126 start --name "$ID-3" --ip 10.71.0.9 bb sleep 1000
	assert_output --partial '10.71.0.9'
}
