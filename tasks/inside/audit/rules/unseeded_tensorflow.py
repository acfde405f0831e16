"""R104: TensorFlow's and Keras's generators."""

from __future__ import annotations

import ast
import typing

from audit.generators import TENSORFLOW, Generator, is_absent, unseeded
from audit.project import Project
from audit.rule import Found, Rule
from audit.source import Source, last

DRAWS = frozenset(
    f"tensorflow.random.{name}"
    for name in ["uniform", "normal", "truncated_normal", "gamma", "poisson", "shuffle", "categorical"]
)

LAYERS = frozenset(
    [
        "Dense",
        "Conv1D",
        "Conv2D",
        "Conv3D",
        "Conv2DTranspose",
        "DepthwiseConv2D",
        "SeparableConv2D",
        "LSTM",
        "GRU",
        "SimpleRNN",
        "Embedding",
        "MultiHeadAttention",
        "Dropout",
        "SpatialDropout2D",
        "GaussianNoise",
        "RandomFlip",
        "RandomRotation",
        "RandomZoom",
        "RandomCrop",
    ]
)


def draws(source: Source, call: ast.Call, name: str) -> bool:
    return name in DRAWS and is_absent(call, "seed")


def begins(name: str) -> bool:
    return ".layers." in name and name.split(".")[0] in ("keras", "tensorflow") and last(name) in LAYERS


def trains(source: Source) -> bool:
    methods = ("fit", "fit_generator", "apply_gradients", "train_on_batch")
    return any(isinstance(call.func, ast.Attribute) and call.func.attr in methods for call in source.calls)


GENERATOR = Generator(TENSORFLOW, draws, begins, trains)


def check(project: Project) -> typing.Iterator[Found]:
    yield from unseeded(project, GENERATOR, RULE.remedy)


RULE = Rule(
    id="R104",
    title="TensorFlow's random numbers without a seed",
    severity="error",
    reason="Initial weights, shuffling and dropout differ from run to run, and with them every result of "
    "a training.",
    remedy="Call keras.utils.set_random_seed(SEED), which also seeds Python and NumPy, before the model "
    "is made",
    check=check,
    firing={
        "train.py": "from tensorflow import keras\n\nmodel = keras.Sequential([keras.layers.Dense(1)])\n"
        "model.compile('sgd', 'mse')\nmodel.fit([[1.0]], [[2.0]])\n"
    },
    silent={
        "train.py": "from tensorflow import keras\n\nkeras.utils.set_random_seed(23)\n"
        "model = keras.Sequential([keras.layers.Dense(1)])\n"
        "model.compile('sgd', 'mse')\nmodel.fit([[1.0]], [[2.0]])\n"
    },
)
