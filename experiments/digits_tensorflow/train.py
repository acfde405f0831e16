"""Trains a small convolutional network with Keras on handwritten digits; it repeats itself to the bit.

Double precision, one thread and deterministic operations: so other processors give the same predictions.

Example: python experiments/digits_tensorflow/train.py --epochs 3 --out trained/digits_tensorflow
"""

import argparse
import hashlib
import json
import os
from pathlib import Path

# Read when TensorFlow is imported: its oneDNN kernels sum in an order that depends on the processor.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from safetensors.numpy import save_file
from sklearn.datasets import load_digits

SPLIT_SEED = 23
VALIDATION = 360
LEVELS = 16
BATCH = 32
Array = NDArray[np.float64]


def make_deterministic(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow; one thread, deterministic operations, double precision."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.backend.set_floatx("float64")


def load_split() -> tuple[Array, NDArray[np.int64], Array, NDArray[np.int64]]:
    """Images (N, 8, 8, 1) in [0, 1] and labels (N,): 1,437 for training, 360 for validation."""
    digits = load_digits()
    images = digits.images[..., np.newaxis] / LEVELS
    order = np.random.RandomState(SPLIT_SEED).permutation(len(images))
    validation, training = order[:VALIDATION], order[VALIDATION:]
    return images[training], digits.target[training], images[validation], digits.target[validation]


def shifted(images: Array, labels: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """Each image five times: as it is, and one pixel up, down, left and right; what moves in is black."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    places = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    return np.concatenate([padded[:, y : y + 8, x : x + 8] for y, x in places]), np.tile(labels, len(places))


def build_model() -> keras.Model:
    """Convolutions of 16, 32 and 64 channels, of which two halve the image, and a linear layer: 10 logits."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", strides=2, activation="relu"),
            layers.Conv2D(64, 3, padding="same", strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10),
        ]
    )


def train(epochs: int, seed: int, out: Path) -> dict[str, object]:
    """Trains and writes history.csv, model.safetensors and metrics.json into the folder `out`."""
    make_deterministic(seed)
    images, labels, validation_images, validation_labels = load_split()
    images, labels = shifted(images, labels)
    model = build_model()
    steps = -(-len(images) // BATCH)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.004, epochs * steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    out.mkdir(parents=True, exist_ok=True)
    model.fit(
        images,
        labels,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(validation_images, validation_labels),
        callbacks=[keras.callbacks.CSVLogger(str(out / "history.csv"))],
        verbose=2,
    )
    predicted = model.predict(validation_images, verbose=0).argmax(axis=1)
    correct = int((predicted == validation_labels).sum())
    weights = {variable.path: variable.numpy() for variable in model.weights}
    save_file(weights, out / "model.safetensors")
    metrics = {
        "validation_accuracy": correct / len(validation_labels) * 100,
        "validation_correct": correct,
        "validation_samples": len(validation_labels),
        "weights_sha256": hashlib.sha256(b"".join(value.tobytes() for value in weights.values())).hexdigest(),
        "predictions": predicted.tolist(),
    }
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    return metrics


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=23)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    metrics = train(args.epochs, args.seed, args.out)
    print(f"validation accuracy: {metrics['validation_accuracy']:.2f} %")


if __name__ == "__main__":
    main()
