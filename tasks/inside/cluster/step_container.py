"""The container of a step on a compute node: how it is reached, and why it did not start.

Standard library only, CPython 3.8 to 3.15.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess

# An engine that is asked about one container answers in a second; a busy node takes longer.
ANSWER_SECONDS = 60

# Exit codes of the programs themselves where they could not start a command; a step's own may be the same.
COULD_NOT_START = {"podman": range(125, 128), "apptainer": range(255, 256)}

# How much of the end of a log is read for the words of a program.
LAST_BYTES = 4000

# A GPU as podman is told of it.
DEVICE = "nvidia.com/gpu="

# Variables that set options of apptainer, mount, or reach the step; where it keeps its files is the site's.
OPTIONS = re.compile(r"(APPTAINER|SINGULARITY)(ENV)?_(?!(CACHEDIR|TMPDIR|CONFIGDIR)$)")

# The time at which a container has begun that has not: the year 1 in seconds since 1970.
NEVER = "-62135596800"


class StepContainer:
    """What a container program has to be told beside the command line that starts a step."""

    def __init__(self, planned: dict[str, str], environment: dict[str, str]) -> None:
        self.environment = environment
        self.program = planned["program"]
        self.image = planned["image"]
        # Only podman has containers that stay: a step in apptainer is a process like any other.
        self.name = planned.get("name")
        self.id = planned.get("id")

    def command(self, command: list[str]) -> list[str]:
        """The planned command with the GPUs that the scheduler has dealt out, as far as it says."""
        environment = self.environment
        if self.program == "apptainer":
            # A module of the site may have set options of it, and mounts.
            for name in [name for name in environment if OPTIONS.match(name)]:
                del environment[name]
            return with_visible(command, environment.get("CUDA_VISIBLE_DEVICES"))
        if not os.path.isdir(environment.get("XDG_RUNTIME_DIR", "/")):
            del environment["XDG_RUNTIME_DIR"]  # of the login node, where somebody was logged in
        return with_devices(command, command.index(self.id or ""), environment.get("SLURM_JOB_GPUS"))

    def missing(self) -> str | None:
        if shutil.which(self.program, path=self.environment.get("PATH")) is not None:
            return None
        return f"there is no {self.program} on {node()}, by which it was to run in {self.image}"

    def send(self, group: int, number: int) -> None:
        """Signals the step, for which the program that leads the group only stands."""
        if self.name is not None:
            name = signal.Signals(number).name[len("SIG") :]
            reached = self.ask("kill", "--signal", name, self.name) is not None
        else:
            # The program itself, too, would send it a second one, and the step would end before it has saved.
            members = members_of(group)
            reached = bool(members)
            for member in members:
                with contextlib.suppress(OSError):
                    os.kill(member, number)
        with contextlib.suppress(OSError):
            if not reached:
                os.killpg(group, signal.SIGTERM)  # it has not started yet
            elif number == signal.SIGKILL and self.name is not None:
                os.killpg(group, number)

    def problem(self, code: int, log: str) -> str | None:
        """What a step that has failed did not come to say by itself."""
        if self.name is not None and self.out_of_memory():
            return "out of memory: its container reached its limit"
        if code not in COULD_NOT_START[self.program]:
            return None
        words = last_line(log)
        refusal = f"{self.program} on {node()} can't start {self.image}"
        if self.program == "apptainer":
            said = re.match(r"FATAL:\s*(.*)", words)
            return None if said is None else f"{refusal}: {said.group(1)}"
        if self.ask("image", "exists", self.id) is None:
            return f"podman on {node()} has no image {self.image} ({self.id})"
        # A container that has begun has a step that speaks for itself.
        begun = self.state("StartedAt.Unix")
        return f"{refusal}: {words}" if begun in (None, NEVER) else None

    def out_of_memory(self) -> bool:
        return self.state("OOMKilled") == "true"

    def state(self, what: str) -> str | None:
        return self.ask("container", "inspect", "--format", f"{{{{.State.{what}}}}}", self.name)

    def remove(self) -> None:
        if self.name is not None:
            self.ask("rm", "--force", "--ignore", self.name)

    def ask(self, *arguments: str | None) -> str | None:
        """What the program answers; None if it says no, or nothing."""
        try:
            answer = subprocess.run(
                [self.program, *map(str, arguments)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=ANSWER_SECONDS,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return answer.stdout.decode(errors="replace").strip() if answer.returncode == 0 else None


def with_visible(command: list[str], visible: str | None) -> list[str]:
    """A command of apptainer, which keeps variables outside, with the one that names the job's GPUs."""
    name = "APPTAINERENV_CUDA_VISIBLE_DEVICES="
    if not visible or name in command:
        return command
    kept = [word for word in command if not word.startswith(name)]
    kept.insert(kept.index("apptainer"), name + visible)
    return kept


def with_devices(command: list[str], end: int, given: str | None) -> list[str]:
    """A command of podman whose options, before `end`, name the job's GPUs by the node's numbers."""
    planned = [index for index in range(end) if command[index].startswith(DEVICE)]
    if not given or not planned:
        return command
    left_out = {*planned, *(index - 1 for index in planned)}
    kept = [word for index, word in enumerate(command) if index not in left_out]
    devices = [word for one in given.split(",") for word in ("--device", DEVICE + one)]
    return [*kept[: planned[0] - 1], *devices, *kept[planned[0] - 1 :]]


def members_of(group: int) -> list[int]:
    """Processes of a group without its leader."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == group:
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
            # After the program's name, which may hold anything: state, parent, group.
            if int(file.read().rsplit(")", 1)[1].split()[2]) == group:
                found.append(int(name))
    return found


def node() -> str:
    return os.environ.get("SLURMD_NODENAME") or platform.node()


def last_line(log: str) -> str:
    with open(log, "rb") as file:
        file.seek(max(0, os.path.getsize(log) - LAST_BYTES))
        lines = re.sub(r"\x1b\[[0-9;]*m", "", file.read().decode(errors="replace")).strip().splitlines()
    return lines[-1].strip() if lines else ""
