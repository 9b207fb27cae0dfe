#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# That the VM is what the other tests take it for: what is missing here would be missed there by a worse name.

load ../helpers

@test "the machine: pure cgroup v2 with every controller" {
	assert_equal "$(stat -fc %T /sys/fs/cgroup)" cgroup2fs
	assert_equal "$(tr ' ' '\n' </sys/fs/cgroup/cgroup.controllers | sort | paste -sd' ')" \
		"cpu cpuset hugetlb io memory misc pids rdma"
}

@test "the machine: systemd is pid 1, and speaks D-Bus" {
	assert_equal "$(cat /proc/1/comm)" systemd
	run -0 busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1 \
		org.freedesktop.systemd1.Manager Virtualization
	assert_output 's "qemu"'
}

@test "the machine: AppArmor enforces" {
	assert_equal "$(cat /sys/module/apparmor/parameters/enabled)" Y
	run -0 cat /sys/kernel/security/lsm
	assert_output --partial apparmor
	type -P apparmor_parser
}

@test "the machine: root has every capability, and no limit of a parent" {
	local all
	all=$(printf '%016x' $(((1 << ($(</proc/sys/kernel/cap_last_cap) + 1)) - 1)))
	assert_equal "$(awk '/CapEff/ { print $2 }' /proc/self/status)" "$all"
	# Down, and up again.
	run -0 bash -c 'ulimit -n 2000 && ulimit -Hn 1000000 && ulimit -Hn'
	assert_output 1000000
}

@test "the machine: alice has subordinate ids and a session, bob neither" {
	run -0 grep -c '^alice:100000:65536$' /etc/subuid /etc/subgid
	[[ -S /run/user/1000/bus ]]
	run -1 grep bob /etc/subuid
	[[ ! -e /run/user/1001 ]]
	run -0 cat /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers
	assert_output "cpuset cpu io memory pids"
}

@test "the machine: the kernel has the drivers that hosts may lack" {
	local module
	for module in dummy ipvlan macvlan 8021q vrf wireguard ip_vs vxlan ifb; do
		run -0 modinfo -n "$module"
	done
	unshare -n ip link add d0 type dummy
	unshare -n bash -c 'ip link add d0 type dummy && ip link add link d0 name i0 type ipvlan'
	unshare -n bash -c 'ip link add d0 type dummy && ip link add link d0 name v0 type vlan id 5'
	unshare -n ip link add w0 type wireguard
	unshare -n ip link add r0 type vrf table 10
}
