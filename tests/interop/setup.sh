#!/usr/bin/env bash
# Prepares target/interop: a Python environment with the pinned packages, and stubs of the schema. Prints its python.
# Exit code 3 where this machine has no Python that can make one; anything else but 0 is a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
place=$(realpath -m "${CAPHUB_INTEROP:-target/interop}")

if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
  echo "error: Python 3.10 or later with venv is not here" >&2
  echo "hint: on Debian, apt-get install python3 python3-venv" >&2
  exit 3
fi

# One at a time: tests run side by side.
mkdir -p "$place"
exec 9>"$place/lock"
flock 9

made=$(cat tests/interop/requirements.txt proto/caphub/v1/*.proto tests/interop/setup.sh | sha256sum)
if [ "$(cat "$place/made" 2>/dev/null)" != "$made" ]; then
  rm -f "$place/made"
  python3 -m venv "$place" >&2
  "$place/bin/pip" install --quiet --disable-pip-version-check -r tests/interop/requirements.txt >&2
  rm -rf "$place/stubs"
  mkdir -p "$place/stubs"
  "$place/bin/python" -m grpc_tools.protoc -I proto --python_out="$place/stubs" --grpc_python_out="$place/stubs" \
    proto/caphub/v1/*.proto >&2
  echo "$made" >"$place/made"
fi
echo "$place/bin/python"
