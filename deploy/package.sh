#!/bin/sh
# package.sh OUT [BINARIES]: makes the Debian package OUT/caphub_VERSION_ARCHITECTURE.deb.
#
# With BINARIES, a folder that holds `caphub` and `caphub-node`, these are packed; without it they are built first, which
# takes half an hour and needs Rust (deploy/build.sh). dpkg-deb is part of every Debian and Ubuntu.
# To install it: sudo apt install ./caphub_*.deb   To make a hub then: see /usr/share/doc/caphub/README.Debian
set -eu
fail() { echo "error: $1" >&2; echo "hint: $2" >&2; exit 1; }
[ $# -ge 1 ] || fail "no folder for the package" "deploy/package.sh OUT [BINARIES]"
here=$(cd "$(dirname "$0")/.." && pwd)
out=$1
command -v dpkg-deb >/dev/null || fail "dpkg-deb is missing" "this runs on Debian and Ubuntu"
if [ $# -ge 2 ]; then
  binaries=$2
else
  # The same programs as everywhere, which need no particular C library: build.sh calls this again with them.
  exec "$here/deploy/build.sh" "$out"
fi
for name in caphub caphub-node; do
  [ -x "$binaries/$name" ] || fail "$binaries/$name is missing" "name the folder that holds caphub and caphub-node"
done
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -n 1)
architecture=$(dpkg --print-architecture)
# The same sources and binaries give the same package.
: "${SOURCE_DATE_EPOCH:=$(git -C "$here" log -1 --format=%ct 2>/dev/null || date -r "$here/CHANGELOG.md" +%s)}"
export SOURCE_DATE_EPOCH
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
umask 022
put() { mkdir -p "$root/$(dirname "$2")"; install -m "$3" "$1" "$root/$2"; }
put "$binaries/caphub" usr/bin/caphub 0755
put "$binaries/caphub-node" usr/bin/caphub-node 0755
put "$here/deploy/caphub-node.service" usr/lib/systemd/system/caphub-node.service 0644
for name in README.md SPEC.md CHANGELOG.md LICENSE; do
  [ -e "$here/$name" ] && put "$here/$name" "usr/share/doc/caphub/$name" 0644
done
for name in alerts.yml grafana-dashboard.json caphub-node.example.toml; do
  put "$here/deploy/$name" "usr/share/doc/caphub/examples/$name" 0644
done
put "$here/deploy/INSTALL.md" usr/share/doc/caphub/INSTALL.md 0644
put "$here/deploy/README.Debian" usr/share/doc/caphub/README.Debian 0644
mkdir -p "$root/usr/share/man/man1" "$root/usr/share/bash-completion/completions"
LANG=C.UTF-8 "$binaries/caphub" manual "$root/usr/share/man/man1"
gzip -9n "$root"/usr/share/man/man1/*.1
LANG=C.UTF-8 "$binaries/caphub" completions bash >"$root/usr/share/bash-completion/completions/caphub"
mkdir -p "$root/DEBIAN"
libc=$(ldd "$binaries/caphub" 2>/dev/null | grep -q libc.so && echo "libc6 (>= $(getconf GNU_LIBC_VERSION | cut -d' ' -f2)), " || true)
cat >"$root/DEBIAN/control" <<CONTROL
Package: caphub
Version: $version
Architecture: $architecture
Maintainer: The caphub maintainers <maintainers@caphub.invalid>
Depends: ${libc}passwd
Section: net
Priority: optional
Installed-Size: $(find "$root/usr" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
Description: exchange of cyber capacity through independent hubs
 A hub (caphub-node) is a node with its own store, keys and policy; caphub is
 the command with which people of member organisations and operators work,
 with or without a network.
CONTROL
cat >"$root/DEBIAN/postinst" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
  if ! getent passwd caphub >/dev/null; then
    useradd --system --user-group --home-dir /var/lib/caphub --no-create-home --shell /usr/sbin/nologin caphub
  fi
  install -d -m 0700 -o caphub -g caphub /var/lib/caphub
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # An upgrade: a hub that runs goes on with the new version.
    if [ -n "$2" ]; then systemctl try-restart caphub-node.service || true; fi
  fi
fi
SCRIPT
cat >"$root/DEBIAN/prerm" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl stop caphub-node.service || true; fi
SCRIPT
cat >"$root/DEBIAN/postrm" <<'SCRIPT'
#!/bin/sh
set -e
# Keys and history are never deleted by a package: /var/lib/caphub stays, also after a purge.
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
if [ "$1" = purge ] && [ -d /var/lib/caphub ]; then
  echo "caphub: the hub's keys and records stay in /var/lib/caphub" >&2
fi
SCRIPT
chmod 0755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$out"
file="$out/caphub_${version}_${architecture}.deb"
dpkg-deb --root-owner-group -Zxz "-z${CAPHUB_PACK_LEVEL:-6}" --build "$root" "$file" >/dev/null
echo "$file"
