"""A folder with RAVDESS -> `Report`: clips missing, foreign, unreadable or altered, compared with the published ones.

The committed `ravdess_pcm.csv` holds a sha256 of every published clip's samples (`intone.audio.clip.pcm_digest`), so
that WAV and lossless FLAC copies give the same result.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from intone.audio.clip import samples_digest
from intone.audio.decoding import decode, opened
from intone.data.corpus import Skipped
from intone.data.ravdess import find, load
from intone.emotions import EMOTIONS
from intone.errors import BadClip

MANIFEST_COLUMNS: Final = ("file", "sha256", "samples", "channels", "rate")

CLIPS_PER_ACTOR: Final = 60
EMOTION_CLIPS: Final = {emotion: 96 if emotion == "neutral" else 192 for emotion in EMOTIONS}
"""Neutral has one intensity, all others two."""

TWINS: Final = ("Actor_07/03-01-03-01-02-01-07.wav", "Actor_07/03-01-03-01-02-02-07.wav")
"""Published with identical samples, as two repetitions: a fold that separated them would leak."""

STEREO: Final = (
    "Actor_01/03-01-02-01-01-02-01.wav",
    "Actor_01/03-01-08-01-02-02-01.wav",
    "Actor_05/03-01-02-01-02-02-05.wav",
    "Actor_20/03-01-03-01-02-01-20.wav",
    "Actor_20/03-01-06-01-01-02-20.wav",
)
"""Published with two channels; all others have one."""


@dataclass(frozen=True)
class Report:
    """What `check` found; every list names clips by their key, and for a complete corpus all four are empty."""

    folder: Path
    counts: dict[str, int]
    """Emotion -> clips found."""
    missing: tuple[str, ...]
    """Published, but not in the folder."""
    foreign: tuple[Skipped, ...]
    """In the folder, but not a clip of RAVDESS's speech set."""
    unreadable: tuple[Skipped, ...]
    """Empty, truncated or not audio."""
    altered: tuple[Skipped, ...]
    """Readable, but not as published: resampled, converted, cut or filtered."""

    @property
    def whole(self) -> bool:
        """Whether all 1440 clips are there, sample by sample as published, and nothing else."""
        return not (self.missing or self.foreign or self.unreadable or self.altered)

    def lines(self, most: int = 10) -> list[str]:
        """The report as text, one finding per line, at most `most` clips of each kind by name."""
        total = sum(self.counts.values())
        shares = ", ".join(f"{emotion} {self.counts[emotion]}/{n}" for emotion, n in EMOTION_CLIPS.items())
        out = [f"{self.folder}: {total} of {sum(EMOTION_CLIPS.values())} clips ({shares})."]
        out += _named("missing", _by_actor(self.missing), most, len(self.missing))
        out += _named("foreign", self.foreign, most)
        out += _named("unreadable", self.unreadable, most)
        out += _named("altered", self.altered, most)
        if self.whole:
            out.append("Every sample is as published (Zenodo record 1188976).")
        out.append(f"Published so: {' and '.join(TWINS)} are the same recording.")
        out.append(f"Published so: {', '.join(STEREO)} are stereo.")
        return out


def check(folder: Path | None = None) -> Report:
    """Decode every clip below `folder` and compare it with what was published; takes some seconds.

    Raises Missing where there is no RAVDESS at all; everything else is in the report.
    """
    corpus = load(folder)
    published = {row["file"]: row for row in manifest().to_dict("records")}
    files = sorted(corpus.paths)
    with ThreadPoolExecutor() as pool:
        verdicts = list(pool.map(lambda file: _verdict(corpus.paths[file], published[file]), files))
    found = {file: verdict for file, verdict in zip(files, verdicts, strict=True) if verdict}
    broken = [s for s in corpus.skipped if s.file in published]
    return Report(
        folder=find(folder),
        counts={emotion: int((corpus.clips["emotion"] == emotion).sum()) for emotion in EMOTIONS},
        missing=tuple(sorted(set(published) - set(files) - {s.file for s in broken})),
        foreign=tuple(s for s in corpus.skipped if s.file not in published),
        unreadable=(*broken, *(Skipped(f, why) for f, (kind, why) in found.items() if kind == "unreadable")),
        altered=tuple(Skipped(f, why) for f, (kind, why) in found.items() if kind == "altered"),
    )


def manifest() -> pd.DataFrame:
    """The published clips, one per row: file, sha256, samples, channels, rate (Hz)."""
    with resources.files("intone.data").joinpath("ravdess_pcm.csv").open(encoding="utf-8") as f:
        return pd.read_csv(f)


def manifest_of(folder: Path, paths: Sequence[Path]) -> pd.DataFrame:
    """The manifest of any clips below `folder`; the committed one was made with this from the published zip."""
    rows = []
    for path in sorted(paths):
        samples, rate = decode(path)
        file = path.relative_to(folder).with_suffix(".wav").as_posix()
        rows.append((file, samples_digest(samples, rate), *samples.shape, rate))
    return pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS))


def _verdict(path: Path, published: Mapping[Hashable, Any]) -> tuple[str, str] | None:
    """(kind, reason) of what is wrong with one clip, or None."""
    try:
        sound = opened(path)
        samples, rate = np.concatenate(list(sound.blocks)), sound.rate
    except BadClip as error:
        return "unreadable", str(error)
    if sound.notes:
        return "unreadable", " ".join(sound.notes)
    if samples_digest(samples, rate) == published["sha256"]:
        return None
    expected = (int(published["samples"]), int(published["channels"]), int(published["rate"]))
    for have, want, what in zip((*samples.shape, rate), expected, ("samples", "channels", "Hz"), strict=True):
        if have != want:
            return "altered", f"{have} {what}, published with {want}"
    return "altered", "as long as published, with other samples"


def _by_actor(files: Sequence[str]) -> list[Skipped]:
    """Clips by name, after one entry for each actor without any clip."""
    per_actor = Counter(file.split("/")[0] for file in files)
    gone = [actor for actor, count in per_actor.items() if count == CLIPS_PER_ACTOR]
    some = [file for file in files if file.split("/")[0] not in gone]
    return [Skipped(actor, f"all {CLIPS_PER_ACTOR} clips") for actor in gone] + [Skipped(file, "") for file in some]


def _named(kind: str, clips: Sequence[Skipped], most: int, total: int | None = None) -> list[str]:
    if not clips:
        return []
    out = [f"{len(clips) if total is None else total} {kind}:"]
    out += [f"  {clip.file}{': ' if clip.reason else ''}{clip.reason}" for clip in clips[:most]]
    return out + ([f"  and {len(clips) - most} more"] if len(clips) > most else [])
