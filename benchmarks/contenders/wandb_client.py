"""W&B's own client at its defaults: rows of three scalars, from the first call until the run is finished.

Arguments: directory, count, `online` or `offline`, and for `online` the server's address and a key.
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

# Imported when its environment is there.
import wandb

rows = [{name: value for name, value in step.items() if name != "perplexity"} for step in bare(STEPS)]
run = wandb.init(project="benchmark", id="benchmark", mode=mode)
latencies = [0] * count
start = time.perf_counter()
for step in range(count):
    row = rows[step % DIFFERENT_STEPS]
    called = time.perf_counter_ns()
    run.log(row, step=step)
    latencies[step] = time.perf_counter_ns() - called
run.finish()
seconds = time.perf_counter() - start
latencies.sort()
if mode == "online":
    quantiles = {name: latencies[-(-count * share // 100) - 1] / 1000 for name, share in (("p50", 50), ("p99", 99))}
    print(json.dumps({"wall": seconds, **quantiles}))
else:
    size = sum(file.stat().st_size for file in Path(directory).glob("wandb/offline-run-*/*.wandb"))
    print(json.dumps({"records/s": count / seconds, "bytes/record": size / count}))
