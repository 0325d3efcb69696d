#!/bin/bash
# Inside the clean Debian, as root, under its own systemd: what a store's admin and central ops do, from the first start to
# the purge. Ends with the first thing that is not as it should be.
# shellcheck disable=SC2016  # what the configuration has in ${…} is not for this shell
set -euo pipefail

edge=(--config /etc/perkline/edge.yaml)
hub=(--config /etc/perkline/hub.yaml)

fail() { echo "FAILED: $*"; exit 1; }
step() { echo "-- $*"; }
# expect WHAT ACTUAL WANTED
expect() { [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"; }
# eventually SECONDS COMMAND...
eventually() {
  local left=$(($1 * 10))
  shift
  until "$@"; do
    left=$((left - 1))
    [ $left -gt 0 ] || fail "never: $*"
    sleep 0.1
  done
}
# names_of DAEMON: what its service has in the environment, as its .env file says that a shell gets it.
names_of() {
  set -a
  # shellcheck source=/dev/null
  . "/etc/perkline/$1.env"
  set +a
}
unit() { systemctl show --property="$2" --value "$1"; }
pid_of() { unit "$1" MainPID; }
# number NAME: the first of that name in what comes in as JSON.
number() { grep -o "\"$1\":[0-9]*" | head -1 | cut -d: -f2; }
hub_has_all() {
  [ "$(perkline-hub store show store-7 --json "${hub[@]}" | number cursor)" = \
    "$(perkline-edge status --json "${edge[@]}" | number tail)" ]
}
books_agree() { perkline-hub verify --json "${hub[@]}" | grep -q '"ok":true' || fail "the hub's books"; }

step "installed: nothing runs, nothing is enabled"
for name in perkline-edge.service perkline-hub.service perkline-edge-backup.timer perkline-hub-backup.timer; do
  expect "$name" "$(systemctl is-enabled $name || true)" disabled
  expect "$name" "$(systemctl is-active $name || true)" inactive
done
for user in perkline-edge perkline-hub; do
  expect "shell of $user" "$(getent passwd $user | cut -d: -f7)" /usr/sbin/nologin
  expect "/var/lib/$user" "$(stat -c '%a %U' /var/lib/$user)" "700 $user"
done
expect "secrets" "$(stat -c '%a %U' /etc/credstore /etc/credstore/* | sort -u | tr '\n' ' ')" "600 root 700 root "

for path in perkline-edge/edge perkline-edge/systemd perkline-hub/hub perkline-hub/systemd; do
  [ -s "/usr/share/doc/$path/README.md" ] || fail "the README sends people to a file that is not there: $path/README.md"
done

step "configured: check-config names what is missing, until nothing is"
perkline-edge check-config "${edge[@]}" && fail "accepted with nothing filled in"
systemctl start perkline-edge && fail "started with nothing filled in"
expect "exit status" "$(unit perkline-edge ExecMainStatus) $(unit perkline-edge NRestarts)" "2 0"
journalctl -u perkline-edge | grep -q 'pdi.client_secret_file: names a file' || fail "the log does not name the secret"
(umask 077; echo perkline-sandbox > /etc/credstore/perkline-edge.pdi-client-secret)
sed -i -e 's|\${STORE_ID:-}|store-7|' -e 's|\${PDI_CLIENT_ID:-}|perkline|' \
  -e 's|\${HUB_ENDPOINT:-}|tcp://127.0.0.1:7090|' -e "s|\${HUB_PUBLIC_KEY:-}|$(cat /etc/perkline/hub.public-key)|" \
  /etc/perkline/edge.yaml
# One from the environment, as the service gets it.
echo "PDI_API_URL='http://127.0.0.1:7443'" >> /etc/perkline/edge.env
names_of edge
perkline-edge check-config "${edge[@]}"
status=0
perkline-hub store add store-7 --public-key "$(cat /etc/perkline/edge.public-key)" "${hub[@]}" || status=$?
expect "a command without hub.env" "$status" 2
[ ! -e /var/lib/perkline-hub/hub.db ] || fail "it has made a database of its own"
names_of hub
perkline-hub check-config "${hub[@]}"

step "root's commands before the first start leave nothing that the daemon cannot open"
(umask 077; echo 'correct horse 42' > /root/password)
perkline-hub admin create --email ops@example.com --password-file /root/password "${hub[@]}"
perkline-hub store add store-7 --public-key "$(cat /etc/perkline/edge.public-key)" "${hub[@]}"
expect "the database's owner" "$(stat -c '%U %a' /var/lib/perkline-hub/hub.db)" "perkline-hub 600"

step "started: as its own user, in its sandbox"
systemd-run --quiet --unit=pdi-sandbox pdi-sandbox serve
systemctl enable --quiet --now perkline-hub perkline-edge perkline-edge-backup.timer perkline-hub-backup.timer
for name in perkline-edge perkline-hub; do
  status=/proc/$(pid_of $name)/status
  expect "user of $name" "$(stat -c %U "/proc/$(pid_of $name)")" $name
  expect "NoNewPrivs of $name" "$(awk '/^NoNewPrivs/ {print $2}' "$status")" 1
  expect "Seccomp of $name" "$(awk '/^Seccomp:/ {print $2}' "$status")" 2
  expect "capabilities of $name" "$(awk '/^Cap(Eff|Bnd|Prm)/ {print $2}' "$status" | sort -u)" 0000000000000000
  expect "command line of $name" "$(tr '\0' ' ' < "/proc/$(pid_of $name)/cmdline" | sed 's|.*/||')" \
    "${name#perkline-}.yaml "
  [ "$(readlink "/proc/$(pid_of $name)/ns/user")" != "$(readlink /proc/self/ns/user)" ] || fail "$name: no users of its own"
  # A root of its own to look at, in which only its data can be written.
  nsenter -t "$(pid_of $name)" -m -S "$(id -u $name)" -- sh -c "
    ! touch /etc/perkline/x /var/lib/x /usr/bin/x 2> /dev/null && touch /var/lib/$name/x && rm /var/lib/$name/x" ||
    fail "$name: not the folders it should have"
  echo "   $name: $(unit $name StatusText)"
done

step "a sale goes through, to PDI and to the hub"
key=$(perkline-edge terminal add POS-1 "${edge[@]}")
post() {
  curl -s -w '\n%{http_code}' -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$2" \
    "http://127.0.0.1:7070/v1/$1"
}
sell() {
  local session
  session=$(post identify '{"customerId":"CUST-12345","channelId":"POS-001","transactionId":"'"$1"'"}' |
    grep -o 'sess_[^"]*')
  post calculateRewards '{"sessionId":"'"$session"'","transactionAmount":150.00,"items":[{"sku":"SKU-001","qty":2}]}' > /dev/null
  post finalize '{"sessionId":"'"$session"'","transactionId":"'"$1"'","finalAmount":150.00,"applyRewards":true}'
}
# The terminal's key counts within a second.
eventually 5 sh -c "curl -sf -H 'Authorization: Bearer $key' http://127.0.0.1:7070/v1/getSessionStatus?sessionId=sess_none -o /dev/null -w '%{http_code}' | grep -q 404"
first=$(sell TXN-1)
expect "status" "${first##*$'\n'}" 200
case $first in *'"earnedPoints":450'*) ;; *) fail "not the worked example: $first" ;; esac
expect "sales at PDI" "$(curl -s http://127.0.0.1:7443/sandbox/ledger | grep -o '"transactionId":"TXN-1"' | wc -l)" 1
at_hub() { perkline-hub store show store-7 --json "${hub[@]}" | grep -q '"cursor":[1-9]'; }
eventually 30 at_hub
books_agree

