"""Clips of several speakers, put together into recordings -> results/diarization.csv: who speaks when, and its worth.

The sentences that were found are kept in results/conversations/recordings.csv.gz.

    intone diarization

A recording (talks.py) is analysed as `intone analyze` does without words: speech is found, cut at pauses and given to
voices. The sentences' emotions are judged by regressions that were learned without their speakers, as in `intone
corpora`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import product
from operator import add
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pyannote.core import Annotation
from pyannote.core import Segment as Stretch
from pyannote.metrics.diarization import DiarizationErrorRate

from intone import weights
from intone.audio.frames import SAMPLE_RATE
from intone.audio.recording import Recording
from intone.cache import digest, write_whole
from intone.data import corpora as published
from intone.data.corpus import Corpus
from intone.data.splits import folds
from intone.emotions import EMOTIONS
from intone.evaluation.metrics import confusion, uar
from intone.evaluation.results import Experiment
from intone.experiments.corpora import OWN, Part, Reader
from intone.experiments.publish import log_look, packed
from intone.experiments.talks import Talk, put_together
from intone.export.voices import PRESET, embeddings
from intone.inference import registry
from intone.inference.analyzer import Analyzer
from intone.inference.diarization import WEIGHTS, SpeakerEncoder
from intone.inference.found import Judged
from intone.inference.fusion import softmax
from intone.inference.model import Model
from intone.inference.speakers import Part as Channel
from intone.inference.speakers import Speakers
from intone.inference.voice import Voice
from intone.models.partial_labels import merged, without_calm
from intone.models.voice_probe import plain
from intone.progress import track

EACH: Final = 10
"""Talks of each corpus and kind."""

KINDS: Final = ((2, "same", "talk"), (2, "both", "talk"), (3, "both", "talk"), (4, "both", "talk"), (2, "both", "call"))
"""Voices, sexes, and whether they share a channel (`talk`) or have one each (`call`)."""

COLLAR_S: Final = 0.5
"""Seconds around each true boundary in which nothing is counted, half on either side, as is usual."""

WAYS: Final = ("none", "one", "found", "true")
"""What is known of who speaks."""

COLUMNS: Final = (
    *("corpus", "voices", "sexes", "kind", "changes", "recordings", "minutes", "der", "missed", "false_alarm"),
    *("confusion", "purity", "count_right", *(f"uar_{way}" for way in WAYS)),
)
"""`changes`: whether a change of voice is looked for inside of sentences; `der`: diarization error rate and its three
parts, in percent of the time spoken; `purity`: percent of found sentences whose found voice is mostly of their speaker;
`count_right`: percent of recordings; UAR over found sentences, in percent."""

SENTENCE_COLUMNS: Final = (*COLUMNS[:5], "recording", "start", "end", "voice", "speaker", "emotion", *WAYS)
"""One row a found sentence: seconds in its recording, the found voice, the speaker and the emotion of the true sentence
that it shares most time with (empty where with none), and a label for each of `WAYS`."""


def diarization(model: str | None = None, layers: int = 3, results: Path = Path("results")) -> None:
    """Test who speaks when in recordings put together from clips, and what it is worth to the emotions.

    Args:
        model: A file that `intone export` made, or a name from `intone models list`; default the packaged model.
        layers: Number of encoder layers whose statistics the model's embedding joins.
        results: Folder for the table.
    """
    path = registry.find(model)
    ear, encoder = Model(path), SpeakerEncoder(weights.find(WEIGHTS), threads=0)
    corpora = {name: published.load(name) for name in ("ravdess", "emodb", "nemo")}
    known: dict[str, Part] = {n: (*embeddings(ear, path, c, layers), n) for n, c in corpora.items()}
    heard: dict[tuple[Any, ...], list[pd.DataFrame]] = {}
    for name in track(list(corpora), "putting recordings together", len(corpora)):
        readers = list(_readers(name, known))
        for kind, (fold, reader, clips) in product(KINDS, readers):
            for talk in _talks(corpora[name], clips, kind, EACH // len(readers), fold):
                for changes, found in _heard(talk, kind[2], ear, encoder, reader, name):
                    tables = heard.setdefault((name, *kind, changes), [])
                    tables.append(found.assign(recording=f"{fold} {len(tables)}"))
    rows = [dict(zip(COLUMNS[:5], key, strict=True)) | scores(tables) for key, tables in heard.items()]
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    sentences = pd.concat([_kept(key, table) for key, tables in heard.items() for table in tables])
    write_whole(results / "conversations" / "recordings.csv.gz", packed(sentences, SENTENCE_COLUMNS))
    told = "; ".join(f"{r.corpus} {r.voices} {r.kind}: {r.uar_found:.1f}" for r in found.itertuples() if r.changes)
    log_look(
        results, Experiment("packaged", "audio", "none", "corpora"), digest(found.to_csv()), f"diarization: {told}"
    )
    write_whole(results / "diarization.csv", found.to_csv(index=False, lineterminator="\n").encode())


def _kept(key: Sequence[Any], table: pd.DataFrame) -> pd.DataFrame:
    """Sentences found in one recording, labels by name; `key`: the kind of recording."""
    names = dict(enumerate(EMOTIONS)) | {-1: ""}
    return table.assign(
        **dict(zip(COLUMNS[:5], key, strict=True)),
        **{column: table[column].map(names) for column in ("emotion", *WAYS)},
    )


def _readers(name: str, known: Mapping[str, Part]) -> Iterator[tuple[str, Reader, pd.DataFrame]]:
    """Fold, what judges emotions there, and the clips to judge: RAVDESS by folds, another corpus as a whole, by what
    the other two teach."""
    clips, facts, _ = known[name]
    if name != "ravdess":
        yield "0", Reader.of([part for other, part in known.items() if other != name], PRESET), facts
        return
    for split in folds(facts, OWN):
        mine = facts["file"].isin(split.train).to_numpy()
        reader = Reader.of([(clips[mine], facts[mine], name)], PRESET)
        yield split.fold, reader, facts[facts["file"].isin(split.test)]


def _talks(corpus: Corpus, clips: pd.DataFrame, kind: tuple[int, str, str], each: int, fold: str) -> Iterator[Talk]:
    """Talks of a kind between speakers of these clips; fewer where there are too few speakers."""
    for number in range(each):
        draw = np.random.default_rng([number, kind[0], *f"{kind[1]} {kind[2]} {fold}".encode()])
        people = clips.drop_duplicates("speaker")
        if kind[1] == "same":
            people = people[people["sex"] == draw.choice(["male", "female"])]
        chosen = draw.permutation(people["speaker"].to_numpy())[: kind[0]]
        mixed = people[people["speaker"].isin(chosen)]["sex"].nunique() > 1
        if len(chosen) == kind[0] and mixed == (kind[1] == "both"):
            yield put_together(corpus, [clips[clips["speaker"] == who] for who in chosen], kind[2] == "call", draw)


def _heard(
    talk: Talk, kind: str, ear: Model, encoder: SpeakerEncoder, reader: Reader, corpus: str
) -> Iterator[tuple[bool, pd.DataFrame]]:
    """Sentences found in a recording, with and without looking for changes of voice inside of them."""
    speakers = Speakers("channels" if kind == "call" else "auto")
    analyzer = Analyzer(ear, speakers=speakers, encoder=encoder)
    parts, _ = speakers.parts(Recording.of_signal(talk.samples, SAMPLE_RATE, "talk"))
    judged = [(part, analyzer.judged(part)) for part in parts]
    for changes in (True, False):
        if kind == "talk" or changes:
            named = [one for part, own in judged for one in _named(speakers, part, own, changes)]
            yield changes, _table(talk, sorted(named, key=lambda one: one.segment.start), reader, corpus)


def _named(speakers: Speakers, part: Channel, judged: Sequence[Judged], changes: bool) -> list[Judged]:
    return speakers.named(part, judged if changes else [replace(one, parts=()) for one in judged])


def _table(talk: Talk, named: Sequence[Judged], reader: Reader, corpus: str) -> pd.DataFrame:
    """One row a found sentence: `start`, `end`, `voice` (found), `speaker` and `emotion` (label index; of the true
    sentence that it shares most time with, None and -1 where with none) and a prediction for each of `WAYS`; `talk`
    is in the table's attrs."""
    facts = [_truth(one, talk) for one in named]
    x = np.stack([one.prediction.embedding.mean(0) for one in named])
    answers = plain(x.reshape(len(x), reader.probe[0].shape[0], -1), *reader.probe)
    found = pd.DataFrame(
        {
            "start": [one.segment.start for one in named],
            "end": [one.segment.end for one in named],
            "voice": [one.segment.speaker for one in named],
            "speaker": [None if k is None else talk.turns[k].speaker for k in facts],
            "emotion": [-1 if k is None else EMOTIONS.index(talk.emotions[k]) for k in facts],
        }
    )
    coarse = without_calm([corpus] * len(named), ["neutral"] * len(named))
    known: dict[str, Sequence[str | None]] = {
        "none": [None] * len(found),
        "one": ["one"] * len(found),
        "found": list(found["voice"]),
        "true": list(found["speaker"]),
    }
    for way in WAYS:
        chances = np.concatenate(list(_chances(x, answers, known[way], reader)))
        found[way] = merged(chances, EMOTIONS, coarse).argmax(1)
    found.attrs["turns"] = [(turn.start, turn.end, turn.speaker) for turn in talk.turns]
    return found


