# What a lab host is made of: programs of this machine, an engine of a Debian release, an image without a registry. Sourced by lab.sh.

# The suite of Debian that carries an engine, and the version that `dockerd --version` must then show.
suite_of() {
  case $1 in 20.10) echo bookworm ;; 26.1) echo trixie ;; 28.5) echo forky ;; *) fail "no such engine: $1 (20.10, 26.1, 28.5, local)" ;; esac
}

# with_lock NAME CMD...: one at a time on this machine. The descriptor is closed for CMD's children that outlive it by `9>&-`.
with_lock() { local lock=$LAB/$1.lock; shift; mkdir -p "$LAB"; ( flock 9; "$@" ) 9>"$lock"; }

# need PROGRAM:PACKAGE...: installs the packages whose programs are missing.
need() { with_lock apt need_locked "$@"; }
need_locked() {
  local pair missing=()
  for pair in "$@"; do command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "missing: ${missing[*]}, and there is no apt-get here to install them"
  note "installing ${missing[*]}"
  # A dockerd that the package starts by itself would alter the machine's own network: policy-rc.d (invoke-rc.d(8)) forbids it.
  local policy=/usr/sbin/policy-rc.d
  if [ -e $policy ]; then policy=; else printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; fi
  local log=$LAB/apt.log status=0
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 9>&- || status=$?
  [ -z "$policy" ] || rm -f $policy
  [ $status = 0 ] || { tail -5 "$log" >&2; fail "could not install ${missing[*]}"; }
}

need_basics() {
  need ip:iproute2 nsenter:util-linux sysctl:procps iptables:iptables busybox:busybox-static sshd:openssh-server ssh:openssh-client
  command -v docker >/dev/null && command -v dockerd >/dev/null && return
  need dockerd:docker.io
  need docker:docker-cli
}

version_of() { "$@" --version 2>/dev/null | sed -n 's/.*version \([0-9]*\.[0-9]*\).*/\1/p'; }

# engine_root ENGINE: prints the folder whose dockerd is that engine, `/` for the machine's own.
engine_root() {
  local engine=$1
  [ "$engine" != local ] || { echo /; return; }
  suite_of "$engine" >/dev/null
  [ "$(version_of dockerd)" != "$engine" ] || { echo /; return; }
  with_lock "engine-$engine" make_engine_root "$engine" >&2
  echo "$LAB/engine-$engine"
}

make_engine_root() {
  local engine=$1 root=$LAB/engine-$1 suite script mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ ! -x "$root/usr/sbin/dockerd" ] || return 0
  need debootstrap:debootstrap
  [ -f $keyring ] || apt-get install -y -qq debian-archive-keyring >/dev/null 2>&1 9>&- ||
    fail "engine $engine comes from Debian, whose keyring is missing: apt-get install debian-archive-keyring"
  suite=$(suite_of "$engine")
  script=/usr/share/debootstrap/scripts/$suite
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  mirror=${VETHSCOPE_LAB_MIRROR:-$(debian_mirror)}
  note "fetching engine $engine from $mirror $suite (once, about 400 MB on disk)"
  rm -rf --one-file-system "$root.part"
  # In a mount namespace of its own, so that what debootstrap mounts goes when it does.
  unshare -m debootstrap --keyring=$keyring --variant=minbase --include=docker.io,iptables,nftables,iproute2,procps \
    "$suite" "$root.part" "$mirror" "$script" >"$LAB/engine-$engine.log" 2>&1 9>&- ||
    { tail -5 "$LAB/engine-$engine.log" >&2; fail "debootstrap of $suite failed ($LAB/engine-$engine.log)"; }
  local found; found=$(version_of chroot "$root.part" dockerd)
  [ "$found" = "$engine" ] || { rm -rf --one-file-system "$root.part"; fail "$suite carries dockerd $found by now, not $engine; VETHSCOPE_LAB_MIRROR can name an archive that still does"; }
  mkdir -p "$root.part$HOSTS"
  rm -rf "$root.part"/var/cache/apt/archives/*.deb
  mv "$root.part" "$root"
}

debian_mirror() {
  local uri=
  if grep -q '^ID=debian$' /etc/os-release 2>/dev/null; then
    uri=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null | head -1)
    [ -n "$uri" ] || uri=$(sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -1)
  fi
  echo "${uri:-http://deb.debian.org/debian}"
}

# An image without a registry: a static busybox and its applets, packed once. Those that resolve names are left out where libc
# cannot be loaded into a static program (its wget crashes on Debian 12); `get HOST PORT` asks for a page without them.
make_image() {
  local tar=$LAB/image-2.tar img applet
  [ ! -f "$tar" ] || return 0
  img=$(mktemp -d "$LAB/image.XXXXXX")
  mkdir -p "$img"/{bin,etc,tmp,proc,sys,dev}
  cp "$(command -v busybox)" "$img/bin/busybox"
  chroot "$img" /bin/busybox true 2>/dev/null || { rm -rf "$img"; fail "the busybox here is not static: apt-get install busybox-static"; }
  chroot "$img" /bin/busybox --install -s /bin
  rm -f "$img"/bin/{wget,nslookup,ping6,traceroute6}
  echo hello >"$img/index.html"
  tar -C "$img" -cf "$tar.part" .
  rm -rf "$LAB/bin"; mkdir "$LAB/bin"
  for applet in "$img"/bin/*; do [ "${applet##*/}" = busybox ] || ln -s "$(command -v busybox)" "$LAB/bin/${applet##*/}"; done
  cat >"$LAB/bin/get" <<'X'
#!/bin/bash
# get HOST PORT: one HTTP request, its answer on the standard output; fails where none comes within five seconds.
exec timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "GET / HTTP/1.0\r\n\r\n" >&3 && cat <&3' "$@"
X
  chmod +x "$LAB/bin/get"
  rm -rf "$img"; mv "$tar.part" "$tar"
}
