"""A folder with RAVDESS speech, in any of its layouts -> `Corpus`; also fetches RAVDESS.

RAVDESS: Livingstone & Russo 2018, doi 10.1371/journal.pone.0196391, https://zenodo.org/records/1188976, CC BY-NC-SA
4.0. 24 actors (odd numbers male, even female) speak two sentences twice in eight emotions, each except neutral at two
intensities: 60 clips per actor, 1440 in all.
"""

import filecmp
import os
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import pandas as pd
import soundfile

from intone.audio.clip import pcm_digest
from intone.audio.frames import MIN_CLIP_S
from intone.data.corpus import CLIP_COLUMNS, Corpus, Skipped
from intone.download import fetch, unpack
from intone.emotions import EMOTIONS
from intone.errors import BadClip, IntoneError, Missing

URL: Final = "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1"
CHECKSUM: Final = "md5:bc696df654c87fed845eb13823edef8a"
"""From the Zenodo record; for 208 468 073 bytes."""

LICENCE: Final = "CC BY-NC-SA 4.0 (RAVDESS)"
"""Of the clips, and of a model that learned from them."""

SENTENCES: Final = {"kids": "Kids are talking by the door", "dogs": "Dogs are sitting by the door"}
CLIPS: Final = 1440
INTENSITIES: Final = ("normal", "strong")

_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)", re.ASCII)
_FOLDER = re.compile(r"Actor_(\d\d)", re.ASCII)
_SUFFIXES = (".wav", ".flac")


def _folder(folder: Path | None) -> Path:
    return Path(folder or os.environ.get("INTONE_RAVDESS") or "data/ravdess").expanduser()


def find(folder: Path | None = None) -> Path:
    """The folder with RAVDESS: `folder`, else INTONE_RAVDESS, else `data/ravdess`.

    Raises Missing where that folder is not there.
    """
    place = _folder(folder)
    if not place.is_dir():
        raise Missing(f"There is no RAVDESS in {place}: `intone data get ravdess` puts it there.")
    return place


def load(folder: Path | None = None, actors: Collection[int] | None = None) -> Corpus:
    """The clip table of the RAVDESS speech below `find(folder)`, or of some of its actors (1 to 24).

    Reads the layouts of the official zip and of Kaggle's copy (in which each clip occurs twice: it is used once, and a
    line on stderr reports it), WAV or FLAC, at any rate, mono or stereo; the key is always `Actor_XX/NAME.wav`. Only
    headers are read. Files that can't be used are listed in `Corpus.skipped`. Raises Missing where no clip is left.
    """
    place = find(folder)
    skipped: list[Skipped] = []
    paths = _one_each(_candidates(place, skipped), place, skipped)
    rows = []
    for file, path in sorted(paths.items()):
        if actors is not None and int(file[6:8]) not in actors:
            continue
        try:
            rows.append({**describe(path.stem), "duration": _duration(path)})
        except BadClip as error:
            skipped.append(Skipped(file, str(error)))
    if not rows:
        raise Missing(f"No RAVDESS speech clip lies below {place}: `intone data get ravdess` fetches all 1440.")
    clips = pd.DataFrame(rows, columns=list(CLIP_COLUMNS))
    kept = {file: paths[file] for file in clips["file"]}
    return Corpus("ravdess", clips, kept, tuple(sorted(skipped, key=lambda s: s.file)), dict(SENTENCES))


def describe(name: str) -> dict[str, str]:
    """A file name without its extension, `03-01-05-02-01-01-12` -> the clip table's columns except `duration`.

    Raises BadClip where it isn't a RAVDESS name, or isn't of audio-only speech.
    """
    match = _NAME.fullmatch(name)
    if not match:
        raise BadClip("its name is not of the form 03-01-EE-II-SS-RR-AA")
    modality, channel, emotion, intensity, statement, repetition, actor = map(int, match.groups())
    if (modality, channel) != (3, 1):
        raise BadClip("its name says that it is not audio-only speech (03-01)")
    limits = ((emotion, 8), (intensity, 2), (statement, 2), (repetition, 2), (actor, 24))
    if not all(1 <= value <= top for value, top in limits) or (emotion, intensity) == (1, 2):
        raise BadClip("its name holds a number that RAVDESS does not use")
    return {
        "file": f"Actor_{actor:02d}/{name}.wav",
        "corpus": "ravdess",
        "speaker": f"ravdess-{actor:02d}",
        "sex": "male" if actor % 2 else "female",
        "emotion": EMOTIONS[emotion - 1],
        "intensity": INTENSITIES[intensity - 1],
        "statement": tuple(SENTENCES)[statement - 1],
        "repetition": str(repetition),
    }


