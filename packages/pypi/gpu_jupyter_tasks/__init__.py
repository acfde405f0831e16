"""Starts a task with this package's Deno and with the permissions that product/deno.json declares for it."""

import json
import os
import sys

from deno import find_deno_bin


def main() -> None:
    """Becomes the task that the command line names; without one, the list of tasks."""
    product = os.path.join(os.path.dirname(os.path.abspath(__file__)), "product")
    config = os.path.join(product, "deno.json")
    with open(config, encoding="utf-8") as file:
        tasks = json.load(file)["tasks"]
    typed = [] if sys.argv[1:] in (["-h"], ["--help"]) else sys.argv[1:]
    name, *args = typed if typed and typed[0] in tasks else ["help", *typed]
    *words, script = tasks[name]["command"].split()[1:]
    by_uvx = "UV" in os.environ and "UV_RUN_RECURSION_DEPTH" not in os.environ
    called = "uvx gpu-jupyter-tasks" if by_uvx else os.path.basename(sys.argv[0])
    os.environ.update(INIT_CWD=os.getcwd(), EXPERIMENT_PROGRAM=called)
    deno = find_deno_bin()
    os.execv(deno, [deno, *words, "--config", config, os.path.join(product, script), *args])
