#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# config.json's process, as the program in the container finds itself: user, capabilities, limits, environment,
# seccomp, terminal.

load ../helpers

setup()
{
	test_begin
	make_bundle "$BUNDLE"
}

# inside COMMAND: a shell command in a container of $BUNDLE.
inside() { run -0 nsrun run -b "$BUNDLE" "$ID" sh -c "$1"; }

# caps SET...: the five sets, each "A B" of names without CAP_, "" for an empty one:
# bounding, effective, inheritable, permitted, ambient.
caps()
{
	set_config '.process.capabilities = ([["bounding", "effective", "inheritable", "permitted", "ambient"], $ARGS.positional]
		| transpose | map({key: .[0], value: (.[1] / " " | map(select(. != "") | "CAP_" + .))}) | from_entries)' \
		--args -- "$@"
}

# sets: what `inside` printed of the five sets, in the order of /proc: Inh Prm Eff Bnd Amb, without zeros in front.
sets() { awk '/^Cap/ { sub(/^0+/, "", $2); printf "%s%s", sep, $2 == "" ? 0 : $2; sep = " " }' <<<"$output"; }

# seccomp RULES: linux.seccomp.syscalls, as jq writes it; all else is allowed.
seccomp() { set_config ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", syscalls: $1}"; }

# ---- user -------------------------------------------------------------------------------------------------

@test "user, group, additional groups and umask" {
	set_config '.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 6, 70000], umask: 63}'
	inside 'id -u; id -g; id -G; umask; grep -E "^(Uid|Gid|Groups)" /proc/self/status'
	assert_line --index 0 1000
	assert_line --index 1 1001
	assert_line --index 2 "1001 5 6 70000"
	assert_line --index 3 0077
	assert_line --regexp "^Uid:	1000	1000	1000	1000"
	assert_line --regexp "^Gid:	1001	1001	1001	1001"
	assert_line --regexp "^Groups:	5 6 70000 *$"
}

@test "none of the caller's groups, and a umask of 022 unless another is asked for" {
	run -0 setpriv --groups 33,44 "$NSRUN" run -b "$BUNDLE" "$ID" sh -c 'grep ^Groups /proc/self/status; umask'
	assert_line --index 0 --regexp "^Groups:[[:space:]]*$"
	umask 077
	inside umask
	assert_output 0022
}

@test "ids and a umask that cannot be are refused by their place in the file" {
	set_config '.process.user = {uid: 4294967295, gid: 0}'
	refused "config.json: process.user.uid: 4294967295" run -b "$BUNDLE" "$ID"
	set_config '.process.user = {uid: 0, gid: 0, umask: 512}'
	refused "config.json: process.user.umask: 512" run -b "$BUNDLE" "$ID"
	set_config '.process.user = {uid: -1, gid: 0}'
	refused "config.json: process.user.uid: " run -b "$BUNDLE" "$ID"
}

# ---- capabilities -----------------------------------------------------------------------------------------

@test "capabilities: the five sets, for root and for another user" {
	caps "KILL CHOWN NET_RAW" "KILL" "CHOWN" "KILL CHOWN" ""
	inside 'grep ^Cap /proc/1/status'
	# Inh Prm Eff Bnd Amb. To root execve would give the bounding set, which noNewPrivileges forbids.
	assert_equal "$(sets)" "1 21 21 2021 0"
	set_config '.process.noNewPrivileges = false'
	inside 'grep -E "^(Cap|NoNew)" /proc/1/status'
	assert_equal "$(sets)" "1 2021 2021 2021 0"
	assert_line --regexp "^NoNewPrivs:	0"
	# To another user what is ambient; with the file's none.
	set_config '.process.user = {uid: 1000, gid: 1000}'
	inside 'grep ^Cap /proc/1/status'
	assert_equal "$(sets)" "1 0 0 2021 0"
	caps "KILL CHOWN NET_RAW" "KILL CHOWN" "KILL CHOWN" "KILL CHOWN" "KILL"
	inside 'grep ^Cap /proc/1/status'
	assert_equal "$(sets)" "21 20 20 2021 20"
}

@test "capabilities: empty sets and no sets at all are none, without noNewPrivileges too" {
	caps "" "" "" "" ""
	inside 'grep ^Cap /proc/1/status'
	assert_equal "$(sets)" "0 0 0 0 0"
	set_config 'del(.process.capabilities) | .process.noNewPrivileges = false'
	inside 'grep ^Cap /proc/1/status'
	assert_equal "$(sets)" "0 0 0 0 0"
	set_config '.process.user = {uid: 1000, gid: 1000}'
	inside 'grep ^Cap /proc/1/status'
	assert_equal "$(sets)" "0 0 0 0 0"
}

# An engine's log has it, and no error beside it: stderr is the container's.
@test "capabilities: where there is a log, the warning of one that we do not have is not in the output" {
	caps "KILL" "KILL" "" "KILL" "NET_RAW"
	LOG=$BATS_TEST_TMPDIR/log
	run -0 --separate-stderr nsrun --log "$LOG" --log-format json run -b "$BUNDLE" "$ID" true
	assert_equal "$stderr" ""
	assert_equal "$(jq -r '.level + " " + .msg' "$LOG")" \
		"warning process.capabilities: cannot be granted, left out: CAP_NET_RAW"
	rm "$LOG"
	run -1 nsrun --log "$LOG" --log-format json run -b "$BUNDLE" "$ID" /nonexistent
	assert_equal "$(jq -r .level "$LOG")" error
}

