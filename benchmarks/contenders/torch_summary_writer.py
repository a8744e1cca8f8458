"""torch's SummaryWriter as its documentation uses it: one add_scalar for each value, at its defaults."""

from torch.utils.tensorboard import SummaryWriter

from training_steps import DIFFERENT_STEPS, STEPS, Stopwatch, read_workload

directory, count = read_workload()
writer = SummaryWriter(directory)
stopwatch = Stopwatch()
for step in range(count):
    for tag, value in STEPS[step % DIFFERENT_STEPS].items():
        writer.add_scalar(tag, value, step)
writer.close()
stopwatch.answer(directory, count)
