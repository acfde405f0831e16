"""Measure JupyterLab in a container: how soon it answers, and how soon `status` and `shell` do.

Example:

    npm install --prefix /tmp/devcontainers @devcontainers/cli
    python bench/jupyter.py --devcontainer /tmp/devcontainers/node_modules/.bin/devcontainer

Starts JupyterLab with `deno task jupyter --detach` in an image that is there already, with a state folder of
its own, and stops it in the end. The short commands run in turn on the same container, so that a busy moment
of the machine meets all of them. Writes bench/results/jupyter.json.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile

from machine import describe_machine, save_result

from tasks import ROOT, median_milliseconds, wall

RESULT = ROOT / "bench" / "results" / "jupyter.json"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start_and_stop(deno: str, arguments: list[str], rounds: int) -> dict[str, object]:
    """From the command to an answering JupyterLab, and from there to nothing left."""
    starts, stops = [], []
    for _ in range(rounds):
        starts.append(wall([deno, "task", "run", *arguments]))
        stops.append(wall([deno, "task", "stop"]))
    return {
        "start_seconds": round(statistics.median(starts), 2),
        "stop_seconds": round(statistics.median(stops), 2),
        "rounds": rounds,
    }


def short_commands(
    deno: str, devcontainer: str | None, arguments: list[str], rounds: int
) -> dict[str, float]:
    """`status` and `shell -- true` beside other ways into the same container."""
    started = subprocess.run(
        [deno, "task", "run", *arguments, "--json"], cwd=ROOT, check=True, capture_output=True
    )
    container = json.loads(started.stdout)["id"]
    commands = {
        "deno task status": [deno, "task", "status"],
        "deno task shell -- true": [deno, "task", "shell", "--", "true"],
        "docker exec true": ["docker", "exec", container, "true"],
    }
    if devcontainer is not None:
        identity = subprocess.run(
            ["docker", "inspect", "--format", "{{.Id}}", container],
            check=True,
            capture_output=True,
            text=True,
        )
        commands["devcontainer exec true"] = [
            *(devcontainer, "exec", "--container-id", identity.stdout.strip(), "true"),
        ]
    try:
        return median_milliseconds(commands, rounds)
    finally:
        wall([deno, "task", "stop"])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deno", default="deno", help="the program to measure (default: deno on PATH)")
    parser.add_argument("--devcontainer", help="the Dev Container CLI, to compare with")
    parser.add_argument("--image", default="digits-resnet:cpu", help="an image with JupyterLab")
    parser.add_argument("--rounds", type=int, default=21, help="rounds for the short commands")
    parser.add_argument("--starts", type=int, default=5, help="starts of JupyterLab")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        arguments = ["--image", options.image, "--port", str(free_port()), "--detach"]
        result = {
            "made_by": f"python bench/jupyter.py --rounds {options.rounds} --starts {options.starts}",
            "machine": describe_machine(),
            "image": options.image,
            "median_milliseconds": short_commands(
                options.deno, options.devcontainer, arguments, options.rounds
            ),
            "jupyterlab": start_and_stop(options.deno, arguments, options.starts),
        }
    save_result(RESULT, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