@test "capabilities: an unknown one is a warning, once; so is one that we do not have" {
	caps "KILL NOSUCH" "KILL NOSUCH" "" "KILL NOSUCH" ""
	run -0 --separate-stderr nsrun run -b "$BUNDLE" "$ID" sh -c 'grep ^Cap /proc/1/status'
	assert_equal "$(sets)" "0 20 20 20 0"
	assert_equal "${#stderr_lines[@]}" 1
	assert_equal "$stderr" "nsrun: warning: process.capabilities: unknown to this kernel, left out: CAP_NOSUCH"
	caps "KILL" "KILL" "" "KILL" "NET_RAW"
	run -0 --separate-stderr nsrun run -b "$BUNDLE" "$ID" true
	assert_equal "$stderr" "nsrun: warning: process.capabilities: cannot be granted, left out: CAP_NET_RAW"
}

# ---- limits and priorities --------------------------------------------------------------------------------

@test "rlimits: soft and hard, of every kind that there is" {
	set_config '.process.rlimits = [
		{type: "RLIMIT_NOFILE", soft: 300, hard: 400}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
		{type: "RLIMIT_STACK", soft: 1048576, hard: 2097152}, {type: "RLIMIT_CPU", soft: 50, hard: 60},
		{type: "RLIMIT_FSIZE", soft: 1000000, hard: 42424242}, {type: "RLIMIT_NPROC", soft: 100, hard: 200},
		{type: "RLIMIT_AS", soft: 100000000, hard: 200000000}, {type: "RLIMIT_MSGQUEUE", soft: 10, hard: 20},
		{type: "RLIMIT_DATA", soft: 100000001, hard: 200000001}, {type: "RLIMIT_LOCKS", soft: 11, hard: 21},
		{type: "RLIMIT_MEMLOCK", soft: 4096, hard: 8192}, {type: "RLIMIT_NICE", soft: 0, hard: 0},
		{type: "RLIMIT_RSS", soft: 12, hard: 22}, {type: "RLIMIT_RTPRIO", soft: 0, hard: 0},
		{type: "RLIMIT_RTTIME", soft: 13, hard: 23}, {type: "RLIMIT_SIGPENDING", soft: 14, hard: 24}]'
	sed -i 's/42424242/18446744073709551615/' "$BUNDLE/config.json" # which jq would round
	inside 'cat /proc/1/limits'
	assert_line --regexp "^Max open files +300 +400 "
	assert_line --regexp "^Max core file size +0 +0 "
	assert_line --regexp "^Max stack size +1048576 +2097152 "
	assert_line --regexp "^Max cpu time +50 +60 "
	assert_line --regexp "^Max file size +1000000 +unlimited "
	assert_line --regexp "^Max processes +100 +200 "
	assert_line --regexp "^Max address space +100000000 +200000000 "
	assert_line --regexp "^Max msgqueue size +10 +20 "
	assert_line --regexp "^Max data size +100000001 +200000001 "
	assert_line --regexp "^Max file locks +11 +21 "
	assert_line --regexp "^Max locked memory +4096 +8192 "
	assert_line --regexp "^Max nice priority +0 +0 "
	assert_line --regexp "^Max resident set +12 +22 "
	assert_line --regexp "^Max realtime priority +0 +0 "
	assert_line --regexp "^Max realtime timeout +13 +23 "
	assert_line --regexp "^Max pending signals +14 +24 "
}

@test "rlimits: above the hard limit without CAP_SYS_RESOURCE is an error that names it" {
	set_config '.process.rlimits = [{type: "RLIMIT_CORE", soft: 0, hard: 0}, {type: "RLIMIT_NOFILE", soft: 500, hard: 600}]'
	run -1 setpriv --bounding-set -sys_resource prlimit --nofile=100:200 "$NSRUN" create -b "$BUNDLE" "$ID"
	assert_output --partial "process.rlimits["
	assert_output --partial "RLIMIT_NOFILE to soft 500, hard 600: needs privilege"
	refused "container does not exist" state "$ID"
}

@test "rlimits: small ones do not get in the way of starting; wrong ones are refused" {
	set_config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 3, hard: 3}, {type: "RLIMIT_FSIZE", soft: 0, hard: 0}]'
	inside 'echo alive'
	assert_output alive
	set_config '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1}, {type: "RLIMIT_CORE", soft: 1, hard: 1}]'
	refused "config.json: process.rlimits[1]: RLIMIT_CORE appears twice" run -b "$BUNDLE" "$ID"
	set_config '.process.rlimits = [{type: "RLIMIT_CORE", soft: 2, hard: 1}]'
	refused "config.json: process.rlimits[0].soft: above the hard limit" run -b "$BUNDLE" "$ID"
	set_config '.process.rlimits = [{type: "RLIMIT_NOSUCH", soft: 1, hard: 1}]'
	refused 'config.json: process.rlimits[0].type: "RLIMIT_NOSUCH"' run -b "$BUNDLE" "$ID"
	set_config '.process.rlimits = [{type: "RLIMIT_CORE", soft: "1", hard: 1}]'
	refused "config.json: process.rlimits[0].soft: expected an unsigned integer, found a string" run -b "$BUNDLE" "$ID"
}

