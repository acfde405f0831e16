"""R405: files that run code when they are loaded."""

from __future__ import annotations

import ast
import re
import typing

from audit.packages import torch_is_safe
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source, argument, constant, has_more, last

LOADS = frozenset(
    [
        "pickle.load",
        "pickle.loads",
        "_pickle.load",
        "cPickle.load",
        "dill.load",
        "dill.loads",
        "cloudpickle.load",
        "cloudpickle.loads",
        "joblib.load",
        "pandas.read_pickle",
    ]
)

MODEL = re.compile(r"(?:^|_)(?:model|net|network|classifier|resnet|cnn|vit)\d*$", re.IGNORECASE)


def check(project: Project) -> typing.Iterator[Found]:
    safe: bool | None = None
    for source in project.sources.values():
        for call in source.calls:
            name = source.called(call)
            if name in LOADS:
                yield source.at(call, f"{name}() runs whatever code the file holds")
            elif name == "numpy.load" and constant(argument(call, "allow_pickle")) is True:
                yield source.at(call, "numpy.load(allow_pickle=True) runs whatever code the file holds")
            elif name == "torch.load":
                only = argument(call, "weights_only")
                if safe is None:
                    safe = torch_is_safe(project)
                if constant(only) is False or (only is None and not safe and not has_more(call)):
                    yield source.at(call, "torch.load() runs whatever code the file holds", LOAD_REMEDY)
            elif name == "torch.save" and is_whole_model(source, call):
                yield source.at(call, "A whole model is pickled: loading it runs code", SAVE_REMEDY)


#: What gives back the model that it is called of.
SAME = ("to", "cpu", "cuda", "eval", "train", "float", "double", "half")

LOAD_REMEDY = "Pass weights_only=True (the default from torch 2.6 on), or load safetensors"
SAVE_REMEDY = (
    "Save model.state_dict(), best as safetensors: safetensors.torch.save_file(model.state_dict(), path)"
)


def is_whole_model(source: Source, call: ast.Call) -> bool:
    """A model itself is given, not its state or a dictionary."""
    value = argument(call, "obj", 0)
    # model.to("cpu"), model.module.eval() are still the model.
    while True:
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in SAME:
            value = value.func.value
        elif isinstance(value, ast.Attribute) and value.attr == "module":
            value = value.value
        else:
            break
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "self":
        return bool(MODEL.search(value.attr))
    if not isinstance(value, ast.Name):
        return False
    values = source.assigned(value)
    if values:
        if any(
            isinstance(one, (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Tuple)) for one in values
        ):
            return False
        made = [source.called(one) or "" for one in values if isinstance(one, ast.Call)]
        if any(name.startswith(("torchvision.models.", "torch.nn.", "timm.create_model")) for name in made):
            return True
        if any(
            last(getattr(one.func, "attr", "")) == "state_dict" for one in values if isinstance(one, ast.Call)
        ):
            return False
    return bool(MODEL.search(value.id))


RULE = Rule(
    id="R405",
    title="Pickled files",
    severity="warning",
    reason="A pickle is a program: whoever loads one from the network runs what its sender wrote. It "
    "also breaks when a "
    "class was renamed or a version changed.",
    remedy="Keep numbers as CSV, JSON or .npy, weights as safetensors",
    check=check,
    firing={
        "save.py": "import torch\nimport torchvision\n\nmodel = torchvision.models.resnet18()\n"
        "torch.save(model, 'model.pth')\n"
    },
    silent={
        "save.py": "import torchvision\nfrom safetensors.torch import save_file\n\n"
        "model = torchvision.models.resnet18()\nsave_file(model.state_dict(), 'model.safetensors')\n"
    },
)
