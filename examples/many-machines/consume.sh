#!/bin/sh
# Follows the stream with redis-cli and awk: `sh consume.sh redis://127.0.0.1:6379/0`. Prints id, run, step and metrics of each step.
url=$1
after=0-0
while entries=$(redis-cli -u "$url" XREAD COUNT 1000 BLOCK 5000 STREAMS trainer_metrics_events "$after"); do
  [ -n "$entries" ] || continue
  # The stream's name; then, a line each, an entry's id, and the names and values of its fields in turn.
  steps=$(printf '%s\n' "$entries" | awk '
    function show() { if (of["kind"] == "step") print id, of["run"], of["step"], of["metrics"]; split("", of) }
    NR == 1 { next }
    !name && /^[0-9]+-[0-9]+$/ { show(); id = $0; next }
    !name { name = $0; next }
    { of[name] = $0; name = "" }
    END { show(); print id }
  ')
  # The last line is where to go on.
  after=${steps##*
}
  printf '%s\n' "$steps" | sed '$d'
done