@test "oomScoreAdj: set before the program runs; below ours it needs privilege" {
	set_config '.process.oomScoreAdj = 500'
	inside 'cat /proc/1/oom_score_adj'
	assert_output 500
	set_config 'del(.process.oomScoreAdj)'
	inside 'cat /proc/1/oom_score_adj'
	assert_output "$(cat /proc/self/oom_score_adj)"
	set_config '.process.oomScoreAdj = -1000'
	run -1 setpriv --bounding-set -sys_resource "$NSRUN" run -b "$BUNDLE" "$ID" true
	assert_output --partial "process.oomScoreAdj: "
	set_config '.process.oomScoreAdj = 1001'
	refused "config.json: process.oomScoreAdj: 1001 is not in -1000 to 1000" run -b "$BUNDLE" "$ID"
}

@test "scheduler: policy, nice and priority" {
	set_config '.process.scheduler = {policy: "SCHED_BATCH", nice: 7}'
	inside 'cut -d" " -f19,41 /proc/1/stat' # nice, policy
	assert_output "7 3"
	set_config '.process.scheduler = {policy: "SCHED_IDLE"}'
	inside 'cut -d" " -f41 /proc/1/stat'
	assert_output 5
	set_config '.process.scheduler = {policy: "SCHED_OTHER", nice: 3, flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
	inside 'cut -d" " -f19,41 /proc/1/stat'
	assert_output "3 0"
	set_config '.process.scheduler = {policy: "SCHED_FIFO"}'
	refused "config.json: process.scheduler.priority: 0 is not in 1 to 99" run -b "$BUNDLE" "$ID"
	set_config '.process.scheduler = {policy: "SCHED_NOSUCH"}'
	refused 'config.json: process.scheduler.policy: "SCHED_NOSUCH"' run -b "$BUNDLE" "$ID"
}

@test "ioPriority" {
	set_config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}'
	run -0 nsrun run -b "$BUNDLE" "$ID" ionice -p 1
	assert_output "best-effort: prio 6"
	set_config '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}'
	run -0 nsrun run -b "$BUNDLE" "$ID" ionice -p 1
	assert_output --partial idle
	set_config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 8}'
	refused "config.json: process.ioPriority.priority: 8 is not in 0 to 7" run -b "$BUNDLE" "$ID"
}

@test "personality" {
	set_config '.linux.personality = {domain: "LINUX32"}'
	inside 'uname -m; cat /proc/self/personality'
	assert_output "$(printf 'i686\n00000008')"
	set_config '.linux.personality = {domain: "LINUX"}'
	inside 'uname -m'
	assert_output "$(uname -m)"
	set_config '.linux.personality = {domain: "SOLARIS"}'
	refused 'config.json: linux.personality.domain: "SOLARIS"' run -b "$BUNDLE" "$ID"
}

@test "memoryPolicy: mode, nodes and flags, for exec too" {
	[[ -e /proc/self/numa_maps ]] || skip "this kernel is without NUMA"
	local case
	# numa_maps shows the policy that the memory of a process is under.
	for case in MPOL_BIND:bind:0 MPOL_INTERLEAVE:interleave:0 MPOL_PREFERRED:prefer:0 MPOL_PREFERRED_MANY:'prefer (many):0'; do
		set_config '.linux.memoryPolicy = {mode: $m, nodes: "0"}' --arg m "${case%%:*}"
		inside 'cat /proc/self/numa_maps'
		assert_output --partial " ${case#*:} "
	done
	set_config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0-0", flags: ["MPOL_F_STATIC_NODES"]}'
	inside 'cat /proc/self/numa_maps'
	assert_output --partial " bind=static:0 "
	set_config '.linux.memoryPolicy.flags = ["MPOL_F_RELATIVE_NODES"]'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" cat /proc/self/numa_maps
	assert_output --partial " bind=relative:0 "
	nsrun delete --force "$ID"
	for case in MPOL_DEFAULT:default MPOL_LOCAL:local; do
		set_config '.linux.memoryPolicy = {mode: $m}' --arg m "${case%%:*}"
		inside 'cat /proc/self/numa_maps'
		assert_output --partial " ${case#*:} "
	done
	set_config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "1000"}'
	refused "linux.memoryPolicy: set MPOL_BIND on nodes 1000: Invalid argument" run -b "$BUNDLE" "$ID"
	set_config '.linux.memoryPolicy = {mode: "MPOL_BIND"}'
	refused "config.json: linux.memoryPolicy.nodes: missing" run -b "$BUNDLE" "$ID"
}

@test "the CPUs are those of the cgroup, whatever the caller was confined to" {
	local all
	all=$(taskset -p 1 | sed 's/.* //')
	(($(nproc) > 1)) || skip "this machine has one CPU"
	set_args grep Cpus_allowed: /proc/self/status
	run -0 taskset -c 0 "$NSRUN" run -b "$BUNDLE" "$ID"
	assert_output --regexp "[^0-9a-f]0*$all\$"
}

