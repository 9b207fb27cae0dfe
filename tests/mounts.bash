# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For files about mounts:
#
#	load ../helpers
#	load ../mounts
#	setup() { mounts_begin; }
#	teardown() { mounts_end; }

# A bundle, and $DATA with a file "a" to bind.
mounts_begin()
{
	test_begin
	make_bundle "$BUNDLE"
	DATA=$BATS_TEST_TMPDIR/data
	mkdir "$DATA"
	echo data >"$DATA/a"
}

mounts_end()
{
	if mountpoint -q "$DATA"; then umount -R "$DATA"; fi
	test_end
}

# add_mount DESTINATION TYPE SOURCE [OPTION...]: one more in config.json.
add_mount()
{
	set_config '.mounts += [{destination: $d, type: $t, source: $s, options: $ARGS.positional}]' \
		--arg d "$1" --arg t "$2" --arg s "$3" --args -- "${@:4}"
}

drop_mount() { set_config 'del(.mounts[] | select(.destination == $d))' --arg d "$1"; }

# inside COMMAND: a shell command in a container of $BUNDLE.
inside() { run -0 nsrun run -b "$BUNDLE" "$ID" sh -c "$1"; }

writable_root() { set_config '.root.readonly = false'; }

add_caps()
{
	set_config '.process.capabilities |= with_entries(.value += $ARGS.positional)' --args -- "$@"
}

add_user_ns()
{
	set_config '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
}

# tmpfs_maps: whether the kernel can map the ids of a tmpfs: since Linux 6.3.
tmpfs_maps() { [[ $(printf '%s\n' 6.3 "$(uname -r)" | sort -V | head -n 1) == 6.3 ]]; }

# mount_mappable DIR: an empty file system there whose ids the kernel can map: a tmpfs, or a folder of the disk's.
# unmount_mappable when all are unmounted.
mount_mappable()
{
	local dir
	if tmpfs_maps; then
		mount -t tmpfs mapped "$1"
	else
		dir=$(mktemp -d /var/tmp/nsrun-mapped.XXXXXX)
		mappable+=("$dir")
		chmod 0755 "$dir"
		mount --bind "$dir" "$1"
	fi
}

unmount_mappable()
{
	((${#mappable[@]} == 0)) || rm -rf "${mappable[@]}"
}
