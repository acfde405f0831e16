"""R103: PyTorch's generator."""

from __future__ import annotations

import ast
import typing

from audit.generators import TORCH, Generator, is_absent, unseeded
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source, argument, constant, last

DRAWS = frozenset(
    f"torch.{name}"
    for name in [
        "rand",
        "rand_like",
        "randn",
        "randn_like",
        "randint",
        "randint_like",
        "randperm",
        "normal",
        "bernoulli",
        "multinomial",
        "poisson",
    ]
)

#: Layers whose weights are drawn when they are made.
LAYERS = frozenset(
    [
        "Linear",
        "LazyLinear",
        "Bilinear",
        "Conv1d",
        "Conv2d",
        "Conv3d",
        "ConvTranspose1d",
        "ConvTranspose2d",
        "ConvTranspose3d",
        "LSTM",
        "GRU",
        "RNN",
        "LSTMCell",
        "GRUCell",
        "RNNCell",
        "Embedding",
        "EmbeddingBag",
        "MultiheadAttention",
        "Transformer",
        "TransformerEncoderLayer",
        "TransformerDecoderLayer",
        "Dropout",
        "Dropout1d",
        "Dropout2d",
        "Dropout3d",
    ]
)


def draws(source: Source, call: ast.Call, name: str) -> bool:
    if name in DRAWS:
        return is_absent(call, "generator")
    if name == "torch.utils.data.random_split":
        return is_absent(call, "generator", 2)
    if name in ("torch.utils.data.DataLoader", "torch.utils.data.dataloader.DataLoader"):
        return constant(argument(call, "shuffle", 2)) is True and is_absent(call, "generator")
    return False


def begins(name: str) -> bool:
    return (
        (name.startswith("torch.nn.") and last(name) in LAYERS)
        or (name.startswith("torch.nn.init.") and name.endswith("_"))
        or name.startswith("torchvision.transforms.Random")
    )


def trains(source: Source) -> bool:
    return any(name.startswith("torch.optim") for name in source.called_names) or any(
        isinstance(call.func, ast.Attribute) and call.func.attr == "backward" for call in source.calls
    )


GENERATOR = Generator(TORCH, draws, begins, trains)


def check(project: Project) -> typing.Iterator[Found]:
    yield from unseeded(project, GENERATOR, RULE.remedy)


RULE = Rule(
    id="R103",
    title="PyTorch's random numbers without a seed",
    severity="error",
    reason="Initial weights, shuffling and dropout differ from run to run, and with them every result of "
    "a training.",
    remedy="Call torch.manual_seed(SEED) before the model and the loaders are made",
    check=check,
    firing={
        "train.py": "import torch\n\nmodel = torch.nn.Linear(4, 2)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\nmodel(torch.ones(1, 4)).sum().backward()\n"
        "optimizer.step()\n"
    },
    silent={
        "train.py": "import torch\n\ntorch.manual_seed(23)\nmodel = torch.nn.Linear(4, 2)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\nmodel(torch.ones(1, 4)).sum().backward()\n"
        "optimizer.step()\n"
    },
)
