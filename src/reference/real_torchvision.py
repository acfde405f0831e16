"""The real torchvision, for tests and measurements that compare with it; `src/` does without."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import torch

DECLARED = torch.library.Library("torchvision", "FRAGMENT")  # declarations last as long as this object


@cache
def import_torchvision() -> ModuleType | None:
    """The module, or None where it is not installed."""
    if find_spec("torchvision") is None:
        return None
    try:
        return import_module("torchvision")
    except RuntimeError:
        # Built for another PyTorch, its operators are not there. Declared, they let the rest be imported.
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        for name in ("nms", "qnms"):
            DECLARED.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return import_module("torchvision")
