# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What each bats file loads:      load ../helpers
#
#	@test "a stopped container keeps its exit status" {
#		make_bundle "$BUNDLE" sh -c 'exit 3'
#		run -3 nsrun run -b "$BUNDLE" "$ID"
#	}
#
# Of each test its own: $ID (a container id), $BUNDLE (a folder not made yet), and an end at which nothing
# may be left. From bats-assert: assert_success, assert_failure [CODE], assert_output [--partial|--regexp],
# assert_line, assert_equal, refute_output, ... Run files by tests/run, or bats inside tests/sandbox.

bats_require_minimum_version 1.5.0
: "${BATS_LIB_PATH:=/usr/lib/bats}"
bats_load_library bats-support
bats_load_library bats-assert

SOURCE=${SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}

# A file with a setup or teardown of its own calls these two in them.
test_begin()
{
	if [[ ! ${NSRUN_SANDBOX-} ]]; then
		echo "run this by tests/run FILE, or inside tests/sandbox" >&2
		return 1
	fi
	if [[ ! -x ${NSRUN-} ]]; then
		echo "NSRUN=${NSRUN-} is no program; build first, or set it" >&2
		return 1
	fi
	ID=$(new_id)
	BUNDLE=$BATS_TEST_TMPDIR/bundle
	# With TEST_CENSUS=file, tests/run alone looks, once a file: emulated processors take seconds for it.
	[[ ${TEST_CENSUS-} == file ]] || "$SOURCE/tests/census" >"$BATS_TEST_TMPDIR/.census"
}

test_end()
{
	delete_all
	nothing_left
}

# In the VM the machine's containers are all files': ours have our tag in their id.
delete_all()
{
	local id
	for id in $(nsrun list -q 2>/dev/null); do
		[[ $NSRUN_SANDBOX != vm || $id == *-$NSRUN_TEST_TAG* ]] || continue
		nsrun delete --force "$id" || true
	done
}

setup() { test_begin; }
teardown() { test_end; }

# An id that no other container on the machine has, for cgroups are shared between sandboxes, and by which
# tests/census knows whose a cgroup is: t3-TAG, t3a-TAG, ...
new_id()
{
	local count=$BATS_TEST_TMPDIR/.ids letters=({a..z}) n
	echo >>"$count"
	n=$(wc -l <"$count")
	echo "t$BATS_TEST_NUMBER$( ((n == 1)) || echo "${letters[n - 2]}")-$NSRUN_TEST_TAG"
}

# make_run_netns: the first pin of a boot makes /run/netns a mount point and leaves it so, as iproute2 does: then it
# is not of a test's making.
make_run_netns()
{
	ip netns add "first-$$"
	ip netns delete "first-$$"
}

# nothing_left [SECTION...]: fails with what is there that was not when the test began (see tests/census).
nothing_left()
{
	local more
	[[ ${TEST_CENSUS-} != file ]] || return 0
	more=$("$SOURCE/tests/census" --left "$BATS_TEST_TMPDIR/.census" "$@") || {
		printf 'left behind:\n%s\n' "$more" >&2
		return 1
	}
}

nsrun() { "$NSRUN" "$@"; }

# ---- bundles ----------------------------------------------------------------------------------------------

# make_rootfs DIR: busybox with all its applets, root in passwd, the usual folders.
make_rootfs()
{
	local template=$BATS_RUN_TMPDIR/rootfs d
	if [[ ! -d $template ]]; then
		for d in bin dev etc home proc root sys tmp usr/bin var; do
			mkdir -p "$template.new/$d"
		done
		chmod 1777 "$template.new/tmp"
		cp /bin/busybox "$template.new/bin/busybox"
		chroot "$template.new" /bin/busybox --install -s /bin
		printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n' >"$template.new/etc/passwd"
		printf 'root:x:0:\nuser:x:1000:\n' >"$template.new/etc/group"
		mv "$template.new" "$template"
	fi
	mkdir -p "$(dirname "$1")"
	cp -a "$template" "$1"
}

# make_bundle DIR [ARG...]: rootfs and config.json as `nsrun spec` writes it, without a terminal and without
# a network asked for; the process is ARG... or a long sleep.
make_bundle()
{
	local dir=$1
	shift
	(($# > 0)) || set -- sleep 1000
	make_rootfs "$dir/rootfs"
	nsrun spec -b "$dir"
	set_config -b "$dir" '.process.terminal = false | .process.args = $ARGS.positional
		| del(.annotations["io.nsrun.network"])' --args -- "$@"
}

# set_config [-b DIR] FILTER [JQ-OPTION...]: config.json through jq.
set_config()
{
	local dir=$BUNDLE
	if [[ $1 == -b ]]; then
		dir=$2
		shift 2
	fi
	jq "$@" <"$dir/config.json" >"$dir/config.json.new"
	mv "$dir/config.json.new" "$dir/config.json"
}

# set_args ARG...: the process of $BUNDLE.
set_args() { set_config '.process.args = $ARGS.positional' --args -- "$@"; }

# ---- running ----------------------------------------------------------------------------------------------

# launch ARG...: nsrun for what outlives the command (create, run -d). `run` would wait for the container to
# close its output; this has it write to $OUTPUT. Sets $status and $output as `run` does, and fails if nsrun
# fails.
launch()
{
	OUTPUT=$BATS_TEST_TMPDIR/output.$((launches = ${launches:-0} + 1))
	status=0
	"$NSRUN" "$@" >"$OUTPUT" 2>&1 </dev/null 3>&- || status=$?
	output=$(<"$OUTPUT")
	((status == 0)) || {
		printf 'nsrun %s: exit status %d\n%s\n' "$*" "$status" "$output" >&2
		return 1
	}
}

# refused TEXT ARG...: nsrun ARG... ends with status 1 and one line on stderr, which holds TEXT.
# (A hint may follow; it is a line of its own.)
refused()
{
	local text=$1
	shift
	run -1 --separate-stderr "$NSRUN" "$@"
	output=$stderr
	[[ ${stderr_lines[0]} == "nsrun: "*"$text"* ]] || fail "expected an error with \"$text\", found: $stderr"
	((${#stderr_lines[@]} == 1)) || [[ ${#stderr_lines[@]} == 2 && ${stderr_lines[1]} == "hint: "* ]] ||
		fail "expected one line, found: $stderr"
}

# ---- looking ----------------------------------------------------------------------------------------------

# status_of ID, pid_of ID: from the state.
status_of() { nsrun state "$1" | jq -r .status; }
pid_of() { nsrun state "$1" | jq -r .pid; }

# assert_status STATUS [ID]
assert_status() { assert_equal "$(status_of "${2-$ID}")" "$1"; }

# wait_until [-t SECONDS] CMD...: until CMD succeeds, 10 seconds at most; TEST_PATIENCE times that where processors
# are emulated. Instead of sleeps.
wait_until()
{
	local limit=10 end
	if [[ $1 == -t ]]; then
		limit=$2
		shift 2
	fi
	limit=$((limit * ${TEST_PATIENCE:-1}))
	end=$((SECONDS + limit))
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || fail "not within $limit s: $*"
		sleep 0.02
	done
}

# is_status STATUS [ID]: for wait_until.
is_status() { [[ $(status_of "${2-$ID}") == "$1" ]]; }