step "a daemon that hangs is killed by its watchdog and started again; nothing is lost"
edge_pid=$(pid_of perkline-edge)
hub_pid=$(pid_of perkline-hub)
kill -STOP "$edge_pid" "$hub_pid"
# restarted UNIT PID
restarted() { [ "$(unit "$1" ActiveState)" = active ] && [ "$(pid_of "$1")" != "$2" ] && [ "$(pid_of "$1")" != 0 ]; }
eventually 75 restarted perkline-edge "$edge_pid"
eventually 60 restarted perkline-hub "$hub_pid"
for name in perkline-edge perkline-hub; do
  expect "restarts of $name" "$(unit $name NRestarts)" 1
  journalctl -u $name | grep -q 'Watchdog timeout' || fail "not the watchdog's doing"
done
expect "the sale again" "$(sell TXN-1)" "$first"
systemctl kill --signal=KILL perkline-edge
eventually 30 restarted perkline-edge "$edge_pid"
expect "the sale again" "$(sell TXN-1)" "$first"

step "reload is taken by both"
systemctl reload perkline-edge perkline-hub
expect "the sale again" "$(sell TXN-1)" "$first"

step "backups, verified"
systemctl start perkline-edge-backup.service perkline-hub-backup.service
[ -n "$(ls -A /var/backups/perkline-edge)" ] || fail "no backup of the edge"
expect "backups of the hub" "$(find /var/backups/perkline-hub -name 'hub-*Z.backup' -user perkline-hub | wc -l)" 1
systemctl is-active --quiet perkline-edge-backup.timer || fail "the timer does not run"
mv /var/backups/perkline-hub /var/backups/away
systemctl start perkline-hub-backup.service 2> /dev/null && fail "made a backup into nowhere"
systemctl is-failed --quiet perkline-hub-backup.service || fail "nobody hears that the folder for backups is missing"
mv /var/backups/away /var/backups/perkline-hub

