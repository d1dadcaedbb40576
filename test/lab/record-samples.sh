#!/bin/bash
# Records captures/samples/ anew, each on a real Docker host of the lab: `bash test/lab/record-samples.sh` (root; npm run build before).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/captures/samples
name=rec$$

lab() { bash "$here/lab.sh" "$@"; }
trap 'lab down $name >/dev/null 2>&1 || true' EXIT

# record FILE TARGETS FILTER PLACE COMMAND: captures while COMMAND runs in container web1 (PLACE web1) or on the outside machine (out)
record() {
  local file=$out/$1 targets=$2 filter=$3 place=$4 command=$5 log
  log=$(mktemp)
  rm -f "$file"
  # shellcheck disable=SC2086  # several targets are several words
  lab sh $name node "$root/dist/main.js" capture $targets -w "$file" --duration 12s -- "$filter" >/dev/null 2>"$log" &
  local capture=$!
  for _ in $(seq 100); do grep -q 'listening on' "$log" && break; sleep 0.1; done
  if [ "$place" = out ]; then lab out $name sh -c "$command" >/dev/null || true; else lab in $name "$place" sh -c "$command" >/dev/null || true; fi
  wait $capture || { cat "$log" >&2; exit 1; }
  rm -f "$log"
  chmod 644 "$file"
  printf '%8d  %s\n' "$(stat -c %s "$file")" "${file#"$root"/}"
}

# One HTTP request by bash alone.
http() { printf 'timeout 3 bash -c "exec 3<>/dev/tcp/%s/%s && printf \\"GET / HTTP/1.0\\\\r\\\\n\\\\r\\\\n\\" >&3 && cat <&3 >/dev/null"' "$1" "$2"; }
host() { lab up $name "$1" >/dev/null; lab scene $name >/dev/null; sleep 1; }
end() { lab down $name >/dev/null; }
address() { lab sh $name docker inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"; }

host 20.10
record isolation-drop-20.10.pcapng web1 'icmp or tcp or arp' web1 "ping -c 4 -W 1 $(address web2 test_net2)"
end
host 28.5
record isolation-drop-28.5.pcapng web1 'icmp or tcp or arp' web1 "ping -c 3 -W 1 $(address web2 test_net2); ping -c 2 -W 1 $(address pubnet1 test_net1); $(http "$(address pubnet1 test_net1)" 80)"
record masquerade-28.5.pcapng 'web1 eth0' 'icmp or tcp or udp' web1 'ping -c 4 203.0.113.2'
end
host 26.1
record published-port-26.1.pcapng 'eth0 pub' 'tcp or arp' out "$(http 203.0.113.1 8080); $(http 203.0.113.1 8080)"
end
