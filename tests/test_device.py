from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import ctranslate2
import onnxruntime
import pytest
import torch

from intone import device
from intone.asr.whisper import Whisper
from intone.errors import IntoneError
from intone.inference import session
from intone.inference.cluster import Cluster, _fitting
from intone.inference.model import Model
from intone.inference.settings import Settings
from intone.training.train import train
from intone.training.trainer import check_training_device


@dataclass
class Session:
    """An onnxruntime session of a machine where CUDA can be used, or can't, though the library was built for it."""

    path: str
    options: object
    providers: list[str]
    works: ClassVar[bool] = True

    def get_providers(self) -> list[str]:
        return self.providers if self.works else self.providers[-1:]


@pytest.fixture
def built_for_cuda(monkeypatch):
    """onnxruntime as it is built for CUDA."""
    monkeypatch.setattr(Session, "works", True)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(session.PROVIDERS.values())[::-1])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)


def gpus(monkeypatch, count: int, kinds: tuple[str, ...] = ("float32", "int8_float16")) -> None:
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: count)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda where: set(kinds))


@pytest.mark.parametrize(("asked", "used"), [("cpu", "cpu"), ("auto", "cuda"), ("cuda", "cuda")])
def test_emotions_are_computed_where_it_is_asked(built_for_cuda, asked, used):
    made = session.session(Path("a.onnx"), 1, asked)
    assert session.device_of(made) == used
    assert made.get_providers()[-1] == "CPUExecutionProvider"  # for what has no form on a GPU


def test_a_gpu_that_onnxruntime_cannot_use_is_an_error_only_where_it_was_asked_for(built_for_cuda, monkeypatch):
    monkeypatch.setattr(Session, "works", False)  # it logs that CUDA's libraries are missing, and takes the processor
    assert session.device_of(session.session(Path("a.onnx"), 1, "auto")) == "cpu"
    with pytest.raises(IntoneError, match=r"docs/devices\.md"):
        session.session(Path("a.onnx"), 1, "cuda")


def test_a_model_says_that_the_gpu_is_missing_and_not_that_its_file_is_broken(model_file, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(IntoneError, match="can't be computed on a GPU"):
        Model(model_file, 1, "cuda")
    assert Model(model_file, 1, "auto").card.labels


def test_words_are_written_where_a_gpu_is(monkeypatch):
    gpus(monkeypatch, 1)
    assert device.words_on("cpu") == ("cpu", "int8")
    assert device.words_on("auto") == device.words_on("cuda") == ("cuda", "int8_float16")
    gpus(monkeypatch, 1, ("float32",))
    assert device.words_on("cuda") == ("cuda", "float32")
    gpus(monkeypatch, 0)
    assert device.words_on("auto") == ("cpu", "int8")
    with pytest.raises(IntoneError, match="take --device cpu"):
        device.words_on("cuda")


def test_there_are_three_devices():
    for check in (device.words_on, device.check_device, lambda name: session.session(Path("a.onnx"), 1, name)):
        with pytest.raises(IntoneError, match="no device 'tpu'"):
            check("tpu")


def test_answers_of_another_device_are_no_answers_of_this_one(model_file, monkeypatch):
    on_cpu, on_gpu = (Settings(model_file, None, None, 1, device=name) for name in ("cpu", "cuda"))
    assert on_cpu.key() != on_gpu.key()
    assert Settings(model_file, None, None, 1).key() == on_cpu.key()


def test_settings_of_transcripts_name_only_what_is_not_the_default(tmp_path, monkeypatch):
    (tmp_path / "model.bin").write_bytes(b"weights")
    plain = Whisper(tmp_path).settings
    assert not {"hotwords", "device"} & set(plain)
    assert Whisper(tmp_path, hotwords="Zoë").settings == plain | {"hotwords": "Zoë"}
    gpus(monkeypatch, 1)
    assert Whisper(tmp_path, device="auto").settings == plain | {"device": "cuda"}


def test_a_training_that_asks_for_a_gpu_needs_one(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(IntoneError, match="torch finds none"):
        train("audio_cnn", runs=tmp_path, device="cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    check_training_device("cuda")


def test_a_cluster_has_as_many_actors_as_gpus():
    machines = {"CPU": 32.0, "GPU": 3.0}
    assert _fitting(machines, Cluster("auto", None, 4)) == 8
    assert _fitting(machines, Cluster("auto", None, 4, gpus=1)) == 3
    assert _fitting({"CPU": 2.0}, Cluster("auto", None, 1, gpus=1)) == 1
