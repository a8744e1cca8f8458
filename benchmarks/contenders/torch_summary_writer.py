"""torch's SummaryWriter as its documentation uses it: one add_scalar for each value, at its defaults."""

import time

from torch.utils.tensorboard import SummaryWriter

from training_steps import DIFFERENT_STEPS, STEPS, answer, read_workload

directory, count = read_workload()
writer = SummaryWriter(directory)
start = time.perf_counter()
for step in range(count):
    for tag, value in STEPS[step % DIFFERENT_STEPS].items():
        writer.add_scalar(tag, value, step)
writer.close()
answer(directory, count, time.perf_counter() - start)
