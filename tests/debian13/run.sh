#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# deploy/docker/Dockerfile, built by buildah on a Debian 13 of our own, and tested: `make test-debian13`, as root.
#
#   base      debootstrap, from where this host's apt gets Debian; kept in build/debian13/base.tar
#   build     both stages, step by step as the Dockerfile says, from the repository as it is here
#   image     what is in it, and tests/e2e/pod.bats with it in place of this host's /usr
#   tests     unit, program and Redis' TLS tests, with the compiler and libraries of the build stage
#   compose   reads deploy/docker/docker-compose.yml
#
# The last line is "N passed, N failed, N skipped". Logs and layers are in build/debian13: `rm -r` it to begin anew.
# shellcheck disable=SC2317 # judge calls
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
suite=trixie
home=$PWD/build/debian13
dockerfile=deploy/docker/Dockerfile
version=$(cat VERSION)
mkdir -p "$home/logs"

passed=0 failed=0 skipped=0
judge() { # LABEL COMMAND...
	local label=$1 begin=$SECONDS log
	shift
	log=$home/logs/$((passed + failed)).log
	if "$@" > "$log" 2>&1 < /dev/null; then
		passed=$((passed + 1))
		printf '  ok    %s (%d s)%s\n' "$label" $((SECONDS - begin)) "$(tail -n 1 "$log" | sed -n 's/^[0-9]* passed, /: &/p')"
	else
		failed=$((failed + 1))
		printf '  FAIL  %s (%d s)\n%s\n' "$label" $((SECONDS - begin)) "$(grep -v '^ok ' "$log" | tail -n 40 | sed 's/^/        /')"
		return 1
	fi
}

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ]
	exit
}

# Images of its own: what else is on this host, under the same names, is not touched
store() { buildah --root "$home/storage" --runroot "$home/run" --storage-driver "${STORAGE_DRIVER:-overlay}" "$@"; }
build() { store bud --isolation chroot --format docker --layers --pull-never "$@"; }

containers=()
clean_up() {
	local container
	for container in "${containers[@]}"; do
		store rm "$container" > /dev/null
	done
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# take NAME IMAGE: a container of the image, its root in $root
take() {
	store rm "$1" > /dev/null 2>&1
	store from --pull-never --name "$1" "$2" > /dev/null && containers+=("$1") && root=$(store mount "$1")
}

# --- base ------------------------------------------------------------------------------------

# sources: of Debian 13, in the places that apt has for this host's Debian, its security updates with it
# shellcheck disable=SC2016 # apt's, not the shell's
sources() {
	local codename
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk -v codename="$codename" -v suite="$suite" '
			$3 == "main" && $2 ~ "^" codename "(-updates|-security)?$" { sub(codename, suite, $2); print "deb", $1, $2, $3 }' | sort -u
}

# As Debian's own image is made: little documentation, and apt keeps no packages
slim() {
	printf 'path-exclude %s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/info/*' '/usr/share/locale/*' > "$1/etc/dpkg/dpkg.cfg.d/docker"
	printf '%s\n' 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };' \
		'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";' > "$1/etc/apt/apt.conf.d/docker-clean"
	rm -rf "$1"/usr/share/{doc,man,info,locale}/* "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*
}

make_base() {
	local tree=$home/base mirror
	mirror=$(sources | awk -v suite="$suite" '$3 == suite { print $2; exit }')
	[ -n "$mirror" ] || { echo "apt-get indextargets names no Debian: where does apt of this host get it from?"; return 1; }
	[ -e /usr/share/debootstrap/scripts/"$suite" ] || { echo "debootstrap knows no $suite: ln -s sid /usr/share/debootstrap/scripts/$suite"; return 1; }
	rm -rf "$tree"
	debootstrap --variant=minbase "$suite" "$tree" "$mirror" &&
		sources > "$tree/etc/apt/sources.list" &&
		slim "$tree" &&
		tar -C "$tree" --one-file-system -cf "$home/base.tar.new" . &&
		mv "$home/base.tar.new" "$home/base.tar" &&
		rm -rf "$tree"
}

# import_base IMAGE: under the name by which the Dockerfile asks for it
import_base() {
	store from --name base scratch &&
		store add -q base "$home/base.tar" / &&
		store commit -q --format docker base "$1" &&
		store rm base
}

# --- image -----------------------------------------------------------------------------------

weir_version() { chroot "$root" weir version; }
has_tls() { weir_version | grep -E '^hiredis 1\..*, with TLS'; }

libraries() {
	local needed
	needed=$(chroot "$root" ldd /usr/local/bin/weir) && [[ $needed == *libbpf.so* && $needed != *"not found"* ]] && return
	echo "$needed"
	return 1
}

# `install` is there, for the init container; nothing that compiles, no header, object or manual page came along
lean() {
	local tool
	chroot "$root" sh -c 'command -v install' || return
	for tool in gcc cc clang make ld as bpftool pkg-config man; do
		! chroot "$root" sh -c "command -v $tool" || return 1
	done
	[ ! -e "$root/src" ] &&
		is_empty find "$root" -xdev '(' -name '*.a' -o -name '*.o' -o -name '*.h' -o -path '*/man/man*/weir*' ')' -type f &&
		is_empty find "$root/var/lib/apt/lists" "$root/var/cache/apt/archives" -type f ! -name lock
}

