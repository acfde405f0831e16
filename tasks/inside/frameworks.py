"""What this Python process runs with: interpreter, packages, and the frameworks that are already imported.

Standard library only, and it never imports a framework: looking must not change what is looked at.
Used by `run_step.py` at a step's end, and executed inside a notebook's kernel after its last cell.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import warnings
from collections.abc import Callable
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes 2 ms to import, at the end of each step
    from typing import Any

__all__ = ["record"]


def record() -> dict[str, Any]:
    """A JSON-ready description. Never raises: what can't be read is recorded as `{"error": text}`."""
    found: dict[str, Any] = {
        "python": _guarded(platform.python_version),
        "implementation": _guarded(platform.python_implementation),
        "executable": sys.executable,
        "platform": _guarded(_platform),
        "machine": _guarded(platform.machine),
        "packages": _guarded(installed_packages),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a flag's name is deprecated is no news to the user
        for name, describe in (("torch", _torch), ("tensorflow", _tensorflow), ("jax", _jax)):
            if name in sys.modules:
                found[name] = _guarded(partial(describe, sys.modules[name]))
    return found


def _platform() -> str:
    """As platform.platform() has it, without the program (uname) that it starts to ask for the processor."""
    libc = "".join(platform.libc_ver())
    parts = (platform.system(), platform.release(), platform.machine(), libc and f"with-{libc}")
    return "-".join(filter(None, parts))


def _guarded(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _each(items: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    return {name: _guarded(read) for name, read in items.items()}


def installed_packages() -> dict[str, str]:
    """Name (in its normalized form) to version of every installed distribution, sorted.

    Reads only the head of each metadata file: importlib.metadata parses them whole, which takes
    a quarter of a second with 400 packages. The first on sys.path wins, as it does for an import.
    """
    packages: dict[str, str] = {}
    for folder in sys.path:
        for name, version in _packages_in(folder or "."):
            packages.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return dict(sorted(packages.items()))


def _packages_in(folder: str) -> list[tuple[str, str]]:
    found = []
    try:
        entries = list(os.scandir(folder))
    except OSError:  # a zip, or not there
        return []
    for entry in entries:
        if entry.name.endswith(".dist-info"):
            files = [os.path.join(entry.path, "METADATA")]
        elif entry.name.endswith(".egg-info"):
            files = [os.path.join(entry.path, "PKG-INFO"), entry.path]
        else:
            continue
        for file in files:
            head = _head(file)
            name = re.search(r"^Name:\s*(\S+)", head, re.MULTILINE)
            version = re.search(r"^Version:\s*(\S+)", head, re.MULTILINE)
            if name and version:
                found.append((name[1], version[1]))
                break
    return found


def _head(file: str) -> str:
    try:
        with open(file, "rb") as stream:
            return stream.read(2048).decode("utf-8", "replace")
    except OSError:
        return ""


def _torch(torch: Any) -> dict[str, Any]:
    cudnn, backends = torch.backends.cudnn, torch.backends
    return _each(
        {
            "version": lambda: str(torch.__version__),
            "cuda": lambda: torch.version.cuda,
            "hip": lambda: getattr(torch.version, "hip", None),
            # cudnn.version() loads the library: asked only where CUDA is in use anyway.
            "cudnn": lambda: cudnn.version() if torch.cuda.is_initialized() else None,
            "cuda_initialized": lambda: torch.cuda.is_initialized(),
            "devices": lambda: _torch_devices(torch),
            "threads": lambda: torch.get_num_threads(),
            "interop_threads": lambda: torch.get_num_interop_threads(),
            "deterministic_algorithms": lambda: torch.are_deterministic_algorithms_enabled(),
            "deterministic_warn_only": lambda: torch.is_deterministic_algorithms_warn_only_enabled(),
            "cudnn_benchmark": lambda: cudnn.benchmark,
            "cudnn_deterministic": lambda: cudnn.deterministic,
            "cudnn_allow_tf32": lambda: cudnn.allow_tf32,
            "matmul_allow_tf32": lambda: backends.cuda.matmul.allow_tf32,
            "cudnn_conv_fp32_precision": lambda: cudnn.conv.fp32_precision,
            "cuda_matmul_fp32_precision": lambda: backends.cuda.matmul.fp32_precision,
            "float32_matmul_precision": lambda: torch.get_float32_matmul_precision(),
            "default_dtype": lambda: str(torch.get_default_dtype()),
            "mkldnn": lambda: backends.mkldnn.is_available() and getattr(backends.mkldnn, "enabled", True),
            "cpu_capability": lambda: backends.cpu.get_cpu_capability(),
            "cublas_workspace_config": lambda: os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
        }
    )


def _torch_devices(torch: Any) -> list[dict[str, Any]]:
    """The CUDA devices; empty unless CUDA is in use, since asking would create a context on each."""
    if not torch.cuda.is_initialized():
        return []
    devices = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append(
            {
                "name": properties.name,
                "compute_capability": f"{properties.major}.{properties.minor}",
                "sm_count": properties.multi_processor_count,
                "memory_bytes": properties.total_memory,
            }
        )
    return devices


def _tensorflow(tf: Any) -> dict[str, Any]:
    config = tf.config
    return _each(
        {
            "version": lambda: str(tf.__version__),
            "cuda": lambda: tf.sysconfig.get_build_info().get("cuda_version"),
            "cudnn": lambda: tf.sysconfig.get_build_info().get("cudnn_version"),
            "devices": lambda: [device.name for device in config.get_visible_devices()],
            "threads": lambda: config.threading.get_intra_op_parallelism_threads(),
            "interop_threads": lambda: config.threading.get_inter_op_parallelism_threads(),
            "deterministic_algorithms": lambda: _tensorflow_deterministic(),
            "allow_tf32": lambda: config.experimental.tensor_float_32_execution_enabled(),
            "default_dtype": lambda: tf.keras.backend.floatx(),
        }
    )


def _tensorflow_deterministic() -> bool:
    context = sys.modules["tensorflow.python.framework.config"]
    return bool(context.is_op_determinism_enabled())


def _jax(jax: Any) -> dict[str, Any]:
    config, flags = jax.config, os.environ.get("XLA_FLAGS")
    return _each(
        {
            "version": lambda: str(jax.__version__),
            "jaxlib": lambda: str(sys.modules["jaxlib"].__version__),
            "devices": lambda: _jax_devices(jax),
            "deterministic_algorithms": lambda: "--xla_gpu_deterministic_ops=true" in (flags or ""),
            "enable_x64": lambda: bool(config.jax_enable_x64),
            "default_dtype": lambda: "float64" if config.jax_enable_x64 else "float32",
            "matmul_precision": lambda: config.jax_default_matmul_precision,
            "threefry_partitionable": lambda: bool(config.jax_threefry_partitionable),
            "xla_flags": lambda: flags,
        }
    )


def _jax_devices(jax: Any) -> list[dict[str, Any]]:
    """The devices but for CPUs; empty unless some are in use, since asking would start every backend."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is None or not bridge.backends_are_initialized():
        return []
    return [
        {"name": device.device_kind, "platform": device.platform}
        for device in jax.devices()
        if device.platform != "cpu"
    ]
