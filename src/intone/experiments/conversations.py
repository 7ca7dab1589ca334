"""Finished folds of a speaker-adaptive model -> results/conversations.csv: who speaks, and what that is worth.

    intone conversations

Conversations are put together from clips of a fold's test speakers, 6 to 12 of each voice, whose emotions are drawn
evenly. Voices are told apart by their sound, as in `intone analyze --speakers auto`. UAR is that of the plain model
(`none`), and of the adapted one with everything taken for one voice (`one`), with the voices that were found (`found`)
and with the true ones (`true`); a sentence is judged by the others of its voice. The order of turns plays no role.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from intone import weights
from intone.audio.clip import duration, read_clip
from intone.cache import cache_folder, cached_array, digest, file_digest, write_whole
from intone.data import ravdess as ravdess_corpus
from intone.data.splits import Split, folds
from intone.evaluation.metrics import confusion, uar
from intone.evaluation.results import Experiment
from intone.experiments.publish import log_look
from intone.inference.diarization import WEIGHTS, SpeakerEncoder, clustered
from intone.inference.fusion import softmax
from intone.inference.voice import Voice
from intone.progress import track
from intone.training.finished_fold import FinishedFold
from intone.training.recipe import Voiced
from intone.training.recipes import MODELS
from intone.training.workspace import Workspace

EACH: Final = 40
"""Conversations of each fold, number of voices and kind."""

SENTENCES: Final = (6, 12)
"""Fewest and most sentences of a voice."""

WAYS: Final = ("none", "one", "found", "true")
"""What is known of who speaks."""

COLUMNS: Final = (
    *("model", "protocol", "voices", "sexes", "conversations", "purity", "count_right"),
    *(f"uar_{way}" for way in WAYS),
)
"""`purity`: percent of sentences whose found voice is mostly of their speaker; `count_right`: percent of talks."""


def conversations(
    model: str = "audio_whisper_small-adaptive",
    protocol: str = "luna5",
    ravdess: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
) -> None:
    """Test telling voices apart in conversations, and what it is worth to a speaker-adaptive model.

    Args:
        model: A speaker-adaptive model (`-adaptive`); a fold that has not been trained is trained now.
        protocol: luna5, emobox6, loso24.
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        runs: Folder for the run folders; default the user's cache.
        results: Folder for the table.
    """
    space = Workspace(ravdess_corpus.load(ravdess), MODELS, runs or cache_folder() / "runs")
    made = [(split, space.fold(model, "none", split)) for split in folds(space.corpus.clips, protocol)]
    found = measure(space, model, made, SpeakerEncoder(weights.find(WEIGHTS), threads=0))
    told = "; ".join(
        f"{r.voices} voices, {r.sexes}: " + ", ".join(f"{way} {getattr(r, f'uar_{way}'):.1f}" for way in WAYS)
        for r in found.itertuples()
    )
    log_look(results, Experiment(model, "audio", "none", protocol), digest(found.to_csv()), f"conversations: {told}")
    write_whole(results / "conversations.csv", found.to_csv(index=False, lineterminator="\n").encode())


def measure(
    space: Workspace, model: str, made: Sequence[tuple[Split, FinishedFold]], encoder: SpeakerEncoder, each: int = EACH
) -> pd.DataFrame:
    """Rows of conversations.csv, for the numbers of voices and kinds that a fold's test speakers allow."""
    parts: dict[tuple[int, str], list[pd.DataFrame]] = {}
    for split, fold in track(made, f"putting conversations together ({model})", len(made)):
        voices = _Voices.of(space, split, fold, encoder)
        for count in (2, 3, 4):
            for sexes in ("same", "both"):
                for number in range(each):
                    table = voices.conversation(count, sexes, np.random.default_rng([number, count, *sexes.encode()]))
                    if table is not None:
                        name = f"{split.fold} {number}"
                        parts.setdefault((count, sexes), []).append(table.assign(conversation=name))
    rows = [_row(pd.concat(tables), len(space.labels)) for tables in parts.values()]
    keys = [{"model": model, "protocol": made[0][0].protocol, "voices": n, "sexes": s} for n, s in parts]
    return pd.DataFrame([key | row for key, row in zip(keys, rows, strict=True)], columns=list(COLUMNS))


