#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# network prune: what nobody is on goes, and what the dead have left; the rest stays.
load ../helpers
load helpers

setup()
{
	network_begin
	make_bundle "$BUNDLE" sleep 1000
}

names() { nsrun network ls -q | paste -sd ' '; }

@test "networks without members go, with their bridges; those in use and the built-in one stay" {
	nsrun network create used
	nsrun network create idle
	nsrun network create fresh
	launch run -d -b "$BUNDLE" --network used "$ID"
	launch run -d -b "$BUNDLE" --network idle "$ID-2"
	nsrun delete --force "$ID-2"
	ip link show nsr-idle >/dev/null
	run -0 nsrun network prune
	assert_equal "$output" "$(printf 'fresh\nidle')"
	assert_equal "$(names)" 'bridge used'
	run -1 ip link show nsr-idle
	ip link show nsr-used >/dev/null
	assert [ ! -e "$NSRUN_NET_DIR/idle.conflist" ]
	nsrun network check used
	run -0 nsrun network prune -f
	assert_output ''
}

@test "filters by label: all must hold; others are refused before anything is removed" {
	nsrun network create --label ci=1 --label job=7 a
	nsrun network create --label job=8 b
	nsrun network create c
	run ! nsrun network prune --filter until=24h
	assert_output --partial '--filter until=24h: not supported'
	assert_equal "$(names)" 'a b bridge c'
	run -0 nsrun network prune --filter label=job --filter label!=job=8
	assert_output a
	run -0 nsrun network prune --filter label=job=9
	assert_output ''
	run -0 nsrun network prune --filter label!=job
	assert_output c
	assert_equal "$(names)" 'b bridge'
}

@test "what a killed create has left goes too" {
	nsrun network create web
	launch run -d -b "$BUNDLE" --network web "$ID"
	local leases=/run/nsrun/networks/leases/web
	printf 'nobody\r\neth0\nnsrun' >"$leases/10.99.99.99"
	nsrun network prune
	assert [ ! -e "$leases/10.99.99.99" ]
	nsrun network check web
}
