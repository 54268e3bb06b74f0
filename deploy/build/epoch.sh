# Sourced with $here set: the time that is written into what is built. The commit's, or in a tree without git the file's that
# deploy/vendor.sh puts there.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
  SOURCE_DATE_EPOCH=$(git -C "$here" log -1 --format=%ct 2>/dev/null || cat "$here/deploy/build/epoch" 2>/dev/null ||
    date -r "$here/CHANGELOG.md" +%s)
fi
export SOURCE_DATE_EPOCH
