#!/bin/sh
# rustc.sh RUSTC ARGUMENTS...: the compiler as deploy/build.sh has cargo call it.
#
# No folder of this machine goes into what is built: sources are under /caphub and /cargo there, what was generated under
# /build, the standard library under /rustc. These flags name folders, so they are given here and not in RUSTFLAGS, whose
# value cargo makes part of the names of folders.
set -eu
name=
type=
before=
for word in "$@"; do
  case $before in
  --crate-name) name=$word ;;
  --crate-type) type=$word ;;
  esac
  before=$word
done
# The programs look names up in the C library alone: hosts.c says why.
case $name/$type in
caphub/bin | caphub_node/bin) set -- "$@" -C "link-arg=$CAPHUB_BUILD_HOSTS" ;;
esac
exec "$@" \
  "--remap-path-prefix=$CAPHUB_BUILD_SYSROOT/lib/rustlib/src/rust=/rustc/$CAPHUB_BUILD_RUSTC" \
  "--remap-path-prefix=$CAPHUB_BUILD_SOURCE=/caphub" \
  "--remap-path-prefix=$CAPHUB_BUILD_CRATES=/cargo" \
  "--remap-path-prefix=$CAPHUB_BUILD_TARGET=/build"
