#!/bin/sh
# reproduce.sh: builds all twice, in two folders of this machine, from the sources of deploy/vendor.sh alone: no crates that
# were fetched before, and where this may be done (unshare -n, as root) no network. Takes an hour on two cores.
# Ends with 0 where every file is the same, and prints the digests; compare them with what others got from the same commit.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd -P)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$here/deploy/build/epoch.sh"
"$here/deploy/vendor.sh" "$work/source"
alone=
if unshare -n true 2>/dev/null; then alone="unshare -n"; fi
for place in one two/in/another/folder; do
  mkdir -p "$work/$place/home"
  tar -C "$work/$place" -xzf "$work"/source/*.tar.gz
  # shellcheck disable=SC2086
  (cd "$work/$place"/caphub-*-source && CARGO_HOME="$work/$place/home" CARGO_NET_OFFLINE=true $alone deploy/build.sh "$work/$place/out")
done
diff "$work/one/out/SHA256SUMS" "$work/two/in/another/folder/out/SHA256SUMS" || {
  echo "error: the two builds differ" >&2
  echo "hint: compare the files with diffoscope" >&2
  exit 1
}
echo "the same, twice:"
cat "$work/one/out/SHA256SUMS"
