"""A model file and labelled clips of one or several corpora -> the file with a model of voices, so that it can adapt.

Nothing in the file's networks changes: the model of voices is learned from the embeddings that they give (statistics of
an encoder's frozen layers), from each clip and from a copy of it in noise, in 8 bits if the file has those.
A user's recording is of another kind than any corpus: temperature and threshold come from corpora held out in turn.
"""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import onnx
import pandas as pd
from tyro.conf import arg

from intone.audio.augment.noise import VERSION, noisy_copy
from intone.audio.clip import read_clip
from intone.cache import cached_array, digest, file_digest
from intone.data import corpora as published
from intone.data.corpus import Corpus
from intone.errors import IntoneError
from intone.inference import registry
from intone.inference.card import LEARNED
from intone.inference.model import VOICE_FACTS_KEY, VOICE_KEY, Model
from intone.inference.voice import VoiceModel
from intone.models.voice_probe import Sentences, VoiceProbePreset, calibrated, fitted
from intone.progress import track
from intone.training.encoder_states import with_company

COPIES: Final = ("noise",)
"""Kinds of copies of each clip (audio/augment/noise.py)."""

PRESET: Final = VoiceProbePreset(plain_strength=0.0015)
"""The plain regressions are as strong as those of the packaged model, whose clips have one copy more."""


def adaptive(
    model: str | None = None,
    out: Annotated[Path, arg(aliases=["-o"])] = Path("model.onnx"),
    corpora: tuple[str, ...] = ("ravdess",),
    layers: int = 3,
) -> None:
    """Give a model file a model of voices: `intone analyze --speakers` then adapts to each speaker, without labels.

    Args:
        model: A file that `intone export` made, or a name from `intone models list`; default the packaged model.
        out: The model file to write.
        corpora: Corpora to learn voices from: ravdess, emodb, nemo, cremad, tess, savee; each below the folder that its
            variable names (INTONE_EMODB), else data/NAME.
        layers: Number of encoder layers whose statistics the model's embedding joins.
    """
    path = registry.find(model)
    loaded = [published.load(name) for name in corpora]
    write(path, learned(path, loaded, layers, PRESET), out, told(loaded))
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB; it adapts to voices (learned from {', '.join(corpora)}).")


def learned(path: Path, corpora: Sequence[Corpus], layers: int, preset: VoiceProbePreset) -> VoiceModel:
    """The model of voices of a model file. Raises IntoneError for a file that can't adapt."""
    model = Model(path)
    if model.card.reading and model.card.reading.rule == LEARNED:
        raise IntoneError(f"{path} fuses words by a network of its own, which knows no voice: export a late fusion.")
    parts = [(*embeddings(model, path, corpus, layers), corpus.name) for corpus in corpora]
    known = sentences(parts, model.card.labels)
    return calibrated(fitted(known, preset), known, preset)


def sentences(parts: Sequence[tuple[np.ndarray, pd.DataFrame, str]], labels: tuple[str, ...]) -> Sentences:
    """Embeddings and clips of each corpus, and its name -> what voices are learned from."""
    clips = pd.concat([clips for _, clips, _ in parts], ignore_index=True)
    corpora = np.concatenate([np.full(len(clips), name) for _, clips, name in parts])
    return Sentences(
        np.concatenate([x for x, _, _ in parts]),
        np.array([labels.index(emotion) for emotion in clips["emotion"]]),
        clips["speaker"].to_numpy(str),
        labels,
        corpora if len(parts) > 1 else None,
    )


def told(corpora: Sequence[Corpus]) -> str:
    """What a model of voices was learned from, in a line."""
    parts = [f"{corpus.name} ({len(corpus.clips)} clips, {published.licences(corpus.name)})" for corpus in corpora]
    return f"adapts to voices, learned from {', '.join(parts)}"


def write(path: Path, voices: VoiceModel, out: Path, facts: str = "") -> None:
    """The model file with this model of voices and a line about it, in place of any it has."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f"{out.name}.new")
    whole = onnx.load(path)
    kept = {entry.key: entry.value for entry in whole.metadata_props}
    onnx.helper.set_model_props(whole, kept | {VOICE_KEY: voices.as_text(), VOICE_FACTS_KEY: facts})
    onnx.save(whole, fresh)
    shutil.move(fresh, out)


def embeddings(model: Model, path: Path, corpus: Corpus, layers: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Embeddings of clips and their copies [N, copies, layers, width], and the clips; labels that the model doesn't
    know are left out."""
    clips = corpus.clips[corpus.clips["emotion"].isin(model.card.labels)]
    company, network = with_company(corpus), file_digest(path)
    rows = []
    for file in track(list(clips["file"]), f"embedding ({corpus.name})", len(clips)):
        rows.append(np.stack([_copy(model, network, kind, *company[file]) for kind in ("", *COPIES)]))
    x = np.stack(rows).astype(np.float32)
    if x.shape[2] % layers:
        raise IntoneError(f"{path} has embeddings of {x.shape[2]} numbers, which aren't of {layers} layers.")
    return x.reshape(*x.shape[:2], layers, -1), clips


def _copy(model: Model, network: str, kind: str, clip: Path, *company: Path) -> np.ndarray:
    """The embedding [D] of a clip, or of a copy of it."""
    own, others = file_digest(clip), [file_digest(other) for other in company] if kind else []
    return cached_array(
        "voices", digest(network, own, kind, others, VERSION), partial(_embedding, model, own, kind, clip, company)
    )


def _embedding(model: Model, own: str, kind: str, clip: Path, company: Sequence[Path]) -> np.ndarray:
    signal = read_clip(clip)
    if kind:
        draw = np.random.default_rng([*own.encode(), *kind.encode()])
        signal = noisy_copy(signal, kind, [read_clip(other) for other in company], draw)
    mean: np.ndarray = model.predict(signal).embedding.mean(0)
    return mean