@dataclass(frozen=True)
class _Voices:
    """A fold's test clips: what the model makes of them, and their voiceprints."""

    facts: pd.DataFrame
    """Columns `file, speaker, emotion` (label index), `seconds`."""
    clips: Voiced
    prints: np.ndarray
    """[clips, 256]."""

    @classmethod
    def of(cls, space: Workspace, split: Split, fold: FinishedFold, encoder: SpeakerEncoder) -> "_Voices":
        facts = space.corpus.clips.set_index("file")[["speaker", "emotion"]].loc[list(split.test)].reset_index()
        paths = [space.corpus.paths[file] for file in facts["file"]]
        facts["emotion"] = space.true(list(facts["file"]))
        facts["seconds"] = [duration(path) for path in paths]
        prints = np.stack([_voiceprint(encoder, path) for path in paths])
        return cls(facts, fold.recipe.voiced(space, fold, list(facts["file"])), prints)

    def conversation(self, count: int, sexes: str, chance: np.random.Generator) -> pd.DataFrame | None:
        """One conversation's sentences: columns `speaker, voice` (found by sound), `emotion` (label index), and a
        prediction for each of `WAYS`; None where the fold has too few speakers of that kind."""
        speakers = self.facts["speaker"].unique()
        man = np.array([int(name[-2:]) % 2 == 1 for name in speakers])
        pools = [speakers[man], speakers[~man]]
        if sexes == "same":
            pools = [pool for pool in pools if len(pool) >= count]
            if not pools:
                return None
            chosen = chance.choice(pools[int(chance.integers(len(pools)))], count, replace=False)
        else:
            chosen = chance.permutation(speakers)[:count]
            if len(chosen) < count or len({int(name[-2:]) % 2 for name in chosen}) < 2:
                return None
        rows = np.concatenate([self._sentences(name, chance) for name in chosen])
        facts = self.facts.iloc[rows]
        found = clustered(self.prints[rows], facts["seconds"].to_numpy())
        return pd.DataFrame(
            {"speaker": facts["speaker"], "voice": found, "emotion": facts["emotion"]}
            | {way: self._predicted(rows, whose) for way, whose in _known(facts["speaker"], found)}
        )

    def _sentences(self, speaker: str, chance: np.random.Generator) -> np.ndarray:
        own = np.flatnonzero(self.facts["speaker"] == speaker)
        return chance.choice(own, int(chance.integers(SENTENCES[0], SENTENCES[1] + 1)), replace=False)

    def _predicted(self, rows: np.ndarray, voices: Sequence[object]) -> list[int]:
        """Label indices of sentences, each adapted with the others of its voice; None is nobody's voice."""
        x, plain = self.clips.embeddings[rows], self.clips.plain[rows]
        own = [Voice.of(x[[k]], softmax(plain[[k]])) for k in range(len(rows))]
        out = []
        for k, voice in enumerate(voices):
            others = [own[j] for j, other in enumerate(voices) if j != k and other == voice and voice is not None]
            logits = plain[[k]]
            if others:
                logits = self.clips.model.log_probabilities(x[[k]], plain[[k]], reduce(add, others))
            out.append(int(logits.argmax()))
        return out


def _voiceprint(encoder: SpeakerEncoder, path: Path) -> np.ndarray:
    """The voiceprint [256] of a clip, cached."""
    return cached_array("voiceprints", digest(file_digest(path), WEIGHTS), lambda: encoder.embedding(read_clip(path)))


def _known(speakers: pd.Series, found: np.ndarray) -> Iterator[tuple[str, Sequence[object]]]:
    """Each of `WAYS` -> the voice of each sentence."""
    nobody = [None] * len(found)
    yield "none", nobody
    yield "one", ["one"] * len(found)
    yield "found", [None if number < 0 else int(number) for number in found]
    yield "true", list(speakers)


def _row(sentences: pd.DataFrame, labels: int) -> dict[str, float]:
    """Scores of all conversations of one kind."""
    talks = sentences.groupby("conversation")
    pure = [
        talk.groupby("voice")["speaker"].transform(lambda names: names.mode().iloc[0]) == talk["speaker"]
        for _, talk in talks
    ]
    right = [talk.loc[talk["voice"] >= 0, "voice"].nunique() == talk["speaker"].nunique() for _, talk in talks]
    true = sentences["emotion"].to_numpy()
    scores = {f"uar_{way}": uar(confusion(true, sentences[way].to_numpy(), labels)) for way in WAYS}
    out = {
        "conversations": sentences["conversation"].nunique(),
        "purity": 100 * float(np.mean(np.concatenate(pure))),
        "count_right": 100 * float(np.mean(right)),
        **scores,
    }
    return {name: round(float(value), 4) for name, value in out.items()}
