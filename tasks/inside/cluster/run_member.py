"""Runs the steps of one run on a compute node, as they were planned elsewhere, and records how they ended.

    python run_member.py JOBS INDEX

JOBS has a JSON object on each line, and INDEX is the number of the line, from 0. The record is `node.json` in
the run's folder; the task runner reads it afterwards. What Slurm starts again goes on where it was: done
steps are left alone, a step that can resume resumes, and of another one what it left is set aside. Standard
library only, CPython 3.8 to 3.15: nothing else need be on a compute node.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import data_there
from step_container import StepContainer

SCHEMA = 1

# How long a step may take to save after it was asked to end.
GRACE_SECONDS = 60

# Sent some time before the time limit (`sbatch --signal`); a plain stop, or the end of the time, is SIGTERM.
TIME_IS_SHORT = signal.SIGUSR1


class Node:
    """The record of a run on compute nodes, written each time that something changes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "node.json"
        self.record: dict[str, Any] = {"schema": SCHEMA, "starts": [], "steps": {}}
        with contextlib.suppress(FileNotFoundError, ValueError):
            self.record = json.loads(self.path.read_text())

    def begin(self, submission: int) -> dict[str, Any]:
        start: dict[str, Any] = {"started": now(), "submission": submission, "job": job(), "host": host()}
        self.record["starts"].append(start)
        self.write()
        return start

    def write(self) -> None:
        """By another name and a rename: whoever reads it finds a whole one."""
        new = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with open(new, "w") as file:
            json.dump(self.record, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)


def main(argv: list[str]) -> int:
    if len(argv) != 2 or not argv[1].isdigit():
        print("usage: run_member.py JOBS INDEX", file=sys.stderr)
        return 2
    planned = read_line(Path(argv[0]), int(argv[1]))
    if planned is None:
        print(f"run_member.py: {argv[0]} has no line {argv[1]}", file=sys.stderr)
        return 2
    folder = Path(planned["directory"])
    folder.mkdir(parents=True, exist_ok=True)
    node = Node(folder)
    start = node.begin(planned["submission"])
    stop = Stop()
    status, because = "done", None
    for step in planned["steps"]:
        before = node.record["steps"].get(step["name"])
        if before is not None and before["status"] == "done":
            continue
        with open(folder / f"node-{step['name']}.log", "ab") as log:
            status, because = run_step(step, before, node, log, stop)
        if status == "failed" and step.get("optional"):
            status, because = "done", None
        if status != "done":
            break
    start.update(ended=now(), status=status, because=because)
    node.write()
    if status == "interrupted" and stop.time_is_short and planned.get("requeue"):
        requeue()
    return 0 if status == "done" else 1


def read_line(path: Path, index: int) -> Any:
    with open(path, "rb") as lines:
        for number, line in enumerate(lines):
            if number == index:
                return json.loads(line)
    return None


class Stop:
    """Hears signals that ask to end; the first reaches the step that runs as SIGINT, so that it can save."""

    def __init__(self) -> None:
        self.by: str | None = None
        self.time_is_short = False
        self.group: int | None = None
        self.container: StepContainer | None = None
        self.on_all_nodes = False
        self.told: int | None = None
        for number in (TIME_IS_SHORT, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.hear)

    def hear(self, number: int, _: object) -> None:
        self.by = self.by or signal.Signals(number).name
        self.time_is_short = self.time_is_short or number == TIME_IS_SHORT
        self.pass_on()

    def pass_on(self) -> None:
        """Once for each step: a second SIGINT would end it before it has saved."""
        if self.by is None or self.group is None or self.told == self.group:
            return
        self.told = self.group
        if self.on_all_nodes:
            # srun takes SIGINT for a question, and SIGTERM for an end at once: Slurm itself tells the nodes.
            subprocess.Popen(["scancel", "--signal=TERM", str(job()["id"])])
        self.send(signal.SIGINT)
        signal.signal(signal.SIGALRM, self.end)
        signal.alarm(GRACE_SECONDS)

    def end(self, *_: object) -> None:
        self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        if self.group is None:
            return
        if self.container is not None:
            self.container.send(self.group, number)
        else:
            send(self.group, number)


def run_step(
    step: dict[str, Any], before: dict[str, Any] | None, node: Node, log: Any, stop: Stop
) -> tuple[str, str | None]:
    """Runs a step in a session of its own; how it ended, and why if not well."""
    if stop.by is not None:
        return "interrupted", f"stopped by {stop.by}"
    out = Path(step["out"])
    goes_on = before is not None and step.get("resumed") is not None and out.exists()
    if out.exists() and not goes_on:
        set_aside(out)
    out.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {
        "status": "running",
        "start": len(node.record["starts"]) - 1,
        "started": now(),
        "resumed": goes_on,
    }
    node.record["steps"][step["name"]] = record
    node.write()
    begin = time.monotonic()
    command = step["resumed"] if goes_on else step["command"]
    for folder in step.get("folders", []):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)
    environment = {**os.environ, **step["env"]}
    if step.get("path"):
        environment["PATH"] = step["path"] + os.pathsep + environment.get("PATH", os.defpath)
    container = StepContainer(step["container"], environment) if step.get("container") else None
    stop.container = container
    changed = [one for one in step.get("data", []) if not data_there.is_as_checked(one)]
    try:
        if changed:
            return end_without_start(step, node, record, changed[0])
        if step.get("nodes") is not None:
            command = on_all_nodes(command, step["nodes"], environment)
            environment.update(for_srun())
        if container is not None:
            command = container.command(command)
            if before is not None:
                container.remove()  # of a start that was ended with its node
        record["command"] = command
        code = execute(command, step, environment, log, stop)
        if code is None:
            code, record["timed_out"] = 1, True
    except OSError as error:
        log.write(f"{step['name']} could not be started: {error}\n".encode())
        code = 127
    finally:
        for folder in step.get("folders", []):
            shutil.rmtree(folder, ignore_errors=True)
    record.update(ended=now(), seconds=round(time.monotonic() - begin, 3))
    if container is not None:
        stop.container = None
        if code != 0 and stop.by is None:
            record["problem"] = container.missing() or container.problem(code, log.name)
        container.remove()
    record.update(code=code if code >= 0 else 128 - code)
    if code < 0:
        record["signal"] = signal.Signals(-code).name
    if stop.by is not None and code != 0:
        record.update(status="interrupted", stopped_by=stop.by)
    elif record.get("timed_out"):
        record["status"] = "failed"
    else:
        record["status"] = "done" if code == 0 else "failed"
    node.write()
    because = record.get("problem") or f"exit code {record['code']}"
    return record["status"], None if code == 0 else f"{step['name']}: {because}"


