"""A recording + a model file, and Whisper where words are wanted -> an `Analysis`; needs no training library."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import IO, Self, TypeAlias, cast

import numpy as np
import pandas as pd

from intone.asr.languages import Language, code
from intone.asr.sentences import text_of
from intone.asr.whisper import Whisper
from intone.audio import conditions
from intone.audio.account import Account, joined, union
from intone.audio.addresses import fetched, is_address
from intone.audio.frames import SAMPLE_RATE, SILENT_PEAK
from intone.audio.readers.sound import Sound
from intone.audio.recording import Recording, recordings
from intone.audio.spool import name_of, spooled
from intone.errors import BadClip, IntoneError
from intone.inference import adaptation, ood
from intone.inference.blas import one_thread
from intone.inference.diarization import WEIGHTS, SpeakerEncoder
from intone.inference.found import Channel, Found, Judged
from intone.inference.heard import everything, sentences, wordless
from intone.inference.meter import Meter
from intone.inference.model import Model, Prediction
from intone.inference.result import UNSURE, Analysis, Segment, Segments, curve, table
from intone.inference.speakers import AUTO, NONE, ONE, Part, Speakers
from intone.inference.voice import Voice
from intone.inference.voice_change import changes
from intone.progress import say

Source: TypeAlias = str | os.PathLike[str] | bytes | IO[bytes]
"""A path, or an address such as s3://; the bytes of a file; an object that reads them."""


