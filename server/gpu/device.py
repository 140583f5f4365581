"""Is there a GPU that Keras could use, and Keras made ready for it."""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec
from typing import Any


def backend() -> str:
    """The framework that Keras would use."""
    return os.environ.get("KERAS_BACKEND", "tensorflow")


def missing() -> str | None:
    """The package that Keras lacks here, if it lacks one. Imports none."""
    return next((name for name in ("keras", backend()) if find_spec(name) is None), None)


def gpus() -> int:
    """How many GPUs the driver shows to this process, asked without any framework."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    usable = cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0
    return count.value if usable else 0


def prepare(gpu_memory: float) -> str:
    """Load Keras' backend, let it take memory as needed up to a share of the GPU's, and compute in
    whole float32. Returns the devices' kind: "gpu" or "cpu". Call it before anything is computed.

    The 10 bits of TF32, with which GPUs multiply by default, put P(fake) off by more than we allow.
    Raises ImportError.
    """
    known = {"tensorflow": _tensorflow, "jax": _jax}
    if backend() not in known:
        raise ImportError(f"KERAS_BACKEND={backend()} is none of {', '.join(known)}")
    return known[backend()](gpu_memory)


def _tensorflow(gpu_memory: float) -> str:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    import tensorflow as tf

    tf.config.experimental.enable_tensor_float_32_execution(False)
    found = tf.config.list_physical_devices("GPU")
    if found:
        megabytes = gpu_memory * _total_memory() / 1e6
        limit = tf.config.LogicalDeviceConfiguration(memory_limit=megabytes)
        tf.config.set_logical_device_configuration(found[0], [limit])
        tf.config.set_visible_devices(found[:1], "GPU")
    return "gpu" if found else "cpu"


def _jax(gpu_memory: float) -> str:
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{gpu_memory:.2f}"
    import jax

    jax.config.update("jax_default_matmul_precision", "float32")
    return "gpu" if jax.default_backend() == "gpu" else "cpu"


def _total_memory() -> int:
    """Bytes of the first GPU."""
    cuda, total, first = ctypes.CDLL("libcuda.so.1"), ctypes.c_size_t(0), ctypes.c_int(0)
    calls: list[Any] = [
        cuda.cuInit(0),
        cuda.cuDeviceGet(ctypes.byref(first), 0),
        cuda.cuDeviceTotalMem_v2(ctypes.byref(total), first),
    ]
    return total.value if not any(calls) else 0