step "restored: the hub out of its backup; the store sends again what it lacks"
expect "status" "$(sell TXN-3 | tail -1)" 200
systemctl stop perkline-hub
perkline-hub restore "$(find /var/backups/perkline-hub -name 'hub-*Z.backup')" "${hub[@]}"
expect "the database's owner" "$(stat -c '%U %a' /var/lib/perkline-hub/hub.db)" "perkline-hub 600"
systemctl start perkline-hub
eventually 60 hub_has_all
books_agree

step "data of a newer version: ended with 78 for good, not again and again"
systemctl stop perkline-hub
# What a newer hub's migration leaves behind.
sqlite3 /var/lib/perkline-hub/hub.db "INSERT INTO schema_migration VALUES (9999, 'newer', '', 0)"
systemctl start perkline-hub 2> /dev/null || true
eventually 10 systemctl is-failed --quiet perkline-hub
expect "exit status" "$(unit perkline-hub ExecMainStatus) $(unit perkline-hub NRestarts)" "78 0"
sqlite3 /var/lib/perkline-hub/hub.db "DELETE FROM schema_migration WHERE number = 9999"
systemctl start perkline-hub
eventually 60 hub_has_all

step "the same on a PostgreSQL, from within the services' sandboxes"
su postgres -c 'createuser --createdb perkline && createdb --owner=perkline perkline'
su postgres -c "psql --quiet --command=\"ALTER USER perkline PASSWORD 'horse'\""
cp -p /etc/perkline/hub.env /root/hub.env
sed -i "s|^DATABASE_URL=.*|DATABASE_URL='postgresql://perkline:horse@127.0.0.1/perkline?sslmode=prefer\&application_name=perkline'|" \
  /etc/perkline/hub.env
systemctl restart perkline-hub
names_of hub
listed=$(perkline-hub store list "${hub[@]}")
case $listed in *store-7*) fail "a command sees another database than the daemon" ;; esac
systemctl start perkline-hub-backup.service
expect "backups of the hub" "$(find /var/backups/perkline-hub -name 'hub-*Z.backup' -user perkline-hub | wc -l)" 2
archive=$(find /var/backups/perkline-hub -name 'hub-*Z.backup' | sort | tail -1)
su postgres -c 'pg_restore --list' < "$archive" | grep 'TABLE DATA .* entry' > /dev/null || fail "$archive has no ledger"
perkline-hub restore "$archive" "${hub[@]}" 2> /dev/null && fail "restored beside a running hub"
systemctl stop perkline-hub
perkline-hub restore "$archive" "${hub[@]}"
systemctl start perkline-hub
books_agree
cp -p /root/hub.env /etc/perkline/hub.env
names_of hub
systemctl restart perkline-hub