def end_without_start(
    step: dict[str, Any], node: Node, record: dict[str, Any], data: dict[str, Any]
) -> tuple[str, str]:
    """What it would read is not what was checked: it does not begin."""
    name, place = data["name"], os.path.join(data["folder"], data["at"])
    problem = f'the data "{name}" are not what was copied to the cluster: {place} was changed'
    record.update(status="failed", code=1, problem=problem, command=step["command"], ended=now(), seconds=0)
    node.write()
    return "failed", f"{step['name']}: {problem}"


def on_all_nodes(command: list[str], nodes: int, environment: dict[str, str]) -> list[str]:
    """The command of a step with `srun torchrun` before what it starts: a process for each GPU, or node.

    What records the step stays on this node, the job's first one, where the processes meet.
    """
    python, begin = command[0], command.index("--") + 1
    gpus = [one for one in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
    address = own_address()
    return [
        *command[:begin],
        *("srun", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--kill-on-bad-exit=1"),
        *(python, "-m", "torch.distributed.run", f"--nnodes={nodes}", f"--nproc-per-node={len(gpus) or 1}"),
        *("--rdzv-backend=c10d", f"--rdzv-endpoint={address}:{free_port()}"),
        f"--rdzv-id={os.environ.get('SLURM_JOB_ID')}",
        *command[begin + 1 :],
    ]


def for_srun() -> dict[str, str]:
    """What srun does not take over from the job by itself since Slurm 22.05."""
    cpus = os.environ.get("SLURM_CPUS_PER_TASK")
    return {} if cpus is None else {"SRUN_CPUS_PER_TASK": cpus}


def own_address() -> str:
    """By which the other nodes reach this one: as Slurm itself does."""
    name = os.environ.get("SLURMD_NODENAME") or platform.node()
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        asked = ["scontrol", "--oneliner", "show", "node", name]
        shown = subprocess.run(asked, stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
        for word in shown.split():
            if word.startswith("NodeAddr="):
                return word[len("NodeAddr=") :]
    return name


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])


def execute(
    command: list[str], step: dict[str, Any], environment: dict[str, str], log: Any, stop: Stop
) -> int | None:
    """The exit code, negative for a signal; None if it took longer than its own time limit."""
    process = subprocess.Popen(
        command,
        cwd=step["cwd"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    stop.on_all_nodes = step.get("nodes") is not None
    stop.group = process.pid
    stop.pass_on()  # it may have come while the process started
    try:
        return process.wait(step.get("timeout"))
    except subprocess.TimeoutExpired:
        stop.send(signal.SIGINT)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            stop.send(signal.SIGKILL)
        process.wait()
        return None
    finally:
        stop.group = None
        signal.alarm(0)
        send(process.pid, signal.SIGKILL)  # what the step has left running


def send(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def set_aside(out: Path) -> None:
    attempt = 1
    while out.with_name(f"{out.name}.attempt-{attempt}").exists():
        attempt += 1
    out.rename(out.with_name(f"{out.name}.attempt-{attempt}"))


def requeue() -> None:
    """Asks Slurm to start the job again: it ends this one, and keeps its number."""
    number = job()["id"]
    if number is not None and shutil.which("scontrol") is not None:
        subprocess.run(["scontrol", "requeue", number], check=False)
        # Slurm ends this process; to end by itself would mean that the job has failed.
        time.sleep(GRACE_SECONDS)


def job() -> dict[str, Any]:
    """With the element's number: one of the elements has that of the whole array, too."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return {
        "id": os.environ.get("SLURM_JOB_ID")
        if array is None
        else f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}",
        # By which Slurm's own messages call it.
        "number": os.environ.get("SLURM_JOB_ID"),
        "restart": int(os.environ.get("SLURM_RESTART_COUNT") or 0),
        "node": os.environ.get("SLURMD_NODENAME") or platform.node(),
    }


def host() -> dict[str, Any]:
    """The machine, as the evidence of a run has it."""
    return {
        "name": platform.node(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "cpu": cpu(),
        "gpus": gpus(),
    }


def cpu() -> str | None:
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or None


def gpus() -> list[dict[str, Any]]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=name,memory.total,driver_version,uuid", "--format=csv,noheader,nounits"]
    try:
        printed = subprocess.run(query, stdout=subprocess.PIPE, timeout=30, check=True).stdout.decode()
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[part.strip() for part in line.split(",")] for line in printed.splitlines() if line.strip()]
    return [dict(zip(("name", "memory", "driver", "uuid"), row)) for row in rows if len(row) == 4]


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
