"""This machine -> its processor's name and instructions (text), for the record of a training or a timing.

Networks trained with the same clips and seed on another processor differ by its rounding, which training amplifies; in
another precision they differ from the first step on (training/module.py).
"""

import platform
from pathlib import Path

import torch

from intone.progress import say


def processor() -> str:
    """Name, widest instructions that torch uses, and threads, such as `AMD EPYC 7763 (AVX2, threads: 1)`."""
    bf16 = ", bf16" if torch.cpu._is_avx512_bf16_supported() else ""
    own = f"{_name()} ({torch.backends.cpu.get_cpu_capability()}{bf16}, threads: {torch.get_num_threads()})"
    return f"{own} + {torch.cuda.get_device_name()}" if torch.cuda.is_available() else own


def warn_if_slow(precision: str) -> None:
    """Print a warning where this machine trains many times slower in that precision than in 32 bits."""
    fast = torch.cuda.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if precision.startswith("bf16") and not fast:
        say(
            f"This processor has no AVX-512, and in {precision}, as the committed results were made, networks learn "
            "about ten times as slowly as they could: with INTONE_PRECISION=32-true in the environment they learn "
            "faster, and become others."
        )


def _name() -> str:
    """The processor's name in the system."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (*names, platform.processor(), platform.machine())[0] or platform.machine()