@test "a label of a security module that the kernel runs without is refused by its key; an empty one is nothing" {
	set_config '.process.apparmorProfile = "" | .process.selinuxLabel = ""'
	inside 'echo fine'
	assert_output fine
	if [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) != Y ]]; then
		set_config '.process.apparmorProfile = "nsrun-test"'
		refused "config.json: process.apparmorProfile: this kernel runs without AppArmor" create -b "$BUNDLE" "$ID"
	fi
	if [[ ! -d /sys/fs/selinux ]]; then
		set_config 'del(.process.apparmorProfile) | .process.selinuxLabel = "system_u:system_r:container_t:s0"'
		refused "config.json: process.selinuxLabel: this kernel runs without SELinux" create -b "$BUNDLE" "$ID"
	fi
}

@test "intelRdt: refused where no resctrl is mounted, before anything is made" {
	[[ ! -e /sys/fs/resctrl/schemata ]] || skip "this machine has resctrl"
	set_config '.linux.intelRdt = {closID: "x"}'
	refused "config.json: linux.intelRdt: no resctrl file system is mounted at /sys/fs/resctrl" run -b "$BUNDLE" "$ID"
	refused "container does not exist" state "$ID"
}

# ---- environment ------------------------------------------------------------------------------------------

@test "env: exactly the config's, in order, the last of a name winning; HOME from passwd" {
	set_config '.process.env = ["PATH=/bin", "A=1", "B=2", "A=3", "EMPTY="]'
	run -0 env OUTSIDE=1 "$NSRUN" run -b "$BUNDLE" "$ID" env
	assert_output "$(printf '%s\n' PATH=/bin A=3 B=2 EMPTY= HOME=/root)"
	set_config '.process.user = {uid: 1000, gid: 0}'
	inside 'echo $HOME'
	assert_output /home
	set_config '.process.user.uid = 4242'
	inside 'echo $HOME'
	assert_output /
	set_config '.process.env += ["HOME=/given"]'
	inside 'echo $HOME'
	assert_output /given
	set_config '.process.env = ["novalue"]'
	refused 'config.json: process.env[0]: "novalue" is not of the form NAME=VALUE' run -b "$BUNDLE" "$ID"
}

@test "env: a passwd that is no file, or huge, hangs nothing" {
	rm "$BUNDLE/rootfs/etc/passwd"
	mkfifo "$BUNDLE/rootfs/etc/passwd"
	run -0 timeout 10 "$NSRUN" run -b "$BUNDLE" "$ID" sh -c 'echo $HOME'
	assert_output /
	rm "$BUNDLE/rootfs/etc/passwd"
	ln -s /etc/passwd "$BUNDLE/rootfs/etc/passwd"
	inside 'echo $HOME'
	assert_output /
}

@test "env: PATH finds the program, in its own order and from the config alone" {
	mkdir "$BUNDLE/rootfs/first" "$BUNDLE/rootfs/second" "$BUNDLE/rootfs/dir"
	printf '#!/bin/sh\necho first' >"$BUNDLE/rootfs/first/tool"
	printf '#!/bin/sh\necho second' >"$BUNDLE/rootfs/second/tool"
	mkdir "$BUNDLE/rootfs/dir/tool"
	chmod 755 "$BUNDLE/rootfs/second/tool"
	# The first is no program, the directory neither.
	set_config '.process.env = ["PATH=/dir:/first::/second:/bin"]'
	run -0 nsrun run -b "$BUNDLE" "$ID" tool
	assert_output second
	chmod 755 "$BUNDLE/rootfs/first/tool"
	run -0 nsrun run -b "$BUNDLE" "$ID" tool
	assert_output first
	set_config '.process.env = ["PATH=:/bin"] | .process.cwd = "/second"'
	run -0 nsrun run -b "$BUNDLE" "$ID" tool
	assert_output second
	run -0 nsrun run -b "$BUNDLE" "$ID" ./tool
	assert_output second
	set_config '.process.env = []'
	run -1 nsrun run -b "$BUNDLE" "$ID" tool
	assert_output --partial 'exec: "tool": executable file not found in $PATH'
}

@test "the program: what engines map to 126 and 127, known at create" {
	run -1 nsrun create -b "$BUNDLE" "$ID" /no/such
	assert_output --partial 'exec: "/no/such": stat /no/such: no such file or directory'
	run -1 nsrun create -b "$BUNDLE" "$ID" /etc/passwd
	assert_output --partial 'exec: "/etc/passwd": permission denied'
	run -1 nsrun create -b "$BUNDLE" "$ID" /etc
	assert_output --partial 'exec: "/etc": is a directory: permission denied'
	run -1 nsrun create -b "$BUNDLE" "$ID" ''
	assert_output --partial 'exec: ""'
	set_config '.process.args = []'
	refused "process.args" create -b "$BUNDLE" "$ID"
}

@test "env: 100,000 variables" {
	set_config '.process.env = ["PATH=/bin"] + [range(100000) | "V\(. % 50000)=\(.)"]'
	# No shell: busybox's compares each with a fortieth of all others, minutes where processors are emulated.
	timeout 60 "$NSRUN" run -b "$BUNDLE" "$ID" env >"$BATS_TEST_TMPDIR/env"
	assert_equal "$(grep -c ^V "$BATS_TEST_TMPDIR/env")" 50000
	assert_equal "$(grep -E '^V(0|49999)=' "$BATS_TEST_TMPDIR/env" | sort)" "$(printf 'V0=50000\nV49999=99999')"
}

