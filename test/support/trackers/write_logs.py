"""Writes the same three values with each tracker, into folders below the one that is given."""

from __future__ import annotations

import os
import sys
from pathlib import Path

out = Path(sys.argv[1])
VALUES = [0.4889, 0.681, 0.6820]
os.environ.update(
    WANDB_MODE="offline",
    WANDB_SILENT="true",
    WANDB_DIR=str(out / "wandb-dir"),
    TRACKIO_DIR=str(out / "trackio"),
    MLFLOW_ALLOW_FILE_STORE="true",
)


def tensorboardx() -> None:
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(out / "tensorboardx"))
    for step, value in enumerate(VALUES):
        writer.add_scalar("val/acc", value, step)
        writer.add_scalar("loss", 1 / (step + 1), step)
    writer.add_text("note", "a text")
    writer.add_histogram("weights", [1, 2, 3], 1)
    writer.close()


def tensorboard() -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(out / "tensorboard"))
    for step, value in enumerate(VALUES):
        writer.add_event(Event(step=step, wall_time=1.0, summary=scalar_pb("val/acc", value)))
    writer.close()


def mlflow(uri: str) -> None:
    import mlflow

    mlflow.set_tracking_uri(uri)
    with mlflow.start_run():
        mlflow.log_param("lr", 0.1)
        for step, value in enumerate(VALUES):
            mlflow.log_metric("val/acc", value, step=step)
        mlflow.log_metric("loss", float("nan"))


def trackio() -> None:
    import trackio

    trackio.init(project="made", name="run")
    for value in VALUES:
        trackio.log({"val/acc": value, "loss": 1.0})
    trackio.finish()


def wandb() -> None:
    import wandb

    (out / "wandb-dir").mkdir()
    run = wandb.init(project="made")
    for value in VALUES:
        # Longer than a block of the file.
        run.log({"val/acc": value, "text": "x" * 70_000, "deep": {"acc": value}})
    run.finish()


tensorboardx()
tensorboard()
mlflow((out / "mlruns").as_uri())
mlflow(f"sqlite:///{out / 'mlflow.db'}")
trackio()
wandb()
