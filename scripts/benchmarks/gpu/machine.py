"""The machine, and the two ceilings of its device: copies and matrix products."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.gpu.setting import Row, Setting
from benchmarks.report import machine
from benchmarks.timings import Timings


def measure(setting: Setting) -> Iterator[Row]:
    """Yield what the machine is, and how fast it copies and multiplies."""
    for name, value in machine().items():
        yield Row(name, str(value))
    if setting.is_gpu:
        properties = torch.cuda.get_device_properties(setting.device)
        yield Row("device", properties.name, note=f"compute capability {properties.major}.{properties.minor}")
        yield Row("device memory", properties.total_memory / 1e9, "GB")
        yield Row("CUDA of PyTorch", str(torch.version.cuda), note=f"cuDNN {torch.backends.cudnn.version()}")
    side, megabytes = (64, 1) if setting.quick else (8192, 2048)
    source = torch.rand(megabytes * 2**18, device=setting.device)
    target, one = torch.empty_like(source), torch.randn(side, side, device=setting.device, dtype=torch.bfloat16)
    actions = {"copy": lambda: target.copy_(source), "product": lambda: one @ one}
    times = Timings.interleaved({name: setting.block(action, 10) for name, action in actions.items()}, 3)
    moved = 10 * 2 * source.numel() * source.element_size()
    yield Row("copy within the device", moved / times.median("copy") / 1e9, "GB/s", "bytes read and written")
    operations = 10 * 2 * side**3
    note = f"{side} x {side}, random numbers"
    yield Row("matrix product in bfloat16", operations / times.median("product") / 1e12, "TFLOP/s", note)
