#!/opt/venv/bin/python
"""Starts JupyterLab for browsers outside the container; NOTEBOOK_ARGS and arguments are passed on to it."""

from __future__ import annotations

import os
import shlex
import sys

PORT = os.environ.get("JUPYTER_PORT", "8888")
# On all addresses of the container; which of the host's are bound is up to `docker run --publish`.
JUPYTER = os.environ.get("DOCKER_STACKS_JUPYTER_CMD") or "lab"
COMMAND = ["jupyter", JUPYTER, "--no-browser", "--ServerApp.ip=0.0.0.0", f"--ServerApp.port={PORT}"]

command = [*COMMAND, *shlex.split(os.environ.get("NOTEBOOK_ARGS", "")), *sys.argv[1:]]
os.execvp(command[0], command)
