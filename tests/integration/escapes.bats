# SPDX-License-Identifier: GPL-2.0-or-later
# Known ways out of a runtime, tried on a whole container; SECURITY.md has the list. Those that need less than
# that are in tests/unit.

load ../helpers

@test "a working directory by somebody's descriptor is never outside of the root (CVE-2024-21626)" {
	make_bundle "$BUNDLE" sh -c 'pwd -P; ls ../../../../../..; cat ../../../../../../etc/shadow'
	cp "$BUNDLE/config.json" config.json
	for fd in {3..20}; do
		for path in "/proc/self/fd/$fd" "/proc/self/fd/$fd/../.." "/proc/1/fd/$fd"; do
			cp config.json "$BUNDLE/config.json"
			set_config '.process.cwd = $path' --arg path "$path"
			run "$NSRUN" run -b "$BUNDLE" "$ID"
			assert [ "$status" != 0 ]
			refute_output --partial "root:"
		done
	done
}

@test "nor is that of exec, nor through a link of the image" {
	make_bundle "$BUNDLE"
	ln -s /proc/self/fd/7 "$BUNDLE/rootfs/way-out"
	launch run -d -b "$BUNDLE" "$ID"
	for path in /way-out /proc/self/fd/{3..12} /proc/self/cwd/../../..; do
		run "$NSRUN" exec --cwd "$path" "$ID" sh -c 'ls -d etc/apt var/lib/dpkg ../etc/apt 2>/dev/null; pwd -P'
		refute_output --partial apt
		refute_output --partial dpkg
	done
}

@test "exec has no inheritable capabilities, whatever the config says (CVE-2022-29162)" {
	make_bundle "$BUNDLE"
	set_config '.process.capabilities.inheritable = ["CAP_KILL"] | .process.capabilities.ambient = []'
	launch run -d -b "$BUNDLE" "$ID"
	run -0 nsrun exec "$ID" grep -E 'CapInh|CapAmb' /proc/self/status
	assert_line --regexp '^CapInh:\s+0+$'
	assert_line --regexp '^CapAmb:\s+0+$'
}