# ---- seccomp ----------------------------------------------------------------------------------------------

@test "seccomp: errno, by default EPERM, or another" {
	seccomp '[{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"},
		{names: ["rmdir", "unlink", "unlinkat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]'
	set_config '.root.readonly = false'
	inside 'mkdir /x; rmdir /tmp; grep ^Seccomp: /proc/self/status'
	assert_line --regexp "^mkdir: .*: Operation not permitted$"
	assert_line --regexp "^rmdir: .*: Function not implemented$"
	assert_line --regexp "^Seccomp:	2"
}

@test "seccomp: a default of errno, with what a shell needs allowed" {
	set_config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1, syscalls: []}'
	refused "linux.seccomp" run -b "$BUNDLE" "$ID"
	set_config '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 95, syscalls: [{action: "SCMP_ACT_ALLOW",
		names: ["execve", "brk", "mmap", "munmap", "mprotect", "arch_prctl", "set_tid_address", "set_robust_list", "rseq",
		"prlimit64", "getrandom", "readlink", "readlinkat", "read", "write", "writev", "exit_group", "exit", "getuid", "geteuid",
		"prctl", "setgroups", "setresgid", "setresuid", "capget", "capset", "chdir", "getcwd", "fstat", "newfstatat", "stat",
		"rt_sigaction", "rt_sigprocmask", "setgid", "setuid", "getpid", "close", "fcntl", "ioctl"]}]}'
	inside 'echo works'
	assert_output works
	run ! nsrun run -b "$BUNDLE" "$ID" ls /
	assert_output --partial "not supported"
}

@test "seccomp: what is newer than the profile is ENOSYS instead of EPERM, as in runc" {
	[[ $(uname -m) == x86_64 ]] || skip "numbers of x86_64"
	install -m 0755 "${BUILD:-$(dirname "$NSRUN")}/tests/attack" "$BUNDLE/rootfs/bin/attack"
	local profile='{defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64"], syscalls: [{action: "SCMP_ACT_ALLOW",
		names: ["execve", "brk", "mmap", "munmap", "mprotect", "arch_prctl", "set_tid_address", "set_robust_list", "rseq",
		"prlimit64", "getrandom", "readlink", "readlinkat", "read", "write", "writev", "exit_group", "exit", "getuid", "geteuid",
		"prctl", "setgroups", "setresgid", "setresuid", "capget", "capset", "chdir", "getcwd", "fstat", "newfstatat", "stat",
		"rt_sigaction", "rt_sigprocmask", "setgid", "setuid", "getpid", "close", "fcntl", "ioctl", "quotactl_fd"]}]}'
	set_config ".linux.seccomp = $profile"
	# mkdir; landlock_add_rule, then what the profile is older than.
	run -0 nsrun run -b "$BUNDLE" "$ID" attack calls 83 442 444 462 700
	assert_output "$(printf '%s\n' 83:\ EPERM 442:\ EPERM 444:\ ENOSYS 462:\ ENOSYS 700:\ ENOSYS)"
	set_config ".linux.seccomp = $profile | .linux.seccomp.defaultErrnoRet = 13"
	run -0 nsrun run -b "$BUNDLE" "$ID" attack calls 83 442 444 700
	assert_output "$(printf '%s\n' 83:\ EACCES 442:\ EACCES 444:\ EACCES 700:\ EACCES)"
}

@test "seccomp: kill ends the program, by SIGSYS" {
	seccomp '[{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL_PROCESS"}]'
	run -159 nsrun run -b "$BUNDLE" "$ID" mkdir /tmp/x
	inside 'mkdir /tmp/x; echo $?'
	assert_line 159
	seccomp '[{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_TRAP"}]'
	run -159 nsrun run -b "$BUNDLE" "$ID" mkdir /tmp/x
}

# tells FILE TEXT: run, exec and start say that they cannot execute FILE, and TEXT, the reason.
tells()
{
	local id
	id=$(new_id)
	run -1 nsrun run -b "$BUNDLE" "$id" "$1"
	assert_output --partial "exec: \"$1\": "
	assert_output --partial "$2"
	launch create -b "$BUNDLE" "$id" "$1"
	run -255 nsrun exec "$id" "$1"
	assert_output --partial "exec: \"$1\": "
	assert_output --partial "$2"
	run -1 nsrun start "$id"
	assert_output --partial "exec: \"$1\": "
	assert_output --partial "$2"
	nsrun delete --force "$id"
}