def _truth(one: Judged, talk: Talk) -> int | None:
    """The sentence that a found one shares most time with."""
    shared = [min(one.segment.end, turn.end) - max(one.segment.start, turn.start) for turn in talk.turns]
    best = int(np.argmax(shared))
    return best if shared[best] > 0 else None


def _chances(x: np.ndarray, plain: np.ndarray, voices: Sequence[str | None], reader: Reader) -> Iterator[np.ndarray]:
    """Probabilities [1, labels] of each sentence, adapted with the others of its voice; None is nobody's voice."""
    own = [Voice.of(x[[k]], softmax(plain[[k]])) for k in range(len(x))]
    for k, voice in enumerate(voices):
        others = [own[j] for j, other in enumerate(voices) if j != k and other == voice and voice is not None]
        yield (reader.voices.probabilities(x[[k]], plain[[k]], reduce(add, others)) if others else softmax(plain[[k]]))


def scores(tables: Sequence[pd.DataFrame]) -> dict[str, float]:
    """Sentences of all recordings of one kind -> the figures of a row of diarization.csv."""
    errors = DiarizationErrorRate(collar=COLLAR_S)
    parts = [errors(*_annotations(table), detailed=True) for table in tables]
    total = sum(part["total"] for part in parts)
    everything = pd.concat([table[table["speaker"].notna()] for table in tables])
    voiced = everything[everything["voice"].notna()]
    mine = voiced.groupby(["recording", "voice"])["speaker"].transform(lambda names: names.mode().iloc[0])
    true = everything["emotion"].to_numpy()
    right = [t["voice"].nunique() == len({turn[2] for turn in t.attrs["turns"]}) for t in tables]
    out = {
        "recordings": len(tables),
        "minutes": sum(max(turn[1] for turn in table.attrs["turns"]) for table in tables) / 60,
        "der": 100 * abs(errors),
        "missed": 100 * sum(part["missed detection"] for part in parts) / total,
        "false_alarm": 100 * sum(part["false alarm"] for part in parts) / total,
        "confusion": 100 * sum(part["confusion"] for part in parts) / total,
        "purity": 100 * float((mine == voiced["speaker"]).sum() / len(everything)),
        "count_right": 100 * float(np.mean(right)),
    } | {f"uar_{way}": uar(confusion(true, everything[way].to_numpy(), len(EMOTIONS))) for way in WAYS}
    return {name: round(float(value), 2) for name, value in out.items()}


def _annotations(table: pd.DataFrame) -> tuple[Annotation, Annotation]:
    """Who speaks when, in truth and as it was found."""
    true, found = Annotation(), Annotation()
    for k, (start, end, speaker) in enumerate(table.attrs["turns"]):
        true[Stretch(start, end), k] = speaker
    for k, row in enumerate(table.to_dict("records")):
        if isinstance(row["voice"], str):
            found[Stretch(row["start"], row["end"]), k] = row["voice"]
    return true, found
