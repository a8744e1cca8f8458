"""Follows the stream with nothing but a client: `pip install redis`, `python consume.py redis://127.0.0.1:6379/0`."""

import json
import sys

import redis

server = redis.Redis.from_url(sys.argv[1], decode_responses=True)
after = "0-0"
while True:
    for _, entries in server.xread({"trainer_metrics_events": after}, count=1000, block=5000):
        for after, entry in entries:
            if entry["kind"] == "step":
                metrics = json.loads(entry["metrics"])
                print(entry["run"], entry["step"], float(metrics["train/loss"]))
