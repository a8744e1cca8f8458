"""torch's SummaryWriter as its documentation uses it: one add_scalar for each value, at its defaults.

With `bare`, the names are without their `train/`.
"""

import sys

from torch.utils.tensorboard import SummaryWriter

from training_steps import DIFFERENT_STEPS, STEPS, Stopwatch, bare, read_workload

directory, count = read_workload()
steps = bare(STEPS) if "bare" in sys.argv else STEPS
writer = SummaryWriter(directory)
stopwatch = Stopwatch()
for step in range(count):
    for tag, value in steps[step % DIFFERENT_STEPS].items():
        writer.add_scalar(tag, value, step)
writer.close()
stopwatch.answer(directory, count)
