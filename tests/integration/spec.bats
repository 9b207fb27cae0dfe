# SPDX-License-Identifier: GPL-2.0-or-later
# nsrun spec: the config that a bundle begins with.

load ../helpers

setup()
{
	test_begin
	mkdir "$BUNDLE"
	cd "$BUNDLE" || return
}

@test "spec writes config.json in the current folder" {
	run -0 nsrun spec
	assert_output ""
	assert_equal "$(jq -r .ociVersion config.json | cut -d. -f1,2)" 1.3
	assert_equal "$(jq -c .process.args config.json)" '["sh"]'
	assert_equal "$(jq -r .root.path config.json)" rootfs
}

@test "spec -b and --bundle=DIR write in that folder" {
	mkdir a b
	run -0 nsrun spec -b a
	run -0 nsrun spec --bundle="$PWD/b"
	cmp a/config.json b/config.json
	[[ ! -e config.json ]]
}

@test "spec asks for a terminal only if it has one" {
	run -0 nsrun spec
	assert_equal "$(jq .process.terminal config.json)" false
	rm config.json
	script -qec "'$NSRUN' spec" /dev/null </dev/null >/dev/null
	assert_equal "$(jq .process.terminal config.json)" true
}

@test "spec --rootfs DIR -- CMD takes a root and a command" {
	run -0 nsrun spec --rootfs /some/root -- httpd -f -p 80
	assert_equal "$(jq -r .root.path config.json)" /some/root
	assert_equal "$(jq -c .process.args config.json)" '["httpd","-f","-p","80"]'
}

@test "spec does not write over a config.json" {
	echo mine >config.json
	refused config.json spec
	assert_equal "$(<config.json)" mine
}

@test "spec names a bundle that is not there" {
	refused "$PWD/none" spec -b "$PWD/none"
}

@test "spec asks for a network namespace, and by an annotation for a network" {
	run -0 nsrun spec
	assert_equal "$(jq -c '[.linux.namespaces[] | select(.type == "network")]' config.json)" '[{"type":"network"}]'
	assert_equal "$(jq -r '.annotations["io.nsrun.network"]' config.json)" bridge
}

@test "spec --rootless has a user namespace and a network namespace" {
	run -0 nsrun spec --rootless
	run -0 jq -r '.linux.namespaces[].type' config.json
	assert_line user
	assert_line network
	run -0 jq '.linux.uidMappings[0].size, .linux.gidMappings[0].size' config.json
	assert_output "1"$'\n'"1"
}
