"""What a result was computed on, by a name that other machines of its kind share."""

from __future__ import annotations

import os
from pathlib import Path

import jax


def device_name() -> str:
    """The model of the GPU that JAX uses; of a CPU its model and the cores in use."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return str(device.device_kind)
    return f"{processor()}, {cores()} core{'s' * (cores() != 1)}"


def cores() -> int:
    """The cores that this process may use, which is as many threads as JAX has."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def processor() -> str:
    """The name of the processor, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "cpu"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "cpu"
