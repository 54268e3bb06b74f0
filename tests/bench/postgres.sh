#!/usr/bin/env bash
# postgres.sh ROWS BYTES: moves ROWS rows of BYTES bytes between two PostgreSQL clusters on this machine by logical
# replication over mutual TLS, durable at both ends, and prints one line of JSON.
#
# copy: the first copy of a full table. stream: a subscriber that was away catches up with transactions of 1,000 rows.
# Installs Debian's postgresql where it is missing and this is root. Everything lies in a temporary folder.
set -euo pipefail
rows=${1:?rows}
bytes=${2:?bytes}

fail() { echo "error: $1" >&2; [ -z "${2:-}" ] || echo "hint: $2" >&2; exit 3; }
find_bin() {
  local found
  found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1) || true
  [ -n "$found" ] || { command -v pg_config >/dev/null && found=$(pg_config --bindir); } || true
  [ -x "${found:-}/initdb" ] && echo "$found"
}
bin=$(find_bin) || {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "PostgreSQL is not installed" "install the package postgresql"
  { apt-get update -q && apt-get install -qy --no-install-recommends postgresql; } >&2
  bin=$(find_bin) || fail "PostgreSQL could not be installed"
}
command -v openssl >/dev/null || fail "openssl is missing" "install the package openssl"

folder=$(mktemp -d "${TMPDIR:-/tmp}/caphub-postgres-XXXXXX")
as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"; else "$@"; fi; }
# shellcheck disable=SC2329
end() {
  for cluster in near far; do
    [ -d "$folder/$cluster" ] && as "$bin/pg_ctl" -D "$folder/$cluster" -m immediate stop >/dev/null 2>&1
  done
  rm -rf "$folder"
}
trap end EXIT
chmod 755 "$folder"

# One authority, a certificate for the servers and one for the user `bench`.
cd "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority \
  -keyout ca.key -out ca.crt 2>/dev/null
for name in 127.0.0.1 bench; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" -keyout "$name.key" -out "$name.csr" 2>/dev/null
  openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out "$name.crt" 2>/dev/null
done
[ "$(id -u)" != 0 ] || chown -R nobody:nogroup "$folder"
chmod 600 ./*.key

port_of() { [ "$1" = near ] && echo 54871 || echo 54872; }
for cluster in near far; do
  as "$bin/initdb" -D "$folder/$cluster" -U bench -A trust --no-locale -E UTF8 >/dev/null
  cat >>"$folder/$cluster/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $(port_of $cluster)
unix_socket_directories = '$folder'
wal_level = logical
ssl = on
ssl_ca_file = '$folder/ca.crt'
ssl_cert_file = '$folder/127.0.0.1.crt'
ssl_key_file = '$folder/127.0.0.1.key'
shared_buffers = 256MB
max_wal_size = 4GB
wal_compression = off
CONF
  printf 'local all all trust\nhostssl all all 127.0.0.1/32 cert\n' >"$folder/$cluster/pg_hba.conf"
  as "$bin/pg_ctl" -D "$folder/$cluster" -w -l "$folder/$cluster.log" start >/dev/null
done
sql() { local cluster=$1; shift; "$bin/psql" -h "$folder" -p "$(port_of "$cluster")" -U bench -d postgres -qAtX -v ON_ERROR_STOP=1 -c "$*"; }
now_us() { echo $(( ${EPOCHREALTIME/[.,]/} )); }
# Processor time in microseconds of both clusters: the servers, their children, and those that ended.
used_us() {
  local all=0 pid child stat
  for cluster in near far; do
    pid=$(head -1 "$folder/$cluster/postmaster.pid")
    for child in $pid $(cat "/proc/$pid/task/$pid/children" 2>/dev/null); do
      stat=$(cat "/proc/$child/stat" 2>/dev/null) || continue
      # shellcheck disable=SC2086
      set -- ${stat##*) }
      all=$((all + ${12} + ${13}))
      [ "$child" != "$pid" ] || all=$((all + ${14} + ${15}))
    done
  done
  echo $((all * 10000))
}

link="host=127.0.0.1 port=$(port_of near) user=bench dbname=postgres sslmode=verify-ca sslrootcert=$folder/ca.crt sslcert=$folder/bench.crt sslkey=$folder/bench.key"
body="decode(substr(repeat(md5(i::text), $((bytes * 2 / 32 + 1))), 1, $((bytes * 2))), 'hex')"
for table in copied streamed; do
  for cluster in near far; do
    sql $cluster "CREATE TABLE $table (id bigint PRIMARY KEY, body bytea NOT NULL); ALTER TABLE $table ALTER body SET STORAGE EXTERNAL"
  done
done
fill() {
  sql near "DO \$\$ BEGIN FOR n IN 0..$(((rows - 1) / 1000)) LOOP
    INSERT INTO $1 SELECT i, $body FROM generate_series(n * 1000::bigint, least(n * 1000 + 999, $((rows - 1)))) AS i; COMMIT;
  END LOOP; END \$\$"
}

fill copied
sql near "CREATE PUBLICATION copied FOR TABLE copied; CREATE PUBLICATION streamed FOR TABLE streamed"
sql near "CHECKPOINT"
before=$(used_us) started=$(now_us)
sql far "CREATE SUBSCRIPTION copied CONNECTION '$link' PUBLICATION copied WITH (synchronous_commit = on)" 2>/dev/null
until [ "$(sql far "SELECT srsubstate FROM pg_subscription_rel")" = r ]; do :; done
copy_us=$(($(now_us) - started)) copy_cpu=$(($(used_us) - before))
[ "$(sql far "SELECT count(*) FROM copied")" = "$rows" ] || fail "the copy is not whole"
sql far "ALTER SUBSCRIPTION copied DISABLE"

sql far "CREATE SUBSCRIPTION streamed CONNECTION '$link' PUBLICATION streamed WITH (synchronous_commit = on, copy_data = false)" 2>/dev/null
sql far "ALTER SUBSCRIPTION streamed DISABLE"
fill streamed
sql near "CHECKPOINT"
target=$(sql near "SELECT pg_current_wal_flush_lsn()")
before=$(used_us) started=$(now_us)
sql far "ALTER SUBSCRIPTION streamed ENABLE"
# Confirmed means flushed at the subscriber.
until [ "$(sql near "SELECT confirmed_flush_lsn >= '$target' FROM pg_replication_slots WHERE slot_name = 'streamed'")" = t ]; do
  read -rt 0.05 <> <(:) || :
done
stream_us=$(($(now_us) - started)) stream_cpu=$(($(used_us) - before))
[ "$(sql far "SELECT count(*) FROM streamed")" = "$rows" ] || fail "the stream is not whole"

version=$("$bin/postgres" --version | grep -o '[0-9.]*' | head -1)
printf '{"version":"%s","rows":%d,"bytes":%d,"copy_us":%d,"copy_cpu_us":%d,"stream_us":%d,"stream_cpu_us":%d}\n' \
  "$version" "$rows" "$bytes" "$copy_us" "$copy_cpu" "$stream_us" "$stream_cpu"
