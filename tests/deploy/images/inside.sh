#!/bin/bash
# Inside the tree that check.py has made, on a network of its own: Docker runs /images as compose.yaml says. Ends with the first
# thing that is not as it should be.
set -euo pipefail

daemons=(postgres hub-1 hub-2 nginx sandbox edge)
hub=http://localhost:8080 edge=http://127.0.0.1:7070/v1

fail() {
  echo "FAILED: $*"
  tail -20 /tmp/compose.log /var/log/dockerd.log || true
  docker ps -a || true
  compose logs --no-color --tail 15 || true
  exit 1
}
step() { echo "-- $*"; }
# expect WHAT ACTUAL WANTED
expect() { [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"; }
# eventually SECONDS COMMAND...
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "never: $*"
    sleep 0.5
  done
}
compose() { docker-compose -p perkline -f /source/deploy/container/compose.yaml "$@" 2>> /tmp/compose.log; }
state() { docker inspect --format "{{.State.$2}}" "perkline_$1_1"; }
healthy() { [ "$(state "$1" Health.Status)" = healthy ]; }
all_healthy() { for each in "${daemons[@]}"; do healthy "$each" || return; done; }
all_running() { for each in "${daemons[@]}"; do [ "$(state "$each" Running)" = true ] || return; done; }
# number NAME: the first of that name in what comes in as JSON.
number() { grep -o "\"$1\":[0-9]*" | head -1 | cut -d: -f2; }
# A till's call with $key, or a member's without.
post() {
  curl -sS --max-time 30 ${key:+-H "Authorization: Bearer $key"} -H 'Content-Type: application/json' --data "$2" "$1"
}
# sell NAME: as README.md sells.
sell() {
  local session
  session=$(post $edge/identify '{"customerId":"CUST-12345","channelId":"POS-1","transactionId":"'"$1"'"}' | cut -d'"' -f4)
  post $edge/calculateRewards '{"sessionId":"'"$session"'","transactionAmount":150.00,"items":[{"sku":"SKU-001","qty":2}]}' > /dev/null
  expect "points of $1" "$(post $edge/finalize \
    '{"sessionId":"'"$session"'","transactionId":"'"$1"'","finalAmount":150.00,"applyRewards":true}' | number earnedPoints)" 450
}
hub_has() {
  [ "$(compose exec -T hub-1 perkline-hub store show store-1 --json --config /etc/perkline/hub.yaml | number cursor)" = "$1" ]
}
books_agree() {
  compose exec -T hub-2 perkline-hub verify --json --config /etc/perkline/hub.yaml | grep '"ok":true' > /dev/null || fail "the hub's books"
}

# The machine's control groups are all that is not this tree's own: a group of a name of its own, which goes at the end.
dockerd --cgroup-parent perkline-images > /var/log/dockerd.log 2>&1 &
trap 'kill %1 || true; wait %1 || true; rmdir /sys/fs/cgroup/perkline-images /sys/fs/cgroup/*/perkline-images 2> /dev/null || true' EXIT
docker_is_up() { docker version > /dev/null 2>&1; }
eventually 30 docker_is_up
for image in /images/*.tar; do docker load --quiet --input "$image" > /dev/null; done

step "images: their own user, no compiler, nothing that apt has left"
for part in hub edge tools; do
  image=$(docker images --format '{{.Repository}}:{{.Tag}}' "perkline-$part")
  docker images --format '   {{.Repository}}: {{.Size}}' "$image"
  expect "$image's user" "$(docker run --rm --network none --entrypoint id "$image" -u -n) $(docker run --rm --network none --entrypoint id "$image" -g -n)" "perkline perkline"
  expect "$image" "$(docker run --rm --network none --entrypoint sh "$image" -c 'ls -A /var/lib/apt/lists /tmp; ls /usr/bin | grep -E "^(clang|gcc|cc)" || true')" "/tmp:

/var/lib/apt/lists:"
done

step "up: keys, first admin, then everything healthy"
compose up --detach
eventually 120 all_healthy
for once in keys store; do expect "$once" "$(state $once Status) $(state $once ExitCode)" "exited 0"; done
expect "volumes that nobody named" "$(docker volume ls --format '{{.Name}}' | grep -v '^perkline_' || true)" ""

step "no root, no capability, no root file system to write to"
for name in "${daemons[@]}"; do
  # shellcheck disable=SC2016 # It is the container's shell that puts them in.
  found=$(compose exec -T "$name" sh -c '
    set -- $(grep -E "^(Uid|CapEff|NoNewPrivs):" /proc/1/status)
    [ "$2" != 0 ] && echo "$7 $9"; for at in / /usr /etc /var /var/lib; do touch "$at/x" 2> /dev/null && echo "$at"; done; true')
  expect "$name" "$found" "0000000000000000 1"
done

step "a sale, from the till to the hub's books"
key=$(compose exec -T edge perkline-edge terminal add POS-1 --config /secrets/edge/edge.yaml)
# Its key counts within a second: a call that lacks everything is refused for what it lacks.
till_known() { post $edge/void '{}' | grep '"status":400' > /dev/null; }
eventually 20 till_known
sell SALE-1
eventually 30 hub_has 1
books_agree

step "through nginx: the admin's login, a member's socket"
till=$key key=
password=$(compose exec -T hub-1 cat /secrets/hub/admin-password)
post $hub/api/v1/auth/login '{"login":"admin@example.com","password":"'"$password"'"}' | grep accessToken > /dev/null || fail "the admin's login"
token=$(post $hub/api/v1/auth/register '{"email":"ann@example.com","password":"Correct-Horse-9","name":"Ann"}' |
  grep -o '"accessToken":"[^"]*"' | cut -d'"' -f4)
: > /tmp/socket
python3 - "$token" > /tmp/socket 2>&1 <<'SOCKET' &
import sys
import websocket

socket = websocket.create_connection(
    "ws://localhost:8080/api/v1/notifications/ws?after=0", subprotocols=["perkline", f"bearer.{sys.argv[1]}"]
)
while True:
    print(socket.recv(), flush=True)
SOCKET
eventually 20 grep -q PLAYER_REGISTERED /tmp/socket

step "the nightly backup, as Kubernetes calls it"
compose exec -T hub-1 sh -c '/usr/lib/perkline-hub/daily-backup /tmp --config /etc/perkline/hub.yaml && ls /tmp/hub-*Z.backup' > /dev/null ||
  fail "no backup"

step "stopped, with the socket open: everybody in time, with 0"
compose stop
for name in "${daemons[@]}"; do expect "$name" "$(state "$name" ExitCode)" 0; done

step "up again: the same books, and on it goes"
compose up --detach
eventually 120 all_healthy
key=$till
sell SALE-2
eventually 30 hub_has 2

step "killed, each: they come back"
for name in "${daemons[@]}"; do kill -9 "$(state "$name" Pid)"; done
eventually 60 all_running
eventually 120 all_healthy
sell SALE-3
eventually 60 hub_has 3
books_agree

step "each started anew by itself: the others find it"
for name in "${daemons[@]}"; do compose restart "$name"; done
eventually 120 all_healthy
sell SALE-4
eventually 60 hub_has 4
expect "nginx" "$(curl -s -o /dev/null -w '%{http_code}' $hub/health)" 200

step "down -v: nothing is left"
compose down --volumes
expect "left" "$(docker ps -aq)$(docker volume ls -q)" ""
echo "ALL IS WELL"