class Analyzer:
    """Analyses recordings; the same sound gives the same result from any kind of source, in any thread or process.

    It can be pickled, and used in a forked process: model and Whisper are loaded again there at their next use.
    """

    def __init__(
        self,
        model: Model,
        whisper: Whisper | None = None,
        language: str | None = None,
        speakers: Speakers = Speakers(),  # noqa: B008 - it can't be changed
        known: Mapping[str, Voice] = MappingProxyType({}),
        encoder: SpeakerEncoder | None = None,
        whole: bool = False,
        dimensions: Model | None = None,
    ) -> None:
        """`whisper` None: no words; `language` None: detected; `speakers`: what is known of who speaks; `known`: voices
        that are known before, by the names that `speakers` gives; `encoder` tells voices apart where `speakers` is
        `auto`; `whole`: each recording is one segment from start to end; `dimensions` rates them too.
        Raises IntoneError where the encoder is needed and not given."""
        if speakers.way == AUTO and encoder is None:
            raise IntoneError(f"--speakers auto needs weights that tell voices apart: `intone models get {WEIGHTS}`.")
        self.encoder, self.whole, self.dimensions = encoder, whole, dimensions
        self.model, self.whisper, self.speakers, self.known = model, whisper, speakers, dict(known)
        self.language = code(language) if language else None

    def file(self, file: Source, name: str | None = None, track: int | None = None) -> Segments:
        """The segments of one recording: a path, an open file (`rb`) or other reader of bytes, or a file's bytes.

        An open file is read from its position to its end, and is back at its position afterwards if it is seekable. The
        key of the segments is `name`, else the path, or the open file's name. Of several sound tracks number `track` is
        analysed, counted from 1, or without it the default one. Raises BadClip for a recording that can't be analysed,
        IntoneError for any other object.
        """
        if isinstance(file, str) and is_address(file):
            with fetched(file) as path:
                return self.analysis(Recording.of_file(path, name or file, track)).segments
        if isinstance(file, (str, os.PathLike)):
            return self.analysis(Recording.of_file(os.fsdecode(file), name, track)).segments
        if not isinstance(file, (bytes, bytearray, memoryview)) and not hasattr(file, "read"):
            raise IntoneError(f"A recording is a path, an open file or bytes, and this is {type(file).__name__}.")
        name = name or name_of(file)
        with spooled(file, name) as path:
            return self.analysis(Recording.of_file(path, name, track)).segments

    def files(self, files: Source | Iterable[Source]) -> Segments:
        """The segments of all files, or of a single one; a bad one is named on stderr and left out.

        Raises IntoneError if all are bad.
        """
        found, bad = [], 0
        alone = isinstance(files, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(files, "read")
        for file in cast("Iterable[Source]", [files] if alone else files):
            try:
                found.append(self.file(file))
            except BadClip as problem:
                say(f"left out: {problem}")
                bad += 1
        if bad and not found:
            raise IntoneError(f"None of the {bad} files could be analysed.")
        return Segments(pd.concat(found)) if found else table("", [])

    def folder(self, path: Path | str) -> Segments:
        """The segments of all recordings in a folder and those below it."""
        return self.files(recordings(Path(path)))

    def signal(self, samples: np.ndarray, sampling_rate: float, name: str = "signal") -> Segments:
        """Segments of samples [samples] or [samples, channels] at `sampling_rate` Hz, a whole number of any type."""
        return self.analysis(Recording.of_signal(samples, sampling_rate, name)).segments

    @one_thread()
    def judged(self, part: Part) -> list[Judged]:
        """The segments of a recording, or of a channel of one, without speakers and not adapted. Raises BadClip."""
        return list(self._judged(Meter(), part.recording.sound().blocks, Language(self.language), part.recording.name))

    @one_thread()
    def analysis(
        self,
        recording: Recording,
        heed: Callable[[], None] = lambda: None,
        told: Callable[[Segment], None] = lambda segment: None,
    ) -> Analysis:
        """Everything about one recording; `heed` is called every few seconds of it, and may raise to end it.

        `told` is called with each sentence as it is found, before its speaker is known and it is adapted.

        Raises BadClip where it can't be analysed.
        """
        parts, notes = self.speakers.parts(recording)
        language = Language(self.language)
        channels = [self._channel(part, heed, told, language) for part in parts]
        meter, sound = Meter.of_all([channel.meter for channel in channels]), channels[0].sound
        judged, more = self._adapted([one for channel in channels for one in channel.judged])
        account = self._account(meter, sound, [j.segment for j in judged])
        spoken = language.known if self.whisper else None
        card = self.model.card
        middles = [float(j.found.begin + m) for j in judged for m in j.prediction.middles]
        found = Analysis(
            recording.name,
            meter.samples / SAMPLE_RATE,
            self.model.name,
            spoken,
            table(recording.name, [j.segment for j in judged], card.labels, self._rated_names),
            curve(recording.name, middles, [row for j in judged for row in j.prediction.windows], card.labels),
            (
                *dict.fromkeys(note for channel in channels for note in channel.sound.notes),
                *notes,
                *more,
                *([] if judged else [_no_speech(account, meter.heights)]),
                *ood.strangeness([j.measured for j in judged], card.known, spoken, card.languages),
            ),
            meter.heights,
            recording.blocks,
            meter.costs,
            account,
            tuple(len(j.prediction.middles) for j in judged),
            recording.begin if recording.excerpt else None,
        )
        return found.moved(recording.begin)

    def of_voice(self, speaker: str) -> Self:
        """The same for recordings in which only this person speaks; models are shared."""
        made = copy(self)
        made.speakers = Speakers(ONE, only=speaker)
        return made

    def _channel(
        self, part: Part, heed: Callable[[], None], told: Callable[[Segment], None], language: Language
    ) -> Channel:
        """All of a part's segments, with their speakers, not adapted yet."""
        meter, sound = Meter(heed=heed), part.recording.sound()
        judged = []
        for one in self._judged(meter, meter.along(sound.blocks), language, part.recording.name):
            told(one.segment)
            judged.append(one)
        return Channel(meter, sound, self.speakers.named(part, judged))

    def _adapted(self, judged: Sequence[Judged]) -> tuple[list[Judged], list[str]]:
        """Segments by time, each predicted given the others of its voice, and sentences about voices without any."""
        judged = sorted(judged, key=lambda one: one.segment.start)
        names = [one.segment.speaker for one in judged]
        predictions = adaptation.adapted(self.model, [one.prediction for one in judged], names, self.known)
        out = [
            replace(one, prediction=new, segment=self._segment(one.found, one.segment, new))
            for one, new in zip(judged, predictions, strict=True)
        ]
        return out, adaptation.told(self.model, names, self.known) if self.speakers.asked else []

    def _account(self, meter: Meter, sound: Sound, segments: Sequence[Segment]) -> Account:
        """How each second was used: all that isn't left out was analysed."""
        length, left_out = meter.samples / SAMPLE_RATE, joined(sound.left_out)
        silent = [s for s in segments if not s.text] if self.whisper else []
        spoken, without = (union((s.start, s.end) for s in some) for some in (segments, silent))
        return Account(length, length - sum(part.seconds for part in left_out), spoken, without, tuple(left_out))

    def _judged(self, meter: Meter, blocks: Iterator[np.ndarray], language: Language, name: str) -> Iterator[Judged]:
        """Segments in order. While Whisper transcribes one stretch, the emotion of the one before is predicted."""
        if self.whole:
            found = [everything(meter, self.whisper, blocks, language, name)]
            yield from meter.timed("emotion", self._judge, found)
            return
        if self.whisper is None:
            for found in wordless(blocks):
                yield from meter.timed("emotion", self._judge, found)
            return
        with ThreadPoolExecutor(1) as pool:
            waiting: Future[list[Judged]] | None = None
            for found in sentences(meter, self.whisper, blocks, language):
                job = pool.submit(meter.timed, "emotion", self._judge, found)
                if waiting:
                    yield from waiting.result()
                waiting = job
            if waiting:
                yield from waiting.result()

    def _judge(self, segments: Sequence[Found]) -> list[Judged]:
        """Segments -> their emotions; a segment of pure silence is dropped."""
        out = []
        for found in segments:
            try:
                out.append(self._with_parts(found))
            except BadClip:
                continue
        return out

    def _with_parts(self, found: Found) -> Judged:
        """A segment's emotion, and those of its parts where another voice may begin inside of it."""
        whole = self._one(found)
        if self.speakers.way != AUTO or self.encoder is None:
            return whole
        parts = found.cut(changes(self.encoder, found.sound))
        try:
            return replace(whole, parts=tuple(map(self._one, parts)) if len(parts) > 1 else ())
        except BadClip:  # a part is silent: then it is no voice
            return whole

    def _one(self, found: Found) -> Judged:
        """A segment's emotion. Raises BadClip where it is silent from start to end."""
        text = text_of(found.words)
        prediction = self.model.predict(found.sound, text if found.language == self.model.card.language else "")
        if self.speakers.way == NONE or self.model.voices is None:
            prediction = replace(prediction, embedding=prediction.embedding[:0])  # embeddings are large
        measured = {**conditions.measures(found.sound), "distance": prediction.distance}
        voiceprint = self._voiceprint(found.sound)
        rated = self.dimensions.rated(found.sound) if self.dimensions else {}
        segment = self._segment(found, Segment(found.start, found.end, {}, "", text, dimensions=rated), prediction)
        # Not even an empty view: it would keep the whole chapter in memory.
        return Judged(replace(found, sound=np.zeros(0, np.float32)), segment, prediction, measured, voiceprint)

    def _voiceprint(self, sound: np.ndarray) -> np.ndarray:
        if self.speakers.way != AUTO or self.encoder is None:
            return np.zeros(0, np.float32)
        return self.encoder.embedding(sound)

    @property
    def _rated_names(self) -> tuple[str, ...]:
        return self.dimensions.card.labels if self.dimensions else ()

    def _segment(self, found: Found, known: Segment, prediction: Prediction) -> Segment:
        """A segment with this prediction; its words, speaker and ratings are those that are `known`."""
        labels = self.model.card.labels

        def named(probabilities: np.ndarray) -> dict[str, float]:
            return dict(zip(labels, map(float, probabilities), strict=True))

        return Segment(
            round(found.start, 3),
            round(found.end, 3),
            named(prediction.probabilities),
            labels[int(prediction.probabilities.argmax())] if prediction.sure else UNSURE,
            known.text,
            found.words,
            named(prediction.audio),
            {} if prediction.sentence is None else named(prediction.sentence),
            found.language,
            known.speaker,
            prediction.known,
            known.dimensions,
        )


def _no_speech(account: Account, heights: np.ndarray) -> str:
    """A possible reason why there is no segment; `heights` is the largest amplitude of each 10 ms."""
    loudest = float(heights.max(initial=0))
    level = (
        f"the loudest sound reaches {20 * np.log10(loudest):.0f} dB of full scale"
        if loudest > SILENT_PEAK
        else "silence"
    )
    return f"No speech was found in the {account.heard:.1f} s that were heard: {level}."
