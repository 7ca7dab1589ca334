"""Finished folds of a speaker-adaptive model -> results/conversations.csv: who speaks, and what that is worth.

The sentences, their voices and their predictions are kept in results/conversations/MODEL__PROTOCOL.csv.gz.

    intone conversations
    intone conversations --corpus emodb

Conversations are put together from clips of a fold's test speakers, or of a corpus that was held out, 6 to 12 clips of
each voice, drawn at random. Voices are told apart by their sound, as in `intone analyze --speakers auto`. UAR is that
of the plain model (`none`), and of the adapted one with everything taken for one voice (`one`), with the voices that
were found (`found`) and with the true ones (`true`); a sentence is judged by the others of its voice. Calm counts as
neutral where a corpus has none. The order of turns plays no role.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import add
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from intone import weights
from intone.audio.clip import duration, read_clip
from intone.cache import cache_folder, cached_array, digest, file_digest, write_whole
from intone.data import corpora as published
from intone.data import ravdess as ravdess_corpus
from intone.data.corpus import Corpus
from intone.data.splits import Split, folds
from intone.emotions import EMOTIONS
from intone.evaluation.results import Experiment
from intone.experiments.corpora import Part, Reader
from intone.experiments.publish import log_look, merge, packed
from intone.export.voices import PRESET, embeddings
from intone.inference import registry
from intone.inference.diarization import WEIGHTS, SpeakerEncoder, clustered
from intone.inference.fusion import softmax
from intone.inference.model import Model
from intone.inference.voice import Voice
from intone.models.partial_labels import merged, without_calm
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
    *("model", "track", "protocol", "voices", "sexes", "conversations", "purity", "count_right"),
    *(f"uar_{way}" for way in WAYS),
)
"""`purity`: percent of sentences whose found voice is mostly of their speaker; `count_right`: percent of talks."""

SENTENCE_COLUMNS: Final = ("voices", "sexes", "conversation", "file", "speaker", "voice", "emotion", *WAYS)
"""One row a sentence; `voice`: number of the found voice in its conversation, -1 none; a label for each of `WAYS`."""


def conversations(
    model: str | None = None,
    protocol: str = "luna5",
    corpus: Literal["ravdess", "emodb", "nemo"] = "ravdess",
    layers: int = 3,
    ravdess: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
) -> None:
    """Test telling voices apart in conversations, and what it is worth to a speaker-adaptive model.

    Args:
        model: A speaker-adaptive model (`-adaptive`); a fold that has not been trained is trained now. With another
            corpus a model file, default the packaged one: what its embeddings learn from the other two is tested.
        protocol: luna5, emobox6, loso24; another corpus is tested as a whole.
        corpus: Whose clips are put together.
        layers: With another corpus, the number of encoder layers whose statistics the file's embedding joins.
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        runs: Folder for the run folders; default the user's cache.
        results: Folder for the table.
    """
    encoder = SpeakerEncoder(weights.find(WEIGHTS), threads=0)
    if corpus == "ravdess":
        model = model or "audio_whisper_small-adaptive"
        space = Workspace(ravdess_corpus.load(ravdess), MODELS, runs or cache_folder() / "runs")
        made = [(split, space.fold(model, "none", split)) for split in folds(space.corpus.clips, protocol)]
        parts: Iterable[tuple[str, _Voices]] = ((s.fold, _Voices.of(space, s, fold, encoder)) for s, fold in made)
        total = len(made)
    else:
        path, model, protocol, total = registry.find(model), "packaged", corpus, 1
        parts = [(corpus, _strangers(path, corpus, layers, encoder))]
    sentences = put_together(track(parts, f"putting conversations together ({model})", total))
    found = scores(sentences).assign(model=model, track="none", protocol=protocol)[list(COLUMNS)]
    told = "; ".join(
        f"{r.voices} voices, {r.sexes}: " + ", ".join(f"{way} {getattr(r, f'uar_{way}'):.1f}" for way in WAYS)
        for r in found.itertuples()
    )
    log_look(results, Experiment(model, "audio", "none", protocol), digest(found.to_csv()), f"conversations: {told}")
    merge(results / "conversations.csv", found)
    kept = results / "conversations" / f"{model}__{protocol}.csv.gz"
    write_whole(kept, packed(sentences, SENTENCE_COLUMNS))


def _strangers(path: Path, tested: str, layers: int, encoder: SpeakerEncoder) -> "_Voices":
    """A corpus's clips, by what a model file's embeddings learn from the other corpora."""
    ear, corpora = Model(path), {name: published.load(name) for name in ("ravdess", "emodb", "nemo")}
    known: dict[str, Part] = {n: (*embeddings(ear, path, c, layers), n) for n, c in corpora.items()}
    reader = Reader.of([part for name, part in known.items() if name != tested], PRESET)
    _, facts, _ = known[tested]
    return _Voices.from_clips(corpora[tested], facts, EMOTIONS, reader.voiced(known[tested]), encoder)


def put_together(parts: Iterable[tuple[str, "_Voices"]], each: int = EACH) -> pd.DataFrame:
    """Sentences of conversations, columns `SENTENCE_COLUMNS`, of the numbers of voices and kinds that the test speakers
    of each part, such as a fold, allow."""
    talks = []
    for part, voices in parts:
        for count, sexes, number in product((2, 3, 4), ("same", "both"), range(each)):
            table = voices.conversation(count, sexes, np.random.default_rng([number, count, *sexes.encode()]))
            if table is not None:
                talks.append(table.assign(voices=count, sexes=sexes, conversation=f"{part} {number}"))
    return pd.concat(talks, ignore_index=True)[list(SENTENCE_COLUMNS)]


def scores(sentences: pd.DataFrame) -> pd.DataFrame:
    """Sentences of conversations -> rows of conversations.csv, without model and protocol."""
    kinds = sentences.groupby(["voices", "sexes"], sort=False)
    return pd.DataFrame([{"voices": n, "sexes": s} | _row(own) for (n, s), own in kinds])


@dataclass(frozen=True)
class _Voices:
    """A fold's test clips: what the model makes of them, and their voiceprints."""

    facts: pd.DataFrame
    """Columns `file, speaker, sex, emotion, seconds`."""
    clips: Voiced
    prints: np.ndarray
    """[clips, 256]."""
    labels: Sequence[str]
    coarse: np.ndarray
    """Where calm counts as neutral, bool [clips]."""

    @classmethod
    def of(cls, space: Workspace, split: Split, fold: FinishedFold, encoder: SpeakerEncoder) -> "_Voices":
        facts = space.corpus.clips.set_index("file").loc[list(split.test)].reset_index()
        clips = fold.recipe.voiced(space, fold, list(facts["file"]))
        return cls.from_clips(space.corpus, facts, space.labels, clips, encoder)

    @classmethod
    def from_clips(
        cls, corpus: Corpus, facts: pd.DataFrame, labels: Sequence[str], clips: Voiced, encoder: SpeakerEncoder
    ) -> "_Voices":
        """`facts`: the clips' rows of the clip table."""
        paths = [corpus.paths[file] for file in facts["file"]]
        kept = facts[["file", "speaker", "sex", "emotion"]].reset_index(drop=True)
        kept["seconds"] = [duration(path) for path in paths]
        prints = np.stack([_voiceprint(encoder, path) for path in paths])
        return cls(kept, clips, prints, labels, without_calm(list(facts["corpus"]), list(facts["emotion"])))

    def conversation(self, count: int, sexes: str, chance: np.random.Generator) -> pd.DataFrame | None:
        """One conversation's sentences: columns `file, speaker, voice` (found by sound), `emotion`, and a label
        predicted for each of `WAYS`; None where the fold has too few speakers of that kind."""
        people = self.facts.drop_duplicates("speaker")
        speakers, man = people["speaker"].to_numpy(), (people["sex"] == "male").to_numpy()
        sex = dict(zip(speakers, man, strict=True))
        pools = [speakers[man], speakers[~man]]
        if sexes == "same":
            pools = [pool for pool in pools if len(pool) >= count]
            if not pools:
                return None
            chosen = chance.choice(pools[int(chance.integers(len(pools)))], count, replace=False)
        else:
            chosen = chance.permutation(speakers)[:count]
            if len(chosen) < count or len({sex[name] for name in chosen}) < 2:
                return None
        rows = np.concatenate([self._sentences(name, chance) for name in chosen])
        facts = self.facts.iloc[rows]
        found = clustered(self.prints[rows], facts["seconds"].to_numpy())
        return pd.DataFrame(
            {"file": facts["file"], "speaker": facts["speaker"], "voice": found, "emotion": facts["emotion"]}
            | {way: self._predicted(rows, whose) for way, whose in _known(facts["speaker"], found)}
        )

    def _sentences(self, speaker: str, chance: np.random.Generator) -> np.ndarray:
        own = np.flatnonzero(self.facts["speaker"] == speaker)
        return chance.choice(own, int(chance.integers(SENTENCES[0], SENTENCES[1] + 1)), replace=False)

    def _predicted(self, rows: np.ndarray, voices: Sequence[object]) -> list[str]:
        """Labels of sentences, each adapted with the others of its voice; None is nobody's voice."""
        x, plain = self.clips.embeddings[rows], self.clips.plain[rows]
        own = [Voice.of(x[[k]], softmax(plain[[k]])) for k in range(len(rows))]
        out = []
        for k, voice in enumerate(voices):
            others = [own[j] for j, other in enumerate(voices) if j != k and other == voice and voice is not None]
            logits = plain[[k]]
            if others:
                logits = self.clips.model.log_probabilities(x[[k]], plain[[k]], reduce(add, others))
            chances = merged(softmax(logits), self.labels, self.coarse[rows[[k]]])
            out.append(self.labels[int(chances.argmax())])
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


def _row(sentences: pd.DataFrame) -> dict[str, float]:
    """Scores of all conversations of one kind."""
    talks = sentences.groupby("conversation")
    pure = [
        talk.groupby("voice")["speaker"].transform(lambda names: names.mode().iloc[0]) == talk["speaker"]
        for _, talk in talks
    ]
    right = [talk.loc[talk["voice"] >= 0, "voice"].nunique() == talk["speaker"].nunique() for _, talk in talks]
    true = sentences["emotion"]
    rates = {f"uar_{way}": 100 * (sentences[way] == true).groupby(true).mean().mean() for way in WAYS}
    out = {
        "conversations": sentences["conversation"].nunique(),
        "purity": 100 * float(np.mean(np.concatenate(pure))),
        "count_right": 100 * float(np.mean(right)),
        **rates,
    }
    return {name: round(float(value), 4) for name, value in out.items()}