def _candidates(place: Path, skipped: list[Skipped]) -> Iterator[tuple[str, Path]]:
    """(key, path) of every file with a RAVDESS name, shallow paths first; others are added to `skipped`."""
    for path in sorted(place.rglob("*"), key=lambda p: (len(p.parts), p)):
        actor = _FOLDER.fullmatch(path.parent.name)
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix.lower() not in _SUFFIXES:
            if actor:
                skipped.append(Skipped(str(path.relative_to(place)), "it is neither WAV nor FLAC"))
            continue
        try:
            file = describe(path.stem)["file"]
            if actor and not file.startswith(f"{path.parent.name}/"):
                raise BadClip(f"it lies in {path.parent.name}, and its name says actor {path.stem[-2:]}")
        except BadClip as error:
            skipped.append(Skipped(str(path.relative_to(place)), str(error)))
            continue
        yield file, path


def _one_each(found: Iterator[tuple[str, Path]], place: Path, skipped: list[Skipped]) -> dict[str, Path]:
    """Key -> one path; a second file with the same content is dropped, one with other content is added to `skipped`."""
    paths: dict[str, Path] = {}
    again = 0
    for file, path in found:
        if file not in paths:
            paths[file] = path
        elif _same(paths[file], path):
            again += 1
        else:
            reason = f"it differs from {paths[file].relative_to(place)}, which has the same name"
            skipped.append(Skipped(str(path.relative_to(place)), reason))
    if again:
        print(f"{place} holds {again} clips twice, with the same content: each is used once.", file=sys.stderr)
    return paths


def _same(one: Path, other: Path) -> bool:
    if one.suffix.lower() == other.suffix.lower():
        return filecmp.cmp(one, other, shallow=False)
    try:
        return pcm_digest(one) == pcm_digest(other)
    except BadClip:
        return False


def _duration(path: Path) -> float:
    """Length in seconds, from the header alone."""
    if path.stat().st_size == 0:
        raise BadClip("it is empty")
    try:
        header = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise BadClip("it is not audio, whatever its name says") from error
    seconds = header.frames / header.samplerate
    if seconds < MIN_CLIP_S:
        raise BadClip(f"it lasts {seconds:.3f} s, less than {MIN_CLIP_S:g} s")
    return seconds


def get(folder: Path | None = None, archive: Path | None = None) -> Path:
    """Put all of RAVDESS's speech into `folder` (else INTONE_RAVDESS, else `data/ravdess`) and return that folder.

    Fetches the official zip (208 MB) from Zenodo, resuming an earlier download, checks its md5, unpacks the clips as
    `Actor_XX/NAME.wav` (591 MB) and removes the zip. With `archive`, unpacks that local zip (the official one or
    Kaggle's) instead and keeps it. Without `archive`, does nothing where all 1440 clips are there already. Raises
    IntoneError where it fails; `ravdess_check.check` tells afterwards whether every sample is the published one.
    """
    place = _folder(folder)
    if archive is None and place.is_dir() and len({file for file, _ in _candidates(place, [])}) == CLIPS:
        return place
    source = archive or fetch(URL, place / "Audio_Speech_Actors_01-24.zip", CHECKSUM)
    written = unpack(Path(source), place, _place)
    if not written:
        raise IntoneError(f"{source} holds no RAVDESS speech clip.")
    if archive is None:
        source.unlink()
    return place


def _place(member: str) -> str | None:
    """A zip member's name -> its path in the folder, or None if it isn't a clip (macOS's `._` files, readmes)."""
    path = Path(member)
    if path.suffix.lower() not in _SUFFIXES:
        return None
    try:
        return str(Path(describe(path.stem)["file"]).with_suffix(path.suffix.lower()))
    except BadClip:
        return None
