"""Runs of W&B's own Python client, one for each thing that the test server must understand.

Started as `official_client.py <scenario>` with WANDB_* in the environment, in a directory of its own.
"""

import math
import os
import signal
import sys
import time
from pathlib import Path

import numpy
import wandb


def online():
    """Rows on an axis of their own, a summary, config before and after, tags, and what describes the run."""
    run = wandb.init(
        project="official",
        id="online",
        name="baseline",
        notes="a note",
        group="night",
        job_type="train",
        tags=["lm", "small"],
        config={"lr": 0.1, "model": {"layers": 2}},
    )
    run.define_metric("train/step")
    run.define_metric("train/*", step_metric="train/step")
    run.define_metric("val/acc", summary="max")
    for step in range(20):
        run.log({"train/step": step * 10, "train/loss": 1 / (step + 1)})
    for accuracy in (0.5, 0.9, 0.7):
        run.log({"val/acc": accuracy})
    run.config.update({"eval_samples": 3072})
    run.tags = [*run.tags, "fast"]
    run.summary["nrmse"] = 0.09
    print("a line of the console")
    run.finish()


def failed():
    run = wandb.init(project="official", id="failed")
    run.log({"loss": 1.0})
    raise RuntimeError("the trainer failed")


def first():
    """The run that the next two resume."""
    run = wandb.init(project="official", id="resumed", config={"lr": 0.1}, tags=["lm"], notes="a note")
    for step in range(5):
        run.log({"loss": step})
    run.summary["best"] = 1
    run.finish()


def resume_allow():
    run = wandb.init(project="official", id="resumed", resume="allow", config={"wd": 0.5})
    assert run.resumed
    assert run.config["lr"] == 0.1
    assert run.summary["best"] == 1
    for step in range(5, 8):
        run.log({"loss": step})
    run.finish()


def resume_must():
    run = wandb.init(project="official", id="resumed", resume="must")
    run.log({"loss": 8})
    run.finish()


def resume_missing():
    """Prints the error that resuming a run that is not there gives."""
    try:
        wandb.init(project="official", id="nowhere", resume="must")
    except wandb.errors.UsageError as error:
        print("refused:", type(error).__name__)


def resume_from_node():
    """The same for a run that another client has made."""
    try:
        wandb.init(project="sdk", id="from-node", resume="must").finish()
    except wandb.errors.UsageError as error:
        print("refused:", type(error).__name__)


def resume_pipeline():
    """Goes on with a run of ours."""
    run = wandb.init(project="pipeline", id="run-1", resume="must")
    assert run.config["learning_rate"] == 0.02
    assert run.summary["eval/operator/nrmse"] == 0.09
    for loss in (0.5, 0.25):
        run.log({"fine/loss": loss})
    run.finish()


def resume_between():
    """Goes on with a run of ours between two owners."""
    run = wandb.init(project="demo", id="run-1", resume="must")
    for value in (1, 2):
        run.log({"theirs": value})
    run.finish()


def media():
    Path("checkpoints").mkdir()
    Path("checkpoints/model.bin").write_bytes(bytes(range(256)))
    run = wandb.init(project="official", id="media")
    pixels = numpy.zeros((4, 6, 3), dtype=numpy.uint8)
    run.log({"loss": 1.0})
    run.log({"eval/picture": wandb.Image(pixels, caption="black")})
    run.log({"pictures": [wandb.Image(pixels), wandb.Image(pixels + 255)]})
    run.log({"compared": wandb.Table(columns=["model", "nrmse"], data=[["gru", 0.09], ["lstm", 0.1]])})
    run.log({"page": wandb.Html("<p>hello</p>", inject=False)})
    run.log({"weights": wandb.Histogram(np_histogram=([3, 0, 2], [0.0, 0.5, 1.0, 1.5]))})
    run.save("checkpoints/model.bin", base_path=".")
    run.finish()


def artifact():
    """An artifact in two versions and then the second again, each by a run of its own."""
    Path("summary.json").write_text('{"nrmse": 0.09}')
    for number, (row, alias) in enumerate((("gru,0.09", "first"), ("gru,0.08", "best"), ("gru,0.08", "again"))):
        Path("leaderboard.csv").write_text(f"model,nrmse\n{row}\n")
        run = wandb.init(project="official", id=f"artifact-{number}")
        report = wandb.Artifact("report", type="report", description="of the night", metadata={"seed": 7})
        report.add_file("summary.json")
        report.add_file("leaderboard.csv", name="tables/leaderboard.csv")
        run.log_artifact(report, aliases=[alias])
        run.finish()


def alert():
    run = wandb.init(project="official", id="alert")
    run.alert(title="Loss went up", text="from 1 to 3", level=wandb.AlertLevel.WARN, wait_duration=5)
    run.finish()


def not_finite():
    run = wandb.init(project="official", id="not-finite")
    run.log({"a": math.nan, "b": math.inf, "c": -math.inf, "d": None, "e": True, "f": 2**60, "g": {"h": 1}})
    run.finish()


def offline():
    """A run that `wandb sync` sends later."""
    run = wandb.init(project="official", id="offline", mode="offline", config={"lr": 0.1}, tags=["lm"])
    for step in range(100):
        run.log({"loss": 1 / (step + 1)})
    run.log({"compared": wandb.Table(columns=["a"], data=[[1]])})
    run.summary["nrmse"] = 0.09
    run.finish()


def killed():
    """Logs for a while, then dies at once, as by the kernel's out-of-memory killer."""
    run = wandb.init(project="official", id="killed")
    for step in range(200):
        run.log({"loss": step})
    time.sleep(float(os.environ["DIE_AFTER_SECONDS"]))
    os.kill(os.getpid(), signal.SIGKILL)


def unlucky():
    """Logs for a while and says how finishing went."""
    run = wandb.init(project="official", id="unlucky")
    for step in range(200):
        run.log({"loss": step})
    run.finish()
    print("finished without an error")


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        online,
        failed,
        first,
        resume_allow,
        resume_must,
        resume_missing,
        resume_from_node,
        resume_pipeline,
        resume_between,
        media,
        artifact,
        alert,
        not_finite,
        offline,
        killed,
        unlucky,
    )
}

SCENARIOS[sys.argv[1]]()
