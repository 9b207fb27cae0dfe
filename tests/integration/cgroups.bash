# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tests of cgroups share, beside helpers.bash:	load cgroups
# They run in each view of the host: v1 and hybrid hosts have a directory in each hierarchy, pure v2 has one.
# $ROOT is the mount of all; $UNIFIED the cgroup2 mount, unset where there is none.

load ../helpers

cgroup_begin()
{
	test_begin
	make_bundle "$BUNDLE"
	ROOT=/sys/fs/cgroup
	is_v2 || [[ ! -d $ROOT/unified ]] || UNIFIED=$ROOT/unified
	is_v2 && UNIFIED=$ROOT
	OWN=()
}

cgroup_end()
{
	local dir
	delete_all
	for dir in "${OWN[@]}"; do
		find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || true
	done
	test_end
}

is_v2() { [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]]; }

# dirs: the mount of each hierarchy.
dirs()
{
	if is_v2; then
		echo "$ROOT"
	else
		for d in "$ROOT"/*; do [[ -L $d ]] || echo "$d"; done
	fi
}

# make_cgroup PATH: in each hierarchy; removed by teardown.
make_cgroup()
{
	local d
	for d in $(dirs); do
		mkdir -p "$d/$1"
		OWN+=("$d/${1%%/*}")
	done
}

# has CONTROLLER: on v1 or v2 of this view.
has_v1() { ! is_v2 && [[ -d $ROOT/$1 ]]; }
has_v2() { [[ ${UNIFIED-} ]] && grep -qw "$1" "$UNIFIED/cgroup.controllers"; }

resources() { set_config ".linux.resources = $1"; }

# paths [PID]: where a process is in the hierarchies of this view, a line each.
paths()
{
	if is_v2; then
		cgroup_of "${1-self}"
	else
		cut -d: -f3- "/proc/${1-self}/cgroup"
	fi
}

# What `paths` makes of /proc/self/cgroup seen inside.
inside_paths() { if is_v2; then sed -n 's/^0:://p'; else cut -d: -f3-; fi; }

# cgroup_of PID [CONTROLLER]: its path; of v2 without CONTROLLER.
cgroup_of() { awk -F: -v c="${2-}" '$2 == c { print $3 }' "/proc/$1/cgroup"; }

# freeze, thaw: the container $ID, behind nsrun's back.
freeze()
{
	if is_v2; then
		echo 1 >"$ROOT/nsrun/$ID/cgroup.freeze"
	else
		echo FROZEN >"$ROOT/freezer/nsrun/$ID/freezer.state"
	fi
}

thaw()
{
	if is_v2; then
		echo 0 >"$ROOT/nsrun/$ID/cgroup.freeze"
	else
		echo THAWED >"$ROOT/freezer/nsrun/$ID/freezer.state"
	fi
}
