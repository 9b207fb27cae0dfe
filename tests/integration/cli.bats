# SPDX-License-Identifier: GPL-2.0-or-later
# The command line itself: exit codes, help, where errors go.

load ../helpers

# usage MESSAGE ARG...: exactly this error, status 1.
usage()
{
	local message=$1
	shift
	run -1 --separate-stderr "$NSRUN" "$@"
	assert_equal "$stderr" "nsrun: $message"
	assert_output ""
}

@test "nsrun alone prints help on stdout" {
	run -0 --separate-stderr "$NSRUN"
	assert_line --index 0 --partial "usage: nsrun "
	((${#lines[@]} <= 36)) # each VERB --help is at most 24
	assert_equal "$stderr" ""
	help=$output
	run -0 nsrun --help
	assert_output "$help"
	run -0 nsrun help
	assert_output "$help"
}

@test "each verb has help" {
	local verb
	while read -r verb; do
		run -0 nsrun "$verb" --help
		assert_line --index 0 --partial "usage: nsrun $verb"
		run -0 nsrun help "$verb"
		assert_line --index 0 --partial "usage: nsrun $verb"
	done < <(nsrun __complete -- '' | cut -f1)
	run -0 nsrun network create -h
	assert_line --index 0 --partial "usage: nsrun network create"
}

@test "--version tells version, commit, spec and features" {
	run -0 nsrun --version
	assert_line --index 0 --regexp '^nsrun version [0-9]+\.[0-9]+\.[0-9]+$'
	assert_line --index 1 --regexp '^commit: '
	assert_line --index 2 "spec: 1.3.0"
	assert_line --index 3 --partial "+SECCOMP +CAP +YAJL +NETWORK"
	run -0 nsrun -v
}

@test "an unknown verb is status 3, with the nearest one" {
	run -3 nsrun crate x
	assert_output 'nsrun: verb "crate" is not known; did you mean create?'
	run -3 nsrun frobnicate
	assert_output 'nsrun: verb "frobnicate" is not known'
	run -3 nsrun network creat x
	assert_output 'nsrun: network verb "creat" is not known; did you mean create?'
}

@test "a wrong command line is status 1, and names what is wrong" {
	usage 'option --rot is not known; did you mean --root?' --rot /x list
	usage 'create: option --bundel is not known; did you mean --bundle?' create --bundel /b x
	usage 'list: option --root stands before the verb' list --root /x
	usage 'create: option --pid-file requires an argument' create --pid-file
	usage 'run: option --preserve-fds: expected a number from 0 to 4096, not "x"' run --preserve-fds x y
	usage 'list: option --format: expected table or json, not "xml"' list --format xml
	usage 'start: ID is missing' start
	usage 'start: unexpected argument "b"' start a b
	usage 'exec "a": COMMAND is missing' exec a
	usage 'exec "a": a command ("b") and --process exclude each other' exec -p /p a b
	local flag
	for flag in "--cwd /" "--env A=b" "--user 1" "--additional-gids 1" "--cap CAP_KILL" --no-new-privs; do
		# shellcheck disable=SC2086 # the option and its argument
		usage "exec \"a\": ${flag% *} and --process exclude each other: the file says it" exec -p /p $flag a
	done
	usage 'run: option -d stands behind a, where the command begins; options come first' run a -d
	usage "--root \"/\": containers' state cannot be kept in the root of the file system" --root / list
	usage 'kill "nope": unknown signal "FOO"' kill nope FOO
}

@test "exec's own errors are status 255" {
	run -255 nsrun exec nope true
	assert_output 'nsrun: exec: container "nope": container does not exist'
}

@test "with --log and json the file has one object, and stderr the same message" {
	run -1 --separate-stderr "$NSRUN" --log "$BATS_TEST_TMPDIR/log" --log-format json state nope
	assert_equal "$stderr" 'nsrun: state: container "nope": container does not exist'
	assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/log")" 1
	assert_equal "$(jq -r .level "$BATS_TEST_TMPDIR/log")" error
	assert_equal "$(jq -r .msg "$BATS_TEST_TMPDIR/log")" 'state: container "nope": container does not exist'
	nsrun --log "$BATS_TEST_TMPDIR/log" start || true
	assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/log")" 2
}

@test "with json and no --log stderr has the object" {
	run -1 --separate-stderr "$NSRUN" --log-format=json state nope
	assert_equal "$(jq -r .level <<<"$stderr")" error
}

@test "stdout that takes nothing is an error" {
	run -1 --separate-stderr bash -c '"$0" list >/dev/full' "$NSRUN"
	assert_equal "$stderr" "nsrun: write to stdout: write: No space left on device"
	run -1 --separate-stderr bash -c '"$0" list >&-' "$NSRUN"
	assert_equal "$stderr" "nsrun: write to stdout: it is closed"
}

@test "closed stdin and stderr do not matter" {
	run -0 bash -c '"$0" list <&- 2>&-' "$NSRUN"
	run -1 bash -c '"$0" state nope <&- >&- 2>&-' "$NSRUN"
}

@test "an empty list" {
	run -0 nsrun --root "$BATS_TEST_TMPDIR/none" list
	assert_output "ID          PID         STATUS      BUNDLE      CREATED     OWNER"
	run -0 nsrun --root "$BATS_TEST_TMPDIR/none" list -f json
	assert_output null
	run -0 nsrun --root "$BATS_TEST_TMPDIR/none" list -q
	assert_output ""
	[[ ! -e $BATS_TEST_TMPDIR/none ]]
}

@test "--root may be relative, and NSRUN_ROOT is the same" {
	mkdir -p "$BATS_TEST_TMPDIR/state/c1"
	cd "$BATS_TEST_TMPDIR"
	run -0 nsrun --root state list -q
	assert_output c1
	NSRUN_ROOT=$PWD/state run -0 nsrun list -q
	assert_output c1
	run -0 nsrun __complete -- --root state kill ''
	assert_output c1
}

@test "delete --regex takes those that match" {
	make_bundle "$BUNDLE"
	launch create -b "$BUNDLE" "$ID-a"
	launch create -b "$BUNDLE" "$ID-b"
	run -1 nsrun delete --regex "^$ID-c"
	assert_output "nsrun: delete: no container's id matches \"^$ID-c\""
	run -0 nsrun delete --force --regex "^$ID-c"
	run -0 nsrun delete --regex "^$ID-[ab]\$"
	run -0 nsrun list -q
	assert_output ""
}

@test "delete tries each id" {
	make_bundle "$BUNDLE"
	launch create -b "$BUNDLE" "$ID"
	run -1 nsrun delete nope "$ID"
	assert_output --partial 'delete: container "nope": container does not exist'
	run -0 nsrun list -q
	assert_output ""
}

@test "ps prints ps's table, and pids as JSON" {
	make_bundle "$BUNDLE"
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun ps "$ID"
	assert_line --index 0 --regexp '^UID +PID'
	assert_line --index 1 --partial "sleep 1000"
	assert_equal "${#lines[@]}" 2
	# -e: by itself ps shows only what is on its own terminal, which a test may have.
	run -0 nsrun ps "$ID" -eo pid,args
	assert_line --index 1 --regexp "^ *$(pid_of "$ID") sleep 1000"
	run -0 nsrun ps --format=json "$ID"
	assert_output "[$(pid_of "$ID")]"
	run -1 nsrun ps "$ID" -o args
	assert_output "nsrun: ps \"$ID\": ps printed no column PID, by which the container's processes are found"
}

@test "a directory that is no container's is a row, and hides nothing" {
	make_bundle "$BUNDLE"
	mkdir "$BATS_TEST_TMPDIR/state"
	launch --root "$BATS_TEST_TMPDIR/state" create -b "$BUNDLE" "$ID"
	mkdir "$BATS_TEST_TMPDIR/state/broken"
	mkfifo "$BATS_TEST_TMPDIR/state/broken/record.json"
	run -0 --separate-stderr timeout 5 "$NSRUN" --root "$BATS_TEST_TMPDIR/state" list
	assert_line --regexp "^broken  *0  *unknown"
	assert_line --regexp "^$ID .*created"
	[[ $stderr == "nsrun: warning: list: broken: "* ]]
	run -0 --separate-stderr "$NSRUN" --root "$BATS_TEST_TMPDIR/state" list -f json
	assert_equal "$(jq -c '[.[].id] | sort' <<<"$output")" "$(jq -nc --arg id "$ID" '["broken", $id] | sort')"
	nsrun --root "$BATS_TEST_TMPDIR/state" delete "$ID"
}

@test "inherited descriptors do not reach the container, preserved ones do" {
	make_bundle "$BUNDLE" sh -c 'ls /proc/self/fd | tr "\n" " "'
	run -0 bash -c 'exec 3</dev/null 4</dev/null 5</dev/null 9</dev/null; "$0" run -b "$1" "$2"' "$NSRUN" "$BUNDLE" "$ID"
	assert_output "0 1 2 3 "
	run -0 bash -c 'exec 3<&- 4</dev/null 5</dev/null 9</dev/null; "$0" --log /dev/null run --preserve-fds 2 -b "$1" "$2"' \
		"$NSRUN" "$BUNDLE" "$ID"
	assert_output "0 1 2 3 4 "
}
