#!/bin/sh
# vendor.sh OUT: all that caphub is built from, in one archive OUT/caphub-VERSION-source.tar.gz: this tree and the sources of
# every crate in Cargo.lock. Who has it, and a Rust compiler, builds without a network: deploy/build.sh in the unpacked folder.
# Needs cargo, and a network or crates that were fetched before. The same commit gives the same bytes.
set -eu
fail() { echo "error: $1" >&2; echo "hint: $2" >&2; exit 1; }
[ $# -eq 1 ] || fail "no folder for the archive" "deploy/vendor.sh OUT"
here=$(cd "$(dirname "$0")/.." && pwd -P)
mkdir -p "$1" && out=$(cd "$1" && pwd -P)
. "$here/deploy/build/epoch.sh"
umask 022
export LC_ALL=C TZ=UTC
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/Cargo.toml" | head -n 1)
name=caphub-$version-source
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/$name
mkdir "$tree"
cd "$here"
if [ -d vendor ]; then
  # The tree came out of such an archive: it goes on as it is.
  tar -cf - --exclude=./target --exclude=./dist . | tar -xf - -C "$tree"
else
  git ls-files -z | tar -cf - --null -T - | tar -xf - -C "$tree"
  mkdir -p "$tree/.cargo"
  # What cargo prints tells it to take crates from vendor; its talk goes to stderr.
  (cd "$tree" && cargo vendor --locked --versioned-dirs vendor >.cargo/config.toml)
  printf '\n[net]\noffline = true\n' >>"$tree/.cargo/config.toml"
  echo "$SOURCE_DATE_EPOCH" >"$tree/deploy/build/epoch"
fi
file=$out/$name.tar.gz
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r,go-w --mtime="@$SOURCE_DATE_EPOCH" --format=gnu \
  -cf - "$name" | gzip -9n >"$file.new"
mv "$file.new" "$file"
(cd "$out" && sha256sum "$name.tar.gz")
