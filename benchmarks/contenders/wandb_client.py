"""W&B's own client at its defaults: rows of three scalars, from the first call until the run is finished; or each call.

Arguments: directory, count, `online`, `offline` or `calls`, and unless offline the server's address and a key.
"""

import json
import os
import sys
import time
from pathlib import Path

from training_steps import DIFFERENT_STEPS, STEPS, bare, read_workload

directory, count = read_workload()
mode, url, key = [*sys.argv[3:6], "http://127.0.0.1:9", "0" * 40][:3]
home = Path(directory, "home")
home.mkdir()
os.environ.update(
    HOME=str(home),
    WANDB_DIR=directory,
    WANDB_CONFIG_DIR=str(home / "config"),
    WANDB_CACHE_DIR=str(home / "cache"),
    WANDB_DATA_DIR=str(home / "data"),
    WANDB_BASE_URL=url,
    WANDB_API_KEY=key,
    WANDB_ERROR_REPORTING="false",
    WANDB_SILENT="true",
    # It must not reach for anything but the server.
    HTTP_PROXY="http://127.0.0.1:9",
    HTTPS_PROXY="http://127.0.0.1:9",
    NO_PROXY="127.0.0.1",
)

# As call-latency.ts has it.
WARM_UP_CALLS = 20_000
DELIVERY_REST_SECONDS = 1

# Imported when its environment is there.
import wandb

rows = [{name: value for name, value in step.items() if name != "perplexity"} for step in bare(STEPS)]
run = wandb.init(project="benchmark", id="benchmark", mode="offline" if mode == "offline" else "online")


def log(step):
    run.log(rows[step % DIFFERENT_STEPS], step=step)


if mode == "calls":
    for step in range(WARM_UP_CALLS):
        log(step)
    time.sleep(DELIVERY_REST_SECONDS)
    latencies = [0] * count
    for call in range(count):
        called = time.perf_counter_ns()
        log(WARM_UP_CALLS + call)
        latencies[call] = time.perf_counter_ns() - called
    run.finish()
    latencies.sort()
    quantiles = (("p50", 500), ("p99", 990), ("p99.9", 999))
    print(json.dumps({name: latencies[-(-count * share // 1000) - 1] / 1000 for name, share in quantiles}))
else:
    start = time.perf_counter()
    for step in range(count):
        log(step)
    run.finish()
    seconds = time.perf_counter() - start
    if mode == "online":
        print(json.dumps({"wall": seconds}))
    else:
        size = sum(file.stat().st_size for file in Path(directory).glob("wandb/offline-run-*/*.wandb"))
        print(json.dumps({"records/s": count / seconds, "bytes/record": size / count}))
