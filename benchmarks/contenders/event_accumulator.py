"""TensorBoard's own reader of event files: every value of one, all of them kept."""

import json
import sys
import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

VALUES_A_RECORD = 4

_, _, count, file = sys.argv
accumulator = EventAccumulator(file, size_guidance={"tensors": 0, "scalars": 0})
start = time.perf_counter()
cpu_start = time.process_time()
accumulator.Reload()
seconds = time.perf_counter() - start
cpu_seconds = time.process_time() - cpu_start
values = sum(len(accumulator.Scalars(tag)) for tag in accumulator.Tags()["scalars"])
if values != int(count) * VALUES_A_RECORD:
    raise ValueError(f"{file} has {values} values")
print(json.dumps({"records/s": int(count) / seconds, "cpu/record": cpu_seconds / int(count) * 1e6}))
