"""Have files for Kubernetes or SkyPilot read by their own schemas, without the network or a cluster.

Prints what they object to, a JSON list for each file.

Example:

    python test/support/exports/validate_export.py kubernetes --versions 1.29,1.37 job.yaml
    python test/support/exports/validate_export.py skypilot task.yaml
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=["kubernetes", "skypilot"])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--versions", default="1.29", help="of Kubernetes, e.g. 1.29,1.37")
    arguments = parser.parse_args()
    versions = arguments.versions.split(",")
    sky = arguments.kind == "skypilot"
    json.dump([skypilot(file) if sky else kubernetes(file, versions) for file in arguments.files], sys.stdout)
    return 0


def kubernetes(file: Path, versions: list[str]) -> list[str]:
    import kubernetes_validate
    import yaml

    found: list[str] = []
    for document in yaml.safe_load_all(file.read_text()):
        for version in versions:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                found.append(f"{version}: {document.get('kind')}: {error}")
    return found


def skypilot(file: Path) -> list[str]:
    import sky

    try:
        task: Any = sky.Task.from_yaml(str(file))
    except Exception as error:  # its reader raises ValueError, exceptions of its own and assertions
        return [f"{type(error).__name__}: {error}"]
    # What it made of the file, written as it would be sent to its server.
    return [] if task.to_yaml_config()["run"] else ["nothing is run"]


if __name__ == "__main__":
    sys.exit(main())
