"""What every contender logs, as in training-steps.ts, and how a contender answers."""

import json
import math
import os
import sys
import time

DIFFERENT_STEPS = 4096


def _metrics(index):
    loss = 1.5 + math.exp(-index / 700) + math.sin(index * 12.9898) / 20
    return {
        "train/loss": loss,
        "train/perplexity": math.exp(loss),
        "train/learning_rate": 1.5e-4 * (1 + math.cos(math.pi * index / DIFFERENT_STEPS)),
        "train/grad_norm": 0.8 + math.sin(index * 78.233) / 3,
    }


STEPS = [_metrics(index) for index in range(DIFFERENT_STEPS)]


def bare(steps):
    """The same, the names without their `train/`."""
    return [{tag.removeprefix("train/"): value for tag, value in step.items()} for step in steps]


def read_workload():
    """From the command line: an empty directory, and how many records to write."""
    return sys.argv[1], int(sys.argv[2])


class Stopwatch:
    """Takes the time from its making."""

    def __init__(self):
        self._start = time.perf_counter()
        self._cpu_start = time.process_time()

    def answer(self, directory, count):
        """Prints the figures, as the last line."""
        seconds = time.perf_counter() - self._start
        cpu_seconds = time.process_time() - self._cpu_start
        size = sum(entry.stat().st_size for entry in os.scandir(directory))
        figures = {
            "records/s": count / seconds,
            "cpu/record": cpu_seconds / count * 1e6,
            "bytes/record": size / count,
        }
        print(json.dumps(figures))
