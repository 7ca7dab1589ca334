"""A name of `--device` (auto, cpu, cuda) -> where Whisper computes; what is asked for and not there is an error.

The default is the processor: a GPU rounds otherwise, so that answers would depend on the machine.
"""

from typing import Final, Literal

from intone.errors import IntoneError

Device = Literal["auto", "cpu", "cuda"]
"""auto takes an NVIDIA GPU where there is one that can be used, and says so."""

AUTO: Final = "auto"
CPU: Final = "cpu"
CUDA: Final = "cuda"

ON_GPU: Final = ("int8_float16", "int8_float32", "float32")
"""Kinds of numbers for Whisper on a GPU; the first that it supports is taken."""


def check_device(device: str) -> None:
    """Raises IntoneError for a name that is none of a device."""
    if device not in (AUTO, CPU, CUDA):
        raise IntoneError(f"There is no device {device!r}: give {AUTO}, {CPU} or {CUDA}.")


def words_on(device: str) -> tuple[str, str]:
    """Device and kind of numbers for CTranslate2. Raises IntoneError where `cuda` is wanted and there is no GPU."""
    check_device(device)
    if device == CPU:
        return CPU, "int8"
    import ctranslate2  # here, as it takes time

    if ctranslate2.get_cuda_device_count():
        supported = ctranslate2.get_supported_compute_types(CUDA)
        return CUDA, next(kind for kind in ON_GPU if kind in supported)
    if device == CUDA:
        raise IntoneError("Words can't be written on a GPU, as no NVIDIA GPU is here: take --device cpu.")
    return CPU, "int8"
