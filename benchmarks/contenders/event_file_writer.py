"""TensorBoard's own writer at its best: one event for all four values, and its two threads on one core.

On several cores the threads hand Python's interpreter lock to and fro, and it is slower.
"""

import os
import time

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from training_steps import DIFFERENT_STEPS, STEPS, Stopwatch, read_workload

directory, count = read_workload()
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
writer = EventFileWriter(directory)
stopwatch = Stopwatch()
for step in range(count):
    metrics = STEPS[step % DIFFERENT_STEPS]
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in metrics.items()]
    writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))
writer.close()
stopwatch.answer(directory, count)
