"""MLflow's store in SQLite, through its client: so many metrics a call as it takes at most."""

import os
import sys

from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from training_steps import DIFFERENT_STEPS, STEPS, Stopwatch, read_workload

# What one call takes at most is 1,000 metrics.
STEPS_A_CALL = 250

directory, count = read_workload()
file = os.path.join(directory, "mlflow.db")
client = MlflowClient(tracking_uri=f"sqlite:///{file}")
experiment = client.create_experiment("benchmark", artifact_location=directory)
run_id = client.create_run(experiment).info.run_id


def log(first):
    steps = range(first, first + STEPS_A_CALL)
    client.log_batch(
        run_id,
        [
            Metric(tag, value, 1_790_000_000_000 + step, step)
            for step in steps
            for tag, value in STEPS[step % DIFFERENT_STEPS].items()
        ],
    )


stopwatch = Stopwatch()
for first in range(0, count, STEPS_A_CALL):
    log(first)
client.set_terminated(run_id)
stopwatch.answer(directory, count)
held = len(client.get_metric_history(run_id, "train/loss"))
if held != count:
    sys.exit(f"the store has {held} steps")