# Static: a sanitizer or a dynamic linker would need system calls of its own under the filter.
# bats test_tags=static-only
@test "seccomp: a filter that forbids to tell it hides no failure of execve" {
	local filter nnp=true
	local needs='"execve", "prctl", "setgroups", "setresgid", "setresuid", "capget", "capset", "exit_group"'
	printf '#!/no/such/interpreter\n' >"$BUNDLE/rootfs/bin/orphan"
	cp "$BUNDLE/rootfs/bin/orphan" "$BUNDLE/rootfs/bin/secret"
	chmod 0755 "$BUNDLE/rootfs/bin/orphan"
	chmod 0700 "$BUNDLE/rootfs/bin/secret"
	set_config '.process.user = {uid: 1000, gid: 1000}'
	for filter in \
		'{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["sendmsg", "write", "writev"], action: "SCMP_ACT_ERRNO"}]}' \
		'{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["sendmsg", "open", "openat"], action: "SCMP_ACT_KILL_PROCESS"}]}' \
		'{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["sendmsg"], action: "SCMP_ACT_KILL"}]}' \
		'{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["sendmsg"], action: "SCMP_ACT_TRAP"}]}' \
		"{defaultAction: \"SCMP_ACT_ERRNO\", syscalls: [{names: [$needs], action: \"SCMP_ACT_ALLOW\"}]}" \
		"{defaultAction: \"SCMP_ACT_KILL_PROCESS\", syscalls: [{names: [$needs], action: \"SCMP_ACT_ALLOW\"}]}"; do
		nnp=$([[ $nnp == true ]] && echo false || echo true)
		set_config ".linux.seccomp = $filter | .process.noNewPrivileges = $nnp"
		tells /bin/orphan 'no such file or directory'
		tells /bin/secret 'permission denied'
	done
}

@test "seccomp: a filter that kills for what goes before execve, or for execve, is no success" {
	set_config ".process.noNewPrivileges = false"
	for call in setresuid capset execve; do
		seccomp "[{names: [\"$call\"], action: \"SCMP_ACT_KILL_PROCESS\"}]"
		run -1 nsrun run -b "$BUNDLE" "$ID" true
		assert_output --partial "the process died "
	done
	set_config '.linux.seccomp = {defaultAction: "SCMP_ACT_KILL_PROCESS", syscalls: []}'
	launch create -b "$BUNDLE" "$ID" true
	run -1 nsrun start "$ID"
	assert_output --partial "the process died before execve"
	nsrun delete "$ID"
}

@test "seccomp: each operator on arguments" {
	local op expected
	# kill(pid, signal): the second argument is compared with 10; 9, 10 and 11 are tried in the shell on itself.
	for op in EQ:010 NE:101 LT:100 LE:110 GT:001 GE:011; do
		expected=${op#*:}
		seccomp '[{names: ["kill"], action: "SCMP_ACT_ERRNO", errnoRet: 2, args:
			[{index: 1, value: 18, op: "SCMP_CMP_'"${op%:*}"'"}]}]'
		inside 'for s in 17 18 23; do kill -$s $$ 2>/dev/null && printf 0 || printf 1; done'
		assert_equal "${op%:*} $output" "${op%:*} $expected"
	done
	seccomp '[{names: ["kill"], action: "SCMP_ACT_ERRNO", args:
		[{index: 1, value: 24, valueTwo: 16, op: "SCMP_CMP_MASKED_EQ"}]}]'
	inside 'for s in 17 18 28; do kill -$s $$ 2>/dev/null && printf 0 || printf 1; done'
	assert_output 110
	# Two conditions on one argument are alternatives, on two they go together.
	seccomp '[{names: ["kill"], action: "SCMP_ACT_ERRNO", args:
		[{index: 1, value: 17, op: "SCMP_CMP_EQ"}, {index: 1, value: 23, op: "SCMP_CMP_EQ"}]}]'
	inside 'for s in 17 18 23; do kill -$s $$ 2>/dev/null && printf 0 || printf 1; done'
	assert_output 101
	seccomp '[{names: ["kill"], action: "SCMP_ACT_ERRNO", args:
		[{index: 0, value: 1, op: "SCMP_CMP_EQ"}, {index: 1, value: 17, op: "SCMP_CMP_EQ"}]}]'
	inside 'for s in 17 18; do kill -$s 1 2>/dev/null && printf 0 || printf 1; done; (sleep 1 & kill -17 $! && printf 0)'
	assert_output 100
}

@test "seccomp: log lets the call through; unknown names are left out, unknown words refused" {
	seccomp '[{names: ["mkdir", "mkdirat", "no_such_call"], action: "SCMP_ACT_LOG"}]'
	set_config '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"] | .root.readonly = false'
	inside 'mkdir /made && echo made; grep ^Seccomp: /proc/self/status'
	assert_line made
	assert_line --regexp "^Seccomp:	2"
	set_config '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_NOSUCH"]'
	refused "SECCOMP_FILTER_FLAG_NOSUCH" run -b "$BUNDLE" "$ID"
	seccomp '[{names: ["mkdir"], action: "SCMP_ACT_NOSUCH"}]'
	refused "SCMP_ACT_NOSUCH" run -b "$BUNDLE" "$ID"
	seccomp '[{names: ["kill"], action: "SCMP_ACT_ERRNO", args: [{index: 6, value: 1, op: "SCMP_CMP_EQ"}]}]'
	refused "config.json: linux.seccomp.syscalls[0].args[0].index: 6" run -b "$BUNDLE" "$ID"
	seccomp '[{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]'
	refused "SCMP_ACT_NOTIFY needs seccomp.listenerPath" run -b "$BUNDLE" "$ID"
}

@test "seccomp: with and without noNewPrivileges, as root and as another user" {
	local uid on
	seccomp '[{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]'
	for uid in 0 1000; do
		for on in true false; do
			set_config '.process.noNewPrivileges = $on | .process.user = {uid: $uid, gid: 0}' \
				--argjson on "$on" --argjson uid "$uid"
			inside 'grep -E "^(NoNewPrivs|Seccomp):" /proc/1/status; mkdir /tmp/x; true'
			assert_line --regexp "^NoNewPrivs:	$([[ $on == true ]] && echo 1 || echo 0)"
			assert_line --regexp "^Seccomp:	2"
			assert_line --partial "Operation not permitted"
		done
	done
}

