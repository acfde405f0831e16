"""Adds an experiment's requirements to an image and keeps every package that the image has already.

The packages of the running Python are constraints. Where a requirement, or something that it needs, wants
another version of one (torch above all, which fits the image's CUDA), nothing is installed: each such package
is named and the exit code is 1. Uses no package but pip and what pip brings.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
from pip._vendor.packaging.utils import canonicalize_name

# BuildKit and Podman mount a folder there that stays for the next build; the classic builder does not.
CACHE = Path("/var/cache/wheels")
PIP = [
    *[sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check"],
    *(["--cache-dir", str(CACHE / "pip")] if CACHE.is_dir() else ["--no-cache-dir"]),
]


class ConflictError(Exception):
    """Packages of the image that would be replaced, one line each."""


def installed() -> dict[str, str]:
    """Versions of this Python's packages by normalized name; of two on the path, the one that is imported."""
    versions: dict[str, str] = {}
    for found in distributions():
        name = found.metadata["Name"]
        if name:
            versions.setdefault(canonicalize_name(name), found.version)
    return versions


def read_requirements(path: Path) -> list[tuple[int, Requirement]]:
    """Requirements with their line numbers; options are passed over here, and left to pip."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = re.sub(r"(^|\s)#.*$", "", line).strip()
        if not text or text.startswith("-"):
            continue
        try:
            found.append((number, Requirement(text)))
        except InvalidRequirement as error:
            raise ConflictError(f"{path.name}:{number} is no requirement: {error}") from error
    return found


def direct_conflicts(path: Path, base: dict[str, str]) -> list[str]:
    """What the file itself wants otherwise than the image has it."""
    conflicts = []
    for number, requirement in read_requirements(path):
        version = base.get(canonicalize_name(requirement.name))
        applies = requirement.marker is None or requirement.marker.evaluate()
        if version is None or not applies or requirement.specifier.contains(version, prereleases=True):
            continue
        conflicts.append(
            f"{requirement.name}: the image has {version}, {path.name}:{number} wants {requirement}"
        )
    return conflicts


def indirect_conflicts(paths: list[Path], sources: list[str], base: dict[str, str]) -> list[str]:
    """What pip would replace if it were free to; asked only after it failed to keep everything."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        dry = [*PIP, "--quiet", "--dry-run", "--report", report.name, *sources, *read_by_pip(paths)]
        if subprocess.run(dry, capture_output=True).returncode != 0:
            return []
        chosen = json.loads(Path(report.name).read_text())["install"]
    conflicts = []
    for package in chosen:
        name, version = package["metadata"]["name"], package["metadata"]["version"]
        kept = base.get(canonicalize_name(name))
        if kept is not None:
            names = " and ".join(path.name for path in paths)
            conflicts.append(f"{name}: the image has {kept}, what {names} needs wants {version}")
    return conflicts


def read_by_pip(paths: list[Path]) -> list[str]:
    return [argument for path in paths for argument in ("-r", str(path))]


def constrain(paths: list[Path], sources: list[str]) -> list[str]:
    """Installs what the image lacks and returns it as `name==version`.

    Raises ConflictError, and CalledProcessError where pip fails for another reason.
    """
    base = installed()
    conflicts = [conflict for path in paths for conflict in direct_conflicts(path, base)]
    if conflicts:
        raise ConflictError("\n".join(conflicts))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.writelines(f"{name}=={version}\n" for name, version in sorted(base.items()))
        constraints.flush()
        command = [*PIP, *sources, "--constraint", constraints.name, *read_by_pip(paths)]
        code = subprocess.run(command).returncode
    if code != 0:
        conflicts = indirect_conflicts(paths, sources, base)
        if conflicts:
            raise ConflictError("\n".join(conflicts))
        raise subprocess.CalledProcessError(code, command)
    after = installed()
    changed = [
        f"{name}: the image had {version}, now has {after.get(name)}"
        for name, version in base.items()
        if after.get(name) != version
    ]
    if changed:
        raise ConflictError("\n".join(changed))
    return sorted(f"{name}=={version}" for name, version in after.items() if name not in base)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("requirements", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--wheels", type=Path, help="folder that may hold wheels; none: the package index")
    args = parser.parse_args()
    wheels = sorted(args.wheels.glob("*.whl")) if args.wheels else []
    sources = ["--no-index", "--find-links", str(args.wheels)] if wheels else []
    try:
        added = constrain(args.requirements, sources)
    except ConflictError as error:
        print(f"Cannot keep the packages of the image:\n{error}", file=sys.stderr)
        print("Take a base image that has them, or ask for ranges that the image fulfils", file=sys.stderr)
        sys.exit(1)
    except subprocess.CalledProcessError as error:
        sys.exit(f"pip failed with exit code {error.returncode}")
    print(f"Added {', '.join(added) or 'nothing'}; the image's own packages are as they were")


if __name__ == "__main__":
    main()
