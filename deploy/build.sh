#!/bin/sh
# build.sh OUT: what an organisation installs, made from this tree: OUT/bin/caphub and OUT/bin/caphub-node, which run on any
# Linux of this processor; an archive of them with manuals; the Debian package; the list of their parts (SBOM, CycloneDX);
# and SHA256SUMS over all of it.
#
# Takes about half an hour on two cores. Needs: Rust as rust-toolchain.toml says, gcc and the files to link with the C library (build-essential),
# binutils, Python 3.11 or newer; dpkg-deb for the Debian package. Without a network: see deploy/vendor.sh.
# The same tree, compiler and C library should give the same bytes, in whatever folder: deploy/reproduce.sh compares.
set -eu
fail() { echo "error: $1" >&2; echo "hint: $2" >&2; exit 1; }
[ $# -eq 1 ] || fail "no folder for what is built" "deploy/build.sh OUT"
here=$(cd "$(dirname "$0")/.." && pwd -P)
mkdir -p "$1" && out=$(cd "$1" && pwd -P)
for tool in cargo rustc cc objcopy strip python3 tar gzip sha256sum; do
  command -v "$tool" >/dev/null || fail "$tool is missing" "Debian and Ubuntu: apt install build-essential python3; Rust: rustup.rs"
done
cd "$here"

# Nothing of the caller's surroundings takes part.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS RUSTC_WRAPPER CARGO_BUILD_TARGET CFLAGS CXXFLAGS LDFLAGS CC AR
export LC_ALL=C TZ=UTC CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never
. "$here/deploy/build/epoch.sh"
umask 022

host=$(rustc -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-$here/target/dist}
mkdir -p "$target" && target=$(cd "$target" && pwd -P)
# Where the sources of the crates are: brought along (deploy/vendor.sh), or as cargo fetches them.
if [ -d "$here/vendor" ]; then
  crates=$here/vendor
else
  cargo fetch --locked --target "$host"
  crates=$(ls -d "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/ | head -n 1)
  crates=${crates%/}
fi
export CAPHUB_BUILD_SOURCE="$here" CAPHUB_BUILD_TARGET="$target" CAPHUB_BUILD_CRATES="$crates"
CAPHUB_BUILD_SYSROOT=$(rustc --print sysroot)
CAPHUB_BUILD_RUSTC=$(rustc -vV | sed -n 's/^commit-hash: //p')
CAPHUB_BUILD_HOSTS=$target/hosts.o
export CAPHUB_BUILD_SYSROOT CAPHUB_BUILD_RUSTC CAPHUB_BUILD_HOSTS
cc -O2 -fPIC -c -o "$CAPHUB_BUILD_HOSTS" deploy/build/hosts.c

# One file each, that needs nothing of the machine but its kernel (3.2 or newer): the C library is inside.
export RUSTFLAGS="-C target-feature=+crt-static"
export RUSTC_WRAPPER="$here/deploy/build/rustc.sh"
export CFLAGS="-ffile-prefix-map=$here=/caphub -ffile-prefix-map=$crates=/cargo -ffile-prefix-map=$target=/build"
# Names of functions stay, for traces; lines of source do not.
export CARGO_PROFILE_RELEASE_STRIP=debuginfo
cargo build --release --locked --target "$host" --target-dir "$target" -p caphub-cli -p caphub-node

# What the programs are made of goes into them, where scanners look for it, and beside them.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 deploy/build/sbom.py "$work" "$host"
rm -rf "$out/bin" && mkdir "$out/bin"
for program in caphub caphub-node; do
  objcopy --add-section ".dep-v0=$work/$program.dep-v0" --set-section-flags .dep-v0=noload,readonly \
    "$target/$host/release/$program" "$out/bin/$program"
  chmod 0755 "$out/bin/$program"
done
cp "$work/caphub.cdx.json" "$out/caphub-$version.cdx.json"

name=caphub-$version-linux-${host%%-*}
tree=$work/$name
mkdir -p "$tree/bin" "$tree/man/man1" "$tree/examples"
cp "$out/bin/caphub" "$out/bin/caphub-node" "$tree/bin"
"$out/bin/caphub" manual "$tree/man/man1"
"$out/bin/caphub" completions bash >"$tree/examples/caphub.bash-completion"
for file in alerts.yml grafana-dashboard.json caphub-node.example.toml caphub-node.service; do
  cp "deploy/$file" "$tree/examples"
done
cp LICENSE README.md SPEC.md CHANGELOG.md deploy/INSTALL.md "$tree"
cp "$work/caphub.cdx.json" "$tree"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r,go-w --mtime="@$SOURCE_DATE_EPOCH" \
  --format=gnu -cf - "$name" | gzip -9n >"$out/$name.tar.gz"
package=
if command -v dpkg-deb >/dev/null; then
  package=$(basename "$(deploy/package.sh "$out" "$out/bin")")
fi
cp deploy/Containerfile "$out" && mkdir -p "$out/state"
(cd "$out" && sha256sum bin/caphub bin/caphub-node "caphub-$version.cdx.json" "$name.tar.gz" $package | tee SHA256SUMS)
