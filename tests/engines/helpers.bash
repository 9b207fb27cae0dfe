# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the engines' bats files share:
#
#	setup_file() { engine_begin_file; start_containerd; start_docker; }
#	teardown_file() { engine_end_file; }
#	setup() { engine_begin; }
#	teardown() { engine_end; }
#
# A file has its engine in mount, network and pid namespaces of its own, with empty folders where engines keep what
# they have, and Debian's configuration with that of contrib/engines. `inside CMD...` runs a command there; when the
# namespaces' first process is killed, all of it goes. Only cgroups are the machine's: containers are put below
# /$ID, by which tests/census knows whose they are.

# What engines write to.
ENGINE_DIRS=(/run/containerd /run/containers /run/crun /run/docker /run/libpod /run/netns /run/nsrun /run/runc
	/var/lib/cni /var/lib/containerd /var/lib/containers /var/lib/docker)

engine_begin_file()
{
	local dir
	for dir in "${ENGINE_DIRS[@]}"; do
		[[ -d $dir ]] || mkdir -p "$dir" || return
	done
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --net --pid --propagation private --mount-proc --fork --kill-child -- bash -c '
		for dir; do mount -t tmpfs -o mode=0755 tmpfs "$dir"; done
		mkdir /run/etc/engine
		mount -t tmpfs tmpfs /run/etc/engine
		mkdir /run/etc/engine/upper /run/etc/engine/work
		mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/engine/upper,workdir=/run/etc/engine/work overlay /etc
		ip link set lo up
		echo >"$0"
		sleep infinity & # this shell stays, and reaps
		wait $!' "$BATS_FILE_TMPDIR/ready" "${ENGINE_DIRS[@]}" </dev/null >"$BATS_FILE_TMPDIR/holder" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/unshare"
	wait_until test -e "$BATS_FILE_TMPDIR/ready"
	HOLDER=$(<"/proc/$!/task/$!/children")
	export HOLDER=${HOLDER// /}
	make_rootfs "$BATS_FILE_TMPDIR/image"
	mkdir "$BATS_FILE_TMPDIR/image/www"
	echo hello >"$BATS_FILE_TMPDIR/image/www/index.html"
	tar -C "$BATS_FILE_TMPDIR/image" -cf "$BATS_FILE_TMPDIR/layer.tar" .
}

engine_end_file()
{
	kill -KILL "$HOLDER" # and with it its pid namespace
	# shellcheck disable=SC2016 # for the inner shell
	wait_until sh -c '! kill -0 "$1" 2>/dev/null' - "$(<"$BATS_FILE_TMPDIR/unshare")"
	rmdir "${ENGINE_DIRS[@]}" 2>/dev/null || true
}

# inside CMD...: where the engine is, with nothing of bats's.
inside()
{
	nsenter --target "$HOLDER" --mount --net --pid -- env -u CONTAINER_HOST \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin timeout 60 "$@" 3>&-
}

# page URL: what a server says there, which may have been started just now.
page() { inside wget -t 5 -T 5 --retry-connrefused --waitretry=1 -qO- "$1"; }

# daemon NAME SOCKET CMD...: until it listens.
daemon()
{
	local name=$1 socket=$2
	shift 2
	nsenter --target "$HOLDER" --mount --net --pid -- env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" \
		</dev/null >"$BATS_FILE_TMPDIR/$name.log" 2>&1 3>&- &
	wait_until -t 60 inside test -S "$socket" || {
		tail -n 20 "$BATS_FILE_TMPDIR/$name.log" >&2
		return 1
	}
}

# installed FILE: one of contrib/engines, with the nsrun under test.
installed() { sed "s|/usr/local/bin/nsrun|$NSRUN|" "$SOURCE/contrib/engines/$1"; }

start_containerd()
{
	# Here root has no CAP_SYS_RESOURCE: the daemon cannot lower its score.
	{
		echo 'oom_score = 0'
		installed containerd.toml
		echo '[plugins."io.containerd.grpc.v1.cri"]'
		echo '  restrict_oom_score_adj = true'
	} >"$BATS_FILE_TMPDIR/containerd.toml"
	daemon containerd /run/containerd/containerd.sock containerd --config "$BATS_FILE_TMPDIR/containerd.toml"
}

start_docker()
{
	installed daemon.json | jq '. + {"storage-driver": "vfs", "containerd": "/run/containerd/containerd.sock"}' \
		>"$BATS_FILE_TMPDIR/daemon.json"
	daemon dockerd /var/run/docker.sock dockerd --config-file "$BATS_FILE_TMPDIR/daemon.json" \
		--pidfile /run/docker/pid
}

engine_begin()
{
	test_begin
	inside env NSRUN="$NSRUN" "$SOURCE/tests/census" nft link mount netns state >"$BATS_TEST_TMPDIR/.inside"
}

# cgroups_removed ID: conmon leaves its own, and engines what they put containers below.
cgroups_removed()
{
	find /sys/fs/cgroup -depth -type d -path "*/$1*" -exec rmdir {} + 2>/dev/null || true
	[[ ! $(find /sys/fs/cgroup -maxdepth 2 -type d -name "$1*") ]]
}

engine_end()
{
	local more
	wait_until cgroups_removed "$ID"
	more=$(inside env NSRUN="$NSRUN" "$SOURCE/tests/census" --left "$BATS_TEST_TMPDIR/.inside" nft link mount netns state) || {
		printf 'left behind with the engine:\n%s\n' "$more" >&2
		return 1
	}
	nothing_left
}

# configure_podman [MORE]: containers.conf, which MORE adds to, and storage.conf. Here root has no CAP_SYS_RESOURCE:
# podman's own limits cannot be had. Not every view has the pids controller.
configure_podman()
{
	inside tee /etc/containers/containers.conf.d/test.conf >/dev/null <<-END
		[containers]
		default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
		pids_limit = 0
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		${1-}
	END
	inside tee /etc/containers/storage.conf >/dev/null <<-END
		[storage]
		driver = "vfs"
		runroot = "/run/containers/storage"
		graphroot = "/var/lib/containers/storage"
	END
}
