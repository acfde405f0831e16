"""Health of a container: bad only if a Jupyter server runs in it and does not answer.

A container that trains, or that an editor is attached to, has no Jupyter server and nothing to be ill with.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 4


def runtime_folder() -> Path:
    """Where Jupyter's servers leave word of themselves."""
    return Path(os.environ.get("JUPYTER_RUNTIME_DIR") or "/home/jovyan/.local/share/jupyter/runtime")


def running_servers(runtime: Path, proc: Path = Path("/proc")) -> list[str]:
    """Addresses of the Jupyter servers that wrote down their process, and whose process lives."""
    addresses = []
    for file in sorted(runtime.glob("jpserver-*.json")):
        try:
            server = json.loads(file.read_text())
        except (OSError, ValueError):
            continue  # being written or removed just now
        if (proc / str(server["pid"])).exists():
            addresses.append(server["url"])
    return addresses


def answers(address: str) -> bool:
    """Asks for the version, which needs no token; directly, and content with the server's own certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    # audit: ignore R404 it asks this container itself, and sends nothing secret
    context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(f"{address}api", timeout=TIMEOUT_SECONDS) as response:
            return response.status == 200
    except OSError:
        return False


def main() -> None:
    silent = [address for address in running_servers(runtime_folder()) if not answers(address)]
    if silent:
        sys.exit(f"Jupyter does not answer at {', '.join(silent)}")


if __name__ == "__main__":
    main()
