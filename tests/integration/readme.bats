# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md tells people to type, typed. A block of it that follows `<!-- tested: NAME -->` is run here as
# it is written, but for the containers' ids, which are the test's own, and for images from afar.

load ../helpers

README=$BATS_TEST_DIRNAME/../../README.md

setup()
{
	make_run_netns
	test_begin
	cd "$BATS_TEST_TMPDIR" || return
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d SUFFIX=${ID##*-}
	PATH=$(dirname "$NSRUN"):$PATH
}

teardown_file() { umount /run/netns; }

teardown()
{
	local id net
	for id in $(nsrun list -q); do
		nsrun delete --force "$id" || true
	done
	for net in web bridge; do
		nsrun network rm "$net" 2>/dev/null || true
	done
	nothing_left
}

# block NAME: the blocks of that name, one after the other.
block()
{
	awk -v marker="<!-- tested: $1 -->" '
	/^```/ { inside = inside ? 0 : found; found = 0; next }
	inside
	/^<!-- / { found = $0 == marker }' "$README" | sed -E 's/\bc([1-9])\b/c\1-'"$SUFFIX"'/g'
}

# script NAME...: their blocks as a script, whose user is slower than a web server.
script()
{
	local name
	cat <<-'END'
		set -e
		wget() {
			for try in {1..100}; do
				! command wget "$@" 2>/dev/null || return 0
				sleep 0.05
			done
			return 1
		}
	END
	for name in "$@"; do
		block "$name"
	done
}

# By a file: `run` would wait for who keeps stdout, which `run -d` does.
type_in()
{
	bash "$1" >output 2>&1 </dev/null 3>&- || fail "$(<output)"
	run -0 cat output
}

@test "each block of shell is tested" {
	run -0 grep -c '^```sh' "$README"
	shells=$output
	run -0 grep -c '^<!-- tested: ' "$README"
	assert_output "$shells"
	run -0 grep -A1 '^<!-- tested: ' "$README"
	refute_line --regexp '^```$'
}

# squeezed: a picture without what differs from host to host and from run to run.
squeezed()
{
	sed -E "s/-$SUFFIX//g"'; s/ve[0-9a-f]{12}/VETH/g; s/ fd[0-9a-f:]+(\/64)?//g; s/  +/  /g'
}

@test "the tour: eight commands, under a minute" {
	assert_equal "$(block tour | wc -l)" 8
	ip link add eth0 up type ifb # the way out
	ip addr add 192.0.2.10/24 dev eth0
	ip route add default via 192.0.2.1
	export LC_ALL=C.UTF-8
	script rootfs tour >tour.sh
	# The other commands are for while c1 runs.
	block tools >tools.sh
	awk 'NR == FNR { tools = tools $0 "\n"; next } /^nsrun delete/ { printf "%s", tools } { print }' \
		tools.sh tour.sh >typed.sh
	SECONDS=0
	type_in typed.sh
	((SECONDS < 60))
	ip link delete eth0
	assert_equal "$(grep -c '^hello from c1' output)" 2
	assert_line --regexp '^web +10\.[0-9.]+/24'
	assert_line --regexp 'inet 10\.[0-9.]+/24 .*eth0'
	assert_line --regexp '^default via 10\.'
	assert_output --partial "publish    0.0.0.0:8080 -> 80/tcp"
	assert_line --regexp '^used by  c1-.* \(pid [0-9]+ httpd\), c2-'
	shown=$(awk '$0 == "<!-- shown: tour -->" { found = 1; next }
		/^```/ { inside = inside ? 0 : found; found = 0; next } inside' "$README" | squeezed)
	run -0 squeezed <output
	assert_output --partial "$shown"
	assert_equal "$(nsrun list -q)" ""
	assert_equal "$(nsrun network ls -q)" bridge
}

@test "the cable" {
	script cable >typed.sh
	type_in typed.sh
	assert_line "red lnk0 192.168.15.1/24 -- blue lnk0 192.168.15.2/24"
	assert_output --partial "1 packets transmitted, 1 received"
	assert_line --regexp '^192\.168\.15\.1 dev lnk0 lladdr '
	assert_equal "$(nsrun netns ls -q)" ""
}

@test "from an image by skopeo and umoci" {
	command -v skopeo umoci >/dev/null || skip "skopeo and umoci are not installed"
	make_rootfs rootfs
	umoci init --layout registry
	umoci new --image registry:latest
	umoci insert --image registry:latest rootfs /
	umoci config --image registry:latest --config.cmd sh
	script image | sed 's|docker://docker.io/library/busybox:latest|oci:registry:latest|' >typed.sh
	grep -q oci:registry typed.sh
	type_in typed.sh
	assert_line --regexp 'inet 10\.88\.[0-9.]+/16 .*eth0'
}

@test "from docker export or podman export" {
	make_rootfs rootfs
	{
		# What the engine gives; no engine is needed for the rest.
		echo 'podman() { case $1 in create) echo id ;; export) tar -cf - -C rootfs . ;; esac; }'
		script export
	} >typed.sh
	type_in typed.sh
	assert_line --regexp 'inet 10\.88\.[0-9.]+/16 .*eth0'
}

@test "what README calls not supported yet is refused by name" {
	make_bundle "$BUNDLE"
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
	mkdir "$NSRUN_NET_DIR"
	cat >"$NSRUN_NET_DIR/p2p.conflist" <<-'EOF'
		{"cniVersion": "1.0.0", "name": "p2p", "nsrun": {"internal": true},
		 "plugins": [{"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.7.0.0/24"}}]}
	EOF
	refused 'nsrun.internal with plugin type "ptp" (plugins[0]): not supported yet' \
		run --network p2p -b "$BUNDLE" "$ID"
}

# named_files FILE...: what stands in backquotes and looks like one of our files, but for patterns.
named_files()
{
	grep -ohE '`[a-z]+/[A-Za-z0-9_./-]+`' "$@" | tr -d '`' | grep -v '[A-Z][A-Z]' | sort -u
}

@test "the papers name files that there are" {
	cd "$SOURCE" || return
	while read -r file; do
		[[ -e $file || -e tests/$file || $file == tests/nsrun-faults || $file == build-demo/* ]] ||
			fail "there is no $file"
	done < <(named_files ./*.md)
}

@test "SECURITY.md names tests that there are" {
	cd "$SOURCE/tests" || return
	while read -r name; do
		grep -q "^static void $name(" unit/*.c || fail "there is no unit test $name"
	done < <(grep -oE '`test_[a-z0-9_]+`' ../SECURITY.md | tr -d '`')
	while read -r name; do
		grep -qF "@test \"$name\"" {integration,network,vm}/*.bats || fail "there is no test \"$name\""
	done < <(grep -oE '\.bats`: "[^"]+"' ../SECURITY.md | cut -d'"' -f2)
}

@test "ARCHITECTURE.md tells each step, and no other" {
	cd "$SOURCE" || return
	steps=$(grep -ohE 'step(_await)?\(&?e, "[^"]+"|step\(first, "[^"]+"' runtime/{create,init,teardown}.c | cut -d'"' -f2)
	while read -r step; do
		grep -qF "$step" ARCHITECTURE.md || fail "nothing about the step \"$step\""
	done <<<"$steps"
	while read -r step; do
		[[ $step == "("* ]] || grep -qxF "$step" <<<"$steps" || fail "there is no step \"$step\""
	done < <(awk '/^## A container/ { on = 1 } /^### / { exit } on && /^    .*·/' ARCHITECTURE.md |
		sed 's/ · /\n/g; s/·//g' | sed 's/^ *//; s/ *$//')
}
