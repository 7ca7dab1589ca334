"""Folds trained by the machines of a Ray cluster: the same as on one machine, though one of them is killed."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from intone.data.corpus import Corpus
from intone.data.splits import folds
from intone.errors import BadClip, IntoneError
from intone.inference.cluster import Cluster
from intone.models.cnn import AudioCnnPreset
from intone.training.parallel import Task, make_all
from intone.training.recipe import FoldResult, FoldTask
from intone.training.recipes import FIRST_PHASE, in_epochs, in_precision
from intone.training.recipes.spectrogram import SpectrogramRecipe
from intone.training.recipes.tfidf import TfidfRecipe
from intone.training.workspace import Workspace

pytest.importorskip("ray", reason="Ray isn't installed")


@dataclass(frozen=True)
class Struck(TfidfRecipe):
    """Its process is killed at the first try of each fold."""

    tries: int = 1
    """At how many."""

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        begun = len(list(task.folder.glob("begun-*")))
        (task.folder / f"begun-{begun}").touch()
        if begun < self.tries:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(space, task)


@dataclass(frozen=True)
class Wrong(TfidfRecipe):
    """Can't use a clip."""

    def fit(self, space: Workspace, task: FoldTask) -> FoldResult:
        raise BadClip("x.wav is cut short.")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster of two machines with a processor each, in processes of this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        here = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(here))
        from ray.cluster_utils import Cluster as Machines

        small: dict[str, Any] = {"include_dashboard": False, "object_store_memory": 80 << 20}
        made = Machines(initialize_head=True, head_node_args={"num_cpus": 1, **small})
        made.add_node(num_cpus=1, **small)
        yield made.address
        made.shutdown()


@pytest.fixture
def space(corpus: Corpus, tmp_path: Path) -> Workspace:
    small = {"audio_cnn": SpectrogramRecipe(network=AudioCnnPreset(width=8))}
    models = in_epochs(in_precision({**FIRST_PHASE, **small}, "32-true"), {"audio_epochs": 2})
    heard = pd.DataFrame({"file": corpus.clips["file"], "text": corpus.clips["statement"].map(corpus.sentences)})
    own = {"struck": Struck(), "twice": Struck(2), "wrong": Wrong()}
    return Workspace(corpus, {**models, **own}, tmp_path / "runs", heard, device="cpu")


def tasks(space: Workspace, model: str) -> list[Task]:
    track = "none" if model == "audio_cnn" else "asr"
    return [Task(model, track, split) for split in folds(space.corpus.clips, "speakers")]


def test_a_cluster_makes_what_workers_of_one_machine_make_to_the_last_bit(space, address, tmp_path):
    away, wanted = replace(space, runs=tmp_path / "away"), tasks(space, "audio_cnn")
    done = list(make_all(away, wanted, 1, Cluster(address)))
    assert sorted(task.split.fold for task in done) == [task.split.fold for task in wanted]
    list(make_all(space, wanted, 2))
    for task in wanted:
        one, other = (where.made("audio_cnn", task.split) for where in (space, away))
        assert (one.folder / "logits.csv").read_bytes() == (other.folder / "logits.csv").read_bytes()


def test_a_killed_process_costs_a_try_and_two_of_them_the_run(space, address):
    wanted = tasks(space, "struck")
    assert len(list(make_all(space, wanted, 1, Cluster(address)))) == len(wanted)
    for task in wanted:
        folder = space.made("struck", task.split, "asr").folder
        assert len(list(folder.glob("begun-*"))) == 2
    with pytest.raises(IntoneError, match=r"lost fold \d of twice twice"):
        list(make_all(space, tasks(space, "twice")[:1], 1, Cluster(address)))


def test_an_error_comes_as_it_was_raised(space, address):
    with pytest.raises(BadClip, match=r"x\.wav is cut short\."):
        list(make_all(space, tasks(space, "wrong"), 1, Cluster(address)))


def test_nothing_to_train_needs_no_cluster(space):
    assert list(make_all(space, [], 1, Cluster("ray://nowhere:1"))) == []
