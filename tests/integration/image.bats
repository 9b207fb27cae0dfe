# SPDX-License-Identifier: GPL-2.0-or-later
# From an OCI image to a container: made, copied and unpacked by umoci and skopeo, run by nsrun.

load ../helpers

setup()
{
	make_run_netns
	test_begin
	command -v skopeo umoci >/dev/null || skip "skopeo and umoci are not installed"
	cd "$BATS_TEST_TMPDIR" || return
	export NSRUN_NET_DIR=$BATS_TEST_TMPDIR/net.d
}

teardown_file() { umount /run/netns; }

teardown()
{
	local id
	for id in $(nsrun list -q); do
		nsrun delete --force "$id" || true
	done
	nsrun network rm bridge 2>/dev/null || true
	nothing_left
}

# image CONFIG-OPTION...: an image of two layers, busybox and a page, at oci:registry:latest.
image()
{
	make_rootfs busybox
	mkdir page
	echo "from an image" >page/index.html
	umoci init --layout registry
	umoci new --image registry:latest
	umoci insert --image registry:latest busybox /
	umoci insert --image registry:latest page /srv/www
	umoci config --image registry:latest "$@"
}

# unpack: as README has it.
unpack()
{
	skopeo copy --quiet oci:registry:latest oci:image:latest
	umoci unpack --image image:latest bundle
	# A test has no terminal.
	set_config -b bundle '.process.terminal = false'
}

@test "the image's command, environment, user and working directory" {
	image --config.cmd sh --config.cmd=-c --config.cmd='echo "$GREETING $HOME $PWD $(id -u):$(id -g)"; cat index.html' \
		--config.env GREETING=hello --config.workingdir /srv/www --config.user user
	unpack
	run -0 nsrun run -b bundle "$ID"
	assert_line --index 0 "hello /home /srv/www 1000:1000"
	assert_line --index 1 "from an image"
}

@test "arguments after the id take the place of the image's command" {
	image --config.cmd false
	unpack
	run -0 nsrun run -b bundle "$ID" cat /srv/www/index.html
	assert_output "from an image"
}

@test "as it is unpacked, terminal and all, detached on a network with a port" {
	image --config.cmd httpd --config.cmd=-f --config.cmd=-p --config.cmd=80 --config.cmd=-h --config.cmd=/srv/www
	skopeo copy --quiet oci:registry:latest oci:image:latest
	umoci unpack --image image:latest bundle
	assert_equal "$(jq .process.terminal bundle/config.json)" true
	launch run -d --network bridge -p 8080:80 -b bundle "$ID"
	wait_until busybox wget -q -O /dev/null 127.0.0.1:8080
	run -0 busybox wget -qO- 127.0.0.1:8080
	assert_output "from an image"
	# Names: the container's own, in files that nsrun made.
	run -0 nsrun exec "$ID" cat /etc/hosts /etc/hostname
	assert_line --regexp '^10\.88\.0\.[0-9]+\s'
	assert_line --regexp '^127\.0\.0\.1\s+localhost'
	assert_line umoci-default
}

@test "the unpacked root is afterwards what it was" {
	image --config.cmd true
	unpack
	find bundle/rootfs -printf '%p %y %s %m\n' | sort >before
	run -0 nsrun run --network bridge -b bundle "$ID"
	find bundle/rootfs -printf '%p %y %s %m\n' | sort >after
	diff before after
	# Nor does umoci find anything for a new layer, but the time of the folder that had mount targets in it.
	umoci repack --image image:again bundle
	manifest=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "again").digest' image/index.json)
	layer=$(jq -r '.layers[-1].digest' "image/blobs/${manifest/://}")
	run -0 tar -tzf "image/blobs/${layer/://}"
	assert_output "etc/"
}

@test "what a container writes goes into the image's next layer" {
	image --config.cmd sh
	unpack
	run -0 nsrun run -b bundle "$ID" sh -c 'echo changed >/srv/www/index.html'
	umoci repack --image image:next bundle
	umoci unpack --image image:next next
	assert_equal "$(<next/rootfs/srv/www/index.html)" changed
}

@test "a tarball of a root, as docker export and podman export give it" {
	make_rootfs busybox
	tar -C busybox -cf root.tar .
	mkdir -p bundle/rootfs
	tar -xf root.tar -C bundle/rootfs
	nsrun spec -b bundle -- sh -c 'ip -o -4 addr show eth0' </dev/null
	run -0 nsrun run -b bundle "$ID"
	assert_output --regexp 'inet 10\.88\.[0-9.]+/16'
}