step "upgraded: restarted once, the configuration kept"
edge_pid=$(pid_of perkline-edge)
config=$(md5sum /etc/perkline/*.*)
dpkg --install /upgrade/*.deb > /dev/null
restarted perkline-edge "$edge_pid" || fail "still the old one"
expect "the configuration" "$(md5sum /etc/perkline/*.*)" "$config"
expect "the sale again" "$(sell TXN-1)" "$first"

step "rolled back: the older package goes on with the data"
edge_pid=$(pid_of perkline-edge)
dpkg --install /packages/*.deb > /dev/null 2>&1
restarted perkline-edge "$edge_pid" || fail "still the newer one"
expect "the sale again" "$(sell TXN-1)" "$first"
expect "version" "$(dpkg-query -W -f '${Version}' perkline-edge)" "$(dpkg-deb -f /packages/perkline-edge_*.deb Version)"

step "a fault in the configuration ends it for good, and says which"
cp /etc/perkline/edge.yaml /root/edge.yaml
sed -i 's|^timezone: .*|timezone: Nowhere|' /etc/perkline/edge.yaml
systemctl restart perkline-edge && fail "started with a fault"
eventually 10 systemctl is-failed --quiet perkline-edge
expect "exit status" "$(unit perkline-edge ExecMainStatus)" 2
journalctl -u perkline-edge -n 20 | grep -q 'timezone' || fail "the log does not name the fault"
cp /root/edge.yaml /etc/perkline/edge.yaml
systemctl restart perkline-edge

expect "the sale again" "$(sell TXN-1)" "$first"

step "another machine: the hub comes back out of a backup, /etc/perkline and its key, and the store knows it"
mkdir /root/saved
cp -a /etc/perkline /root/saved/etc
cp -p /etc/credstore/perkline-hub.sync-secret-key /root/saved/key
cp -p "$(find /var/backups/perkline-hub -name 'hub-*Z.backup' | sort | head -1)" /root/saved/backup
dpkg --purge perkline-hub | grep 'sync-secret-key is kept'
cmp /etc/credstore/perkline-hub.sync-secret-key /root/saved/key || fail "the purge has not kept the hub's key"
rm /etc/credstore/perkline-hub.sync-secret-key
rm -r /var/lib/perkline-hub
dpkg --install /packages/perkline-hub_*.deb > /dev/null
cmp -s /etc/credstore/perkline-hub.sync-secret-key /root/saved/key && fail "not a new machine's key"
cp -a /root/saved/etc/. /etc/perkline/
install -m 0600 /root/saved/key /etc/credstore/perkline-hub.sync-secret-key
names_of hub
perkline-hub restore /root/saved/backup "${hub[@]}"
systemctl start perkline-hub
second=$(sell TXN-2)
expect "status" "${second##*$'\n'}" 200
eventually 60 hub_has_all
books_agree

step "removed: stopped and not enabled, configuration and data kept"
dpkg --remove perkline-edge perkline-hub > /dev/null
expect "what still runs" "$(find /proc -maxdepth 2 -name exe -lname '/usr/bin/perkline-*' 2> /dev/null | wc -l)" 0
expect "what is enabled" "$(find /etc/systemd/system -lname '*perkline*' | wc -l)" 0
for path in /etc/perkline/edge.yaml /etc/credstore/perkline-edge.hub-secret-key /var/lib/perkline-edge/db \
            /var/lib/perkline-hub/hub.db; do
  [ -e $path ] || fail "$path is gone"
done

step "installed again: goes on where it was"
dpkg --install /upgrade/perkline-edge_*.deb /upgrade/perkline-hub_*.deb > /dev/null
expect "what is enabled" "$(find /etc/systemd/system -lname '*perkline*' | wc -l)" 0
systemctl start perkline-hub perkline-edge
expect "the sale again" "$(sell TXN-1)" "$first"

step "purged: data, backups, their users and the hub's key stay, and nothing else"
dpkg --purge perkline-edge perkline-hub perkline-tools | grep kept
left=$(find / -xdev \( -path /proc -o -path /sys -o -path /packages -o -path /upgrade -o -path /run \) -prune -o \
  -iname '*perkline*' -print | sort)
expect "what is left" "$left" "/etc/credstore/perkline-hub.sync-secret-key
/var/backups/perkline-edge
/var/backups/perkline-hub
/var/lib/perkline-edge
/var/lib/perkline-hub"
[ -f /var/lib/perkline-hub/hub.db ] || fail "the ledger is gone"
expect "what is left of secrets" "$(ls /etc/credstore)" perkline-hub.sync-secret-key
getent passwd perkline-edge > /dev/null || fail "the data's owner is gone"
echo "ALL AS IT SHOULD BE"
