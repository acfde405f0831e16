"""Whether a framework has code for a GPU's architecture."""

import re
from collections.abc import Sequence

# sm_90: machine code for 9.0 and later minor versions of 9; compute_90: PTX, which the driver compiles for
# 9.0 and everything later; sm_90a and sm_100f: code for that architecture, or its family, alone.
# [CUDA C++ programming guide, sections on binary and PTX compatibility]
ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)([af]?)")


def fit(built_for: Sequence[str], capability: str) -> str | None:
    """ "code", "PTX" (compiled at the first use), or None: how the GPU of this compute capability is served.

    `built_for` as frameworks list it: ["sm_80", "sm_90", "compute_90"].
    """
    major, minor = (int(part) for part in capability.split("."))
    fits = {_one(architecture, major, minor) for architecture in built_for}
    return "code" if "code" in fits else "PTX" if "PTX" in fits else None


def _one(architecture: str, major: int, minor: int) -> str | None:
    match = ARCHITECTURE.fullmatch(architecture)
    if match is None:
        return None
    kind, built_major, built_minor, only = match[1], int(match[2]), int(match[3]), match[4]
    if only == "a":
        return "code" if (built_major, built_minor) == (major, minor) else None
    if built_major == major and built_minor <= minor:
        return "code" if kind == "sm" else "PTX"
    return "PTX" if kind == "compute" and not only and built_major < major else None