is_empty() { [ -z "$("$@" | tee /dev/stderr)" ]; }

labels() {
	store inspect --type image "weir:$version" | jq '.Docker.config | {Cmd, Healthcheck, Labels, Env}' > "$home/image.json"
	jq -e --arg version "$version" '.Labels | .["org.opencontainers.image.version"] == $version and
		.["org.opencontainers.image.revision"] == "tested" and .["org.opencontainers.image.licenses"] != null' "$home/image.json"
}

size() { store images --format '{{.Size}}' "$1"; }

pod() { # FILE.bats: where nothing may be skipped
	POD_ROOT=$root IMAGE=$home/image.json bats --tap "$1" | tee "$home/pod.tap" && ! grep -q '# skip' "$home/pod.tap"
}

# --- tests -----------------------------------------------------------------------------------

# The build stage with what tests need, and Compose
test_image() {
	build -t weir-tests -f - . <<- 'END'
		FROM weir-build
		RUN scripts/deps.sh test && apt-get install -y --no-install-recommends docker-compose
	END
}

# The sources as they are here, and the names that an engine gives every container
copy_sources() {
	printf '%s localhost\n' 127.0.0.1 ::1 > "$root/etc/hosts" &&
		scripts/files.sh | tar -cf - --ignore-failed-read -T - | tar -xf - -C "$root/src"
}

# inside COMMAND...: in /src of the root, as on a host of its own
inside() {
	# shellcheck disable=SC2016 # of the shell inside
	unshare --mount --propagation private --pid --net --ipc --uts --fork --kill-child bash -euc '
		root=$1; shift
		mount -t proc proc "$root/proc"
		mount -t sysfs sysfs "$root/sys"
		mount -t bpf bpf "$root/sys/fs/bpf"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/run"
		mount -t tmpfs tmpfs "$root/tmp"
		ip link set lo up
		HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" bash -c "cd /src && exec \"\$@\"" - "$@"
		' - "$root" "$@"
}

suites() { inside scripts/test.sh unit prog; }

# Debian 12 skips these, for want of a hiredis with TLS: here they must run
tls_tests() {
	inside env TESTS=redis_tls scripts/test.sh e2e && ! grep -qi 'skip.*has no TLS' "$root"/src/build/test-logs/*redis_tls*.log
}

# verifier_figures: how many instructions each program took the verifier
verifier_figures() {
	grep -h -o '# .*instructions verified' "$root"/src/build/test-logs/*test_load*.log
}

compose_reads() {
	inside env WEIR_INTERFACE=ens3 docker-compose -f deploy/docker/docker-compose.yml config --format json > "$home/compose.json" &&
		jq -e '(.services | keys == ["grafana", "prometheus", "redis", "weir"]) and (.services.weir |
			.environment.WEIR_INTERFACE == "ens3" and .cap_add == ["BPF", "NET_ADMIN", "PERFMON"] and .read_only)' "$home/compose.json"
}

# ---------------------------------------------------------------------------------------------

for tool in debootstrap buildah runc unshare jq bats; do
	command -v $tool > /dev/null || { echo "$tool is not installed: scripts/deps.sh build test debian13"; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "tests/debian13/run.sh needs root"; exit 1; }

from=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' $dockerfile | sort -u)
[ "$from" = debian:$suite-slim ] || { echo "$dockerfile: its stages are FROM ${from//$'\n'/ and }; this tests debian:$suite-slim"; exit 1; }

[ -e "$home/base.tar" ] || judge "Debian 13 from the network" make_base || finish
store inspect --type image "docker.io/library/$from" > /dev/null 2>&1 || judge "base image" import_base "docker.io/library/$from" || finish

judge "the build stage builds" build --target build --build-arg REVISION=tested -f $dockerfile -t weir-build . || finish
judge "the image builds" build --build-arg REVISION=tested -f $dockerfile -t "weir:$version" . || finish

take weir-image "weir:$version" || { echo "no root of weir:$version"; exit 1; }
printf '        weir:%s has %s, of which Debian %s\n' "$version" "$(size "weir:$version")" "$(size "docker.io/library/$from")"
judge "weir version runs" weir_version
judge "its hiredis has TLS" has_tls
judge "no library is missing" libraries
judge "nothing that built it is in it" lean
judge "labels, command, health check" labels
judge "the pod of deploy/kubernetes, of this image" pod tests/e2e/pod.bats
judge "the image by itself: its command limits, its health check answers" pod tests/debian13/image.bats

if judge "what tests need is there" test_image && take weir-tests-run weir-tests && judge "sources of the tests" copy_sources; then
	inside bash -c 'clang --version | head -1; gcc --version | head -1; pkg-config --print-provides libbpf libmicrohttpd hiredis' | sed 's/^/        /'
	judge "unit and program tests" suites
	verifier_figures | sed 's/^/        /'
	judge "TLS to a real Redis" tls_tests
	judge "Compose reads the Compose file" compose_reads
fi
finish
