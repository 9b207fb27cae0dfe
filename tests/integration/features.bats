#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# features, and what nsrun prints and writes in the runtime-spec's shapes, by the spec's own JSON schema
# (tests/data/runtime-spec). That each name of features is honoured: tests/unit/test_features.c.

load ../helpers

setup()
{
	test_begin
	SCHEMA=$BATS_TEST_DIRNAME/../data/runtime-spec/schema
}

# fits SCHEMA FILE: validates FILE by SCHEMA.json, whose parts refer to each other by file name.
fits()
{
	python3 - "$SCHEMA" "$1-schema.json" "$2" <<-'PYTHON'
		import json, sys, warnings
		warnings.simplefilter("ignore")
		import jsonschema
		folder, schema, document = sys.argv[1:]
		with open(f"{folder}/{schema}") as f:
		    schema = json.load(f)
		with open(document) as f:
		    document = json.load(f)
		resolver = jsonschema.RefResolver(f"file://{folder}/", schema)
		errors = list(jsonschema.Draft4Validator(schema, resolver=resolver).iter_errors(document))
		for e in errors:
		    print("/".join(map(str, e.absolute_path)) + ": " + e.message)
		sys.exit(len(errors) > 0)
	PYTHON
}

@test "the validator tells good from bad: the schema's own cases" {
	local kind file
	for kind in config state features; do
		for file in "$SCHEMA/test/$kind"/good/*.json; do run -0 fits "$kind" "$file"; done
		for file in "$SCHEMA/test/$kind"/bad/*.json; do run ! fits "$kind" "$file"; done
	done
}

@test "features fit the schema, and say what there is" {
	local out=$BATS_TEST_TMPDIR/features.json
	run -0 --separate-stderr nsrun features
	printf '%s\n' "$output" >"$out"
	assert_equal "$stderr" ""
	run -0 fits features "$out"
	jq -e '.ociVersionMin == "1.0.0" and .ociVersionMax == "1.3.0" and (.hooks | length) == 6
		and (.mountOptions | index("rro")) and (.linux.namespaces | length) == 8 and .linux.cgroup.v1 and .linux.cgroup.v2
		and (.linux.capabilities | index("CAP_CHECKPOINT_RESTORE")) and .linux.seccomp.enabled
		and (.potentiallyUnsafeConfigAnnotations | index("io.nsrun.") and index("org.systemd.property."))' "$out" >/dev/null
}

@test "features: each mount option is taken by a mount" {
	make_bundle "$BUNDLE" true
	mkdir "$BATS_TEST_TMPDIR/data"
	# shellcheck disable=SC2016 # jq's
	set_config '.mounts += ($options - ["remount"] | map(. as $o | {destination: "/features/\($o)", options: [$o]} +
		if IN("bind", "rbind", "src-nofollow", "dest-nofollow", "copy-symlink", "idmap", "ridmap")
		then {type: "bind", source: $data} else {type: "tmpfs", source: "tmpfs"} end +
		if IN("idmap", "ridmap") then {uidMappings: $map, gidMappings: $map} else {} end))
		+ [{destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["remount", "noatime"]}]' \
		--argjson options "$(nsrun features | jq -c .mountOptions)" --arg data "$BATS_TEST_TMPDIR/data" \
		--argjson map '[{"containerID": 0, "hostID": 1000, "size": 1}]'
	run -0 nsrun run -b "$BUNDLE" "$ID" grep -c " /features/" /proc/self/mountinfo
	assert_equal "$output" "$(jq '[.mounts[].destination | select(startswith("/features/"))] | length' "$BUNDLE/config.json")"
}

@test "features need no privileges and no environment" {
	run -0 env -i setpriv --bounding-set -all --inh-caps -all "$NSRUN" features
	refused 'features: unexpected argument "now"' features now
}

@test "spec, with and without root, fits the schema" {
	mkdir "$BUNDLE"
	run -0 nsrun spec -b "$BUNDLE"
	run -0 fits config "$BUNDLE/config.json"
	rm "$BUNDLE/config.json"
	run -0 nsrun spec -b "$BUNDLE" --rootless
	run -0 fits config "$BUNDLE/config.json"
}

@test "state fits the schema in each status" {
	local out=$BATS_TEST_TMPDIR/state.json at
	make_bundle "$BUNDLE"
	set_config '.annotations = {"org.example.key": "value"}'
	set_args sleep 1000
	launch create -b "$BUNDLE" "$ID"
	for at in created running stopped; do
		nsrun state "$ID" >"$out"
		run -0 fits state "$out"
		assert_equal "$(jq -r .status "$out")" "$at"
		# runc's members beside the spec's
		jq -e '.annotations["org.example.key"] == "value" and (.created | test("^[0-9]{4}-.*T.*Z$")) and .owner == "root" or
			(.owner | type) == "string"' "$out" >/dev/null
		case $at in
		created) nsrun start "$ID" ;;
		running)
			nsrun kill "$ID" KILL
			wait_until is_status stopped
			;;
		esac
	done
	assert_equal "$(jq .pid "$out")" 0
	nsrun delete "$ID"
}

@test "what hooks read on stdin fits the schema" {
	local out=$BATS_TEST_TMPDIR/hook.json point
	make_bundle "$BUNDLE"
	for point in prestart createRuntime createContainer poststart poststop; do
		set_config '.hooks[$point] = [{path: "/bin/busybox", args: ["sh", "-c", "cat >\($out).\($point)"], env: ["PATH=/bin"]}]' \
			--arg point "$point" --arg out "$out"
	done
	run -0 nsrun run -b "$BUNDLE" "$ID" true
	for point in prestart createRuntime createContainer poststart poststop; do run -0 fits state "$out.$point"; done
}

@test "list -f json has runc's members, and null when there is nothing" {
	make_bundle "$BUNDLE"
	run -0 nsrun --root "$BATS_TEST_TMPDIR/empty" list -f json
	assert_output null
	set_args sleep 1000
	launch run -d -b "$BUNDLE" "$ID"
	run -0 jq -ce --arg id "$ID" '.[] | select(.id == $id) | [.ociVersion, .status, (.pid | type), (.bundle | type),
		(.rootfs | type), (.created | type), (.owner | type)]' <(nsrun list -f json)
	assert_output '["1.3.0","running","number","string","string","string","string"]'
	nsrun delete --force "$ID"
}
