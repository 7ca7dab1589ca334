"""An ONNX file -> its network, ready to run on the processor or on a GPU."""

from pathlib import Path
from typing import Final

import onnxruntime

from intone.device import CPU, CUDA, check_device
from intone.errors import IntoneError

PROVIDERS: Final = {CPU: "CPUExecutionProvider", CUDA: "CUDAExecutionProvider"}
"""Device -> onnxruntime's name of what computes on it."""

SILENT: Final = 4
"""onnxruntime's level of messages that leaves out all but what ends the process."""


class NoGpu(IntoneError):
    """A GPU is wanted, and onnxruntime finds none that it can use."""


def session(path: Path, threads: int, device: str = CPU) -> onnxruntime.InferenceSession:
    """The file's network with that many threads of the processor (0: one a core), on a device of `--device`.

    Raises NoGpu where `cuda` is wanted and can't be used; onnxruntime's own exceptions, which have no common base but
    Exception, for a file that it can't read.
    """
    check_device(device)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # A thread that waits for work in a loop begins a little sooner, and takes the core from other processes meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    on_gpu = device != CPU and PROVIDERS[CUDA] in onnxruntime.get_available_providers()
    wanted = [PROVIDERS[CUDA]] * on_gpu + [PROVIDERS[CPU]]
    if on_gpu:  # where CUDA's libraries or its driver are missing, it takes the processor, and logs pages
        onnxruntime.set_default_logger_severity(SILENT)
    made = onnxruntime.InferenceSession(str(path), options, providers=wanted)
    if device == CUDA and PROVIDERS[CUDA] not in made.get_providers():
        raise NoGpu(
            "Emotions can't be computed on a GPU, as onnxruntime finds none that it can use: docs/devices.md says how "
            "to install one that does; or take --device cpu."
        )
    return made


def device_of(made: onnxruntime.InferenceSession) -> str:
    """Where it computes: cpu or cuda."""
    return CUDA if PROVIDERS[CUDA] in made.get_providers() else CPU