@test "seccomp: a compiled program is kept and used again; a cache that was tampered with is not" {
	local cache=/run/nsrun/cache entry inode size
	rm -rf "$cache"
	seccomp '[{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]'
	check() { inside 'mkdir /tmp/x 2>&1 | tail -n 1'; assert_output --partial "Function not implemented"; }
	check
	entry=$(find "$cache" -name '*.bpf')
	assert_equal "$(stat -c %a "$entry")" 600
	inode=$(stat -c %i "$entry")
	check
	assert_equal "$(stat -c %i "$entry")" "$inode"
	# Another program under its name (here: the end of it, where the actions are), a longer, a shorter one.
	size=$(stat -c %s "$entry")
	printf '\377\177' | dd of="$entry" bs=1 seek=$((size - 6)) conv=notrunc status=none
	check
	[[ $(stat -c %i "$entry") != "$inode" ]]
	truncate -s -8 "$entry"
	check
	assert_equal "$(stat -c %s "$entry")" "$size"
	# Of somebody else, open to others, a link, a fifo.
	chown 1000 "$entry"
	check
	assert_equal "$(stat -c %u "$entry")" 0
	chmod 0666 "$entry"
	check
	assert_equal "$(stat -c %a "$entry")" 600
	mv "$entry" "$entry.real"
	ln -s "$entry.real" "$entry"
	check
	[[ ! -L $entry ]]
	rm "$entry"
	mkfifo "$entry"
	check
	[[ -f $entry ]]
	chmod 0777 "$(dirname "$entry")"
	check
}

# ---- terminal and stdio -----------------------------------------------------------------------------------

# receiver NAME: tests/recvtty in the background at $BATS_TEST_TMPDIR/NAME.sock, its output in NAME.out; type to
# it through descriptor 9.
receiver()
{
	local recvtty=${BUILD:-$SOURCE}/tests/recvtty
	[[ -x $recvtty ]] || fail "$recvtty is not built (make check-integration builds it)"
	SOCKET=$BATS_TEST_TMPDIR/$1.sock RECEIVED=$BATS_TEST_TMPDIR/$1.out
	mkfifo "$BATS_TEST_TMPDIR/$1.in"
	"$recvtty" "$SOCKET" <"$BATS_TEST_TMPDIR/$1.in" >"$RECEIVED" 2>&1 3>&- &
	exec 9>"$BATS_TEST_TMPDIR/$1.in"
	wait_until test -S "$SOCKET"
}

@test "terminal: its master goes to the console socket; consoleSize, owner and /dev/console" {
	receiver tty
	set_config '.process.terminal = true | .process.consoleSize = {height: 33, width: 101} |
		.process.user = {uid: 1000, gid: 1000}'
	set_args sh -c 'stty size; tty; stat -c "%u %t" /dev/pts/0; stat -c %t /dev/console; echo ready
		read line; echo "got $line"; exit 3'
	launch create --console-socket "$SOCKET" -b "$BUNDLE" "$ID"
	wait_until grep -q "^received /dev/pts/0" "$RECEIVED"
	run -0 nsrun start "$ID"
	wait_until grep -q ready "$RECEIVED"
	echo hello >&9
	wait_until is_status stopped
	wait_until grep -q "got hello" "$RECEIVED"
	output=$(<"$RECEIVED")
	mapfile -t lines <"$RECEIVED"
	assert_line "33 101"
	assert_line /dev/pts/0
	assert_line "1000 88"
	assert_line 88
	# No CR: the engine's log has the program's lines.
	refute_output --partial $'\r'
	exec 9>&-
}

@test "terminal: of a container that joins another's mount namespace" {
	launch run -d -b "$BUNDLE" "$ID-2"
	receiver tty
	set_config '.process.terminal = true | (.linux.namespaces[] | select(.type == "mount")).path = $p |
		.mounts = [] | .root.readonly = false | .linux.maskedPaths = [] | .linux.readonlyPaths = []' \
		--arg p "/proc/$(pid_of "$ID-2")/ns/mnt"
	set_args sh -c 'tty; stat -c %t "$(tty)"; echo ready'
	launch create --console-socket "$SOCKET" -b "$BUNDLE" "$ID"
	wait_until grep -q "^received /dev/pts/0" "$RECEIVED"
	run -0 nsrun start "$ID"
	wait_until grep -q ready "$RECEIVED"
	mapfile -t lines <"$RECEIVED"
	assert_line /dev/pts/0
	assert_line 88
	exec 9>&-
}

@test "terminal: run -d with a console socket, and without one for people" {
	receiver tty
	set_config '.process.terminal = true'
	set_args sh -c 'tty; sleep 1000'
	launch run -d --console-socket "$SOCKET" -b "$BUNDLE" "$ID"
	wait_until grep -q "^/dev/pts/0" "$RECEIVED"
	nsrun delete --force "$ID"
	exec 9>&-
	launch run -d -b "$BUNDLE" "$ID" sh -c 'tty; readlink /proc/self/fd/0; sleep 1000'
	wait_until grep -q "/null" "$OUTPUT"
	grep -q "not a tty" "$OUTPUT"
}

