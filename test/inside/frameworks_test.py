"""The record of what a Python process runs with."""

from __future__ import annotations

import json
import subprocess
import sys
from types import ModuleType

import frameworks
import pytest
from notebook_driver import INSIDE


def test_record_is_json_and_names_packages_in_normal_form() -> None:
    found = json.loads(json.dumps(frameworks.record()))
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert list(found["packages"]) == sorted(found["packages"])
    assert found["packages"]["jupyter-client"]


def test_record_never_imports_a_framework() -> None:
    code = (
        "import sys, frameworks; frameworks.record();"
        "print(sorted({'torch', 'tensorflow', 'numpy'} & set(sys.modules)))"
    )
    text = subprocess.run(
        [sys.executable, "-c", code], cwd=INSIDE, check=True, capture_output=True, text=True
    ).stdout
    assert text == "[]\n"


def test_record_describes_a_framework_that_is_imported() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    code = (
        "import json, torch, frameworks; torch.use_deterministic_algorithms(True); torch.set_num_threads(1);"
        "torch.set_default_dtype(torch.float64); print(json.dumps(frameworks.record()['torch']))"
    )
    text = subprocess.run(
        [sys.executable, "-c", code], cwd=INSIDE, check=True, capture_output=True, text=True
    ).stdout
    found = json.loads(text)
    assert found["version"] and found["cpu_capability"]
    assert (found["deterministic_algorithms"], found["threads"]) == (True, 1)
    assert found["default_dtype"] == "torch.float64"


def test_record_never_raises_but_notes_what_it_could_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    broken = ModuleType("torch")
    broken.backends = ModuleType("torch.backends")  # type: ignore[attr-defined]
    broken.backends.cudnn = None  # type: ignore[attr-defined]
    broken.__version__ = "2.0"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", broken)
    found = json.loads(json.dumps(frameworks.record()))
    assert found["torch"]["version"] == "2.0"
    assert found["torch"]["threads"] == {
        "error": "AttributeError: module 'torch' has no attribute 'get_num_threads'"
    }
    assert found["tensorflow"]["error"].startswith("AttributeError")
