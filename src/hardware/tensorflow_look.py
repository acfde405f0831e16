"""What TensorFlow sees, as JSON: `python -m src.hardware.tensorflow_look SECONDS`, so many for each speed."""

import json
import sys
from typing import Any

import tensorflow as tf

from src.hardware.speed import CPU_EDGE, GPU_EDGE, teraflops

KINDS = {  # name: type, whether TF32 is allowed, least compute capability
    "float32": (tf.float32, False, (0, 0)),
    "TF32": (tf.float32, True, (8, 0)),
    "bfloat16": (tf.bfloat16, False, (8, 0)),
    "float16": (tf.float16, False, (7, 0)),
}
SMALL = 256  # rows and columns of the product that is checked


def look(seconds: float) -> dict[str, Any]:
    """Versions, devices and speeds; see frameworks.py for the keys."""
    build = tf.sysconfig.get_build_info()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)  # by default it takes all of the GPU's memory
    cuda = tf.test.is_built_with_cuda()
    return {
        "version": str(tf.__version__),
        "cuda": build.get("cuda_version") if cuda else None,
        "cudnn": build.get("cudnn_version") if cuda else None,
        "architectures": list(build.get("cuda_compute_capabilities", [])) if cuda else [],
        "tf32": {"all": tf.config.experimental.tensor_float_32_execution_enabled()},
        "problem": _problem(cuda, gpus),
        "devices": [_device(index, gpu, seconds) for index, gpu in enumerate(gpus)],
        "cpu": {
            "threads": tf.config.threading.get_intra_op_parallelism_threads() or None,
            "speeds": {"float32": _speed("float32", "CPU:0", CPU_EDGE, seconds)},
        },
    }


def _problem(cuda: bool, gpus: list[Any]) -> str | None:
    if gpus:
        return None
    return "it finds no GPU, or not all of CUDA's libraries" if cuda else "it is built without CUDA"


def _device(index: int, gpu: Any, seconds: float) -> dict[str, Any]:
    details = tf.config.experimental.get_device_details(gpu)
    capability = details.get("compute_capability") or (0, 0)
    device = {
        "name": details.get("device_name", gpu.name),
        "capability": "{}.{}".format(*capability),
        "memory": None,  # it does not tell
        "multiprocessors": None,
        "bfloat16": capability >= (8, 0),
    }
    try:
        right = _multiplies_rightly(f"GPU:{index}")
        kinds = [name for name, (*_, least) in KINDS.items() if capability >= least]
        speeds = {name: _speed(name, f"GPU:{index}", GPU_EDGE, seconds) for name in kinds}
    except tf.errors.OpError as error:
        return {**device, "speeds": {}, "problem": str(error).splitlines()[0]}
    return {**device, "speeds": speeds, "problem": None if right else "its product of two matrices is wrong"}


def _multiplies_rightly(device: str) -> bool:
    """Whole numbers so small that every sum of their products is exact, in whatever order."""
    numbers = tf.reshape(tf.cast(tf.range(SMALL * SMALL) % 7, tf.float32), (SMALL, SMALL))
    with tf.device("CPU:0"):
        wanted = tf.matmul(numbers, numbers).numpy()
    with tf.device(device):
        return bool((tf.matmul(tf.identity(numbers), numbers).numpy() == wanted).all())


def _speed(kind: str, device: str, edge: int, seconds: float) -> float:
    dtype, tf32, _ = KINDS[kind]
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(tf32)
    try:
        with tf.device(device):
            matrix = tf.fill((edge, edge), tf.cast(0.5, dtype))
            wait = tf.test.experimental.sync_devices
            return teraflops(lambda: tf.matmul(matrix, matrix), wait, edge, seconds)
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


if __name__ == "__main__":
    print(json.dumps(look(float(sys.argv[1]))))