@test "terminal: what does not go together is refused with runc's words" {
	set_config '.process.terminal = true'
	refused "cannot allocate tty if nsrun will detach without setting console socket" create -b "$BUNDLE" "$ID"
	refused "cannot use console socket if nsrun will not detach or allocate tty" run --console-socket /x -b "$BUNDLE" "$ID"
	set_config '.process.terminal = false'
	refused "cannot use console socket if nsrun will not detach or allocate tty" create --console-socket /x -b "$BUNDLE" "$ID"
	set_config '.process.terminal = true'
	run -1 nsrun create --console-socket "$BATS_TEST_TMPDIR/nobody" -b "$BUNDLE" "$ID"
	assert_output --partial "$BATS_TEST_TMPDIR/nobody"
	refused "container does not exist" state "$ID"
}

@test "terminal: attached, by way of script(1)" {
	set_config '.process.terminal = true'
	set_args sh -c 'stty size; tty; stty -a | grep -o -e "-onlcr"; exit 4'
	run -4 script -qec "stty rows 20 cols 70; '$NSRUN' run -b '$BUNDLE' '$ID'" /dev/null </dev/null
	mapfile -t lines <<<"${output//$'\r'/}"
	assert_line --regexp "20 70$"
	assert_line --partial /dev/pts/0
	assert_line "-onlcr"
	# What is typed reaches it, with the terminal's own ways: ^C is a signal to the program alone.
	set_args sh -c 'trap "echo interrupted; exit 5" INT; echo ready; while :; do sleep 0.05; done'
	run -5 bash -c '{ until grep -q ready "$3" 2>/dev/null; do sleep 0.05; done; printf "\003"; sleep 2; } |
		script -qefc "$NSRUN run -b $1 $2" "$3"' - "$BUNDLE" "$ID" "$BATS_TEST_TMPDIR/typescript"
	assert_output --partial interrupted
}

@test "terminal: all output of a short-lived program arrives, and a background child holds nobody" {
	set_config '.process.terminal = true'
	set_args sh -c 'seq 1 5000; sleep 1000 &'
	run -0 timeout 20 script -qec "'$NSRUN' run -b '$BUNDLE' '$ID'" /dev/null </dev/null
	assert_equal "$(tr -d '\r' <<<"$output" | grep -cE '[0-9]+$')" 5000
	set_config '.process.terminal = false'
	run -0 timeout 20 bash -c '"$NSRUN" run -b "$1" "$2" | cat' - "$BUNDLE" "$ID"
	assert_equal "${#lines[@]}" 5000
}

@test "an image's own ptmx is not believed" {
	receiver tty
	set_config '.process.terminal = true | del(.mounts[] | select(.destination == "/dev/pts"))'
	mkdir -p "$BUNDLE/rootfs/dev/pts"
	run -1 nsrun create --console-socket "$SOCKET" -b "$BUNDLE" "$ID"
	assert_output --partial "open a terminal: the container's /dev/pts/ptmx"
	exec 9>&-
	wait
}

@test "stdio belongs to the container's user, but /dev/null and what is only read" {
	: >"$BATS_TEST_TMPDIR/log"
	echo input >"$BATS_TEST_TMPDIR/input"
	set_config '.process.user = {uid: 1000, gid: 1000}'
	run -0 bash -c '"$NSRUN" run -b "$1" "$2" sh -c "echo out >/dev/stdout; echo err >/dev/stderr; cat" \
		<"$3/input" >>"$3/log" 2>/dev/null' - "$BUNDLE" "$ID" "$BATS_TEST_TMPDIR"
	assert_equal "$(<"$BATS_TEST_TMPDIR/log")" "$(printf 'out\ninput')"
	assert_equal "$(stat -c %u "$BATS_TEST_TMPDIR/log")" 1000
	assert_equal "$(stat -c %u "$BATS_TEST_TMPDIR/input")" 0
	assert_equal "$(stat -c %u /dev/null)" 0
	run -0 bash -c '"$NSRUN" run -b "$1" "$2" sh -c "echo piped >/dev/stdout" | cat' - "$BUNDLE" "$ID"
	assert_output piped
}

@test "a session keyring of its own, unless --no-new-keyring" {
	[[ -e /proc/keys ]] || skip "this kernel has no keys"
	set_config '.linux.maskedPaths = []'
	inside 'cat /proc/keys'
	assert_output --partial "_ses.$ID"
	run -0 nsrun run --no-new-keyring -b "$BUNDLE" "$ID-2" cat /proc/keys
	refute_output --partial "_ses.$ID-2"
}

@test "a session and a process group of its own; signals at their defaults, none blocked" {
	set_args sh -c 'grep -E "^Sig(Blk|Ign)" /proc/self/status; cut -d" " -f5,6 /proc/1/stat'
	run -0 bash -c 'trap "" HUP USR1; exec "$NSRUN" run -b "$1" "$2"' - "$BUNDLE" "$ID"
	assert_line --regexp "^SigBlk:	0000000000000000"
	assert_line --regexp "^SigIgn:	0000000000000000"
	assert_line "1 1"
}
