"""An uploaded recording -> the files that `intone analyze -o` writes for it, or an error; runs in the child.

Of one sentence it can also be asked which parts of it decided.

Paths in sentences are replaced by the client's name for the recording; seconds are of decoded sound.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import soundfile

from intone.audio.frames import SAMPLE_RATE
from intone.audio.readers.sound import Sound
from intone.audio.recording import Recording
from intone.errors import BadClip, IntoneError
from intone.inference.analyzer import Analyzer
from intone.inference.formats import FORMATS
from intone.inference.formats.tables import segment_dict
from intone.inference.saliency import saliency
from intone.inference.serve.job import LEFT, Answer, Facts, Job, Progress
from intone.inference.speakers import Speakers

UNKNOWN_FRAMES: Final = 1 << 40
"""libsndfile's number of frames is larger than this where a header announces none."""


class Left(IntoneError):
    """The client of this recording has disconnected."""


class TooLong(BadClip):
    """A recording that is longer than the service accepts."""


MAX_SENTENCE_S: Final = 30.0
"""Seconds of a sentence that is explained: its parts are asked about one after the other, which takes half a minute."""

Step: TypeAlias = Callable[[Progress], None]
"""Called every few seconds of sound; it may raise `Left` to end the work."""


def bounded(recording: Recording, longest: float, step: Step) -> Recording:
    """A recording of which `longest` seconds may be decoded (else TooLong); each of its blocks is a step."""

    def counted(blocks: Iterator[np.ndarray], rate: int) -> Iterator[np.ndarray]:
        samples = 0
        for block in blocks:
            samples += len(block)
            step(Progress(seconds=samples / rate))
            if samples > longest * rate:
                raise too_long(recording.name, longest)
            yield block

    def source() -> Sound:
        sound = recording.source()
        sound.blocks = counted(sound.blocks, sound.rate)
        return sound

    return replace(recording, source=source)


def too_long(name: str, longest: float) -> TooLong:
    """The error for a recording of more than `longest` seconds."""
    return TooLong(f"{name} lasts longer than {longest:g} s: send it in parts.")


def announced(path: Path) -> float | None:
    """Seconds of sound by the header, where libsndfile reads one."""
    try:
        found = soundfile.info(str(path))
    except (OSError, RuntimeError, TypeError):  # TypeError: raw samples, which have no header
        return None
    return float(found.duration) if 0 < found.frames < UNKNOWN_FRAMES else None


def done(analyzer: Analyzer, job: Job, longest: float, step: Step) -> Answer:
    """The answer to a job; `step` is also told each sentence as it is found."""
    whole = Recording.of_file(job.path, job.name, job.track)
    recording = bounded(whole, longest, step)
    try:
        if job.explained is not None:
            return explained(analyzer, whole, job.explained, step)
        length = announced(job.path)
        if length and length > longest:
            # A header may lie: only what can be decoded counts, and decoding alone is far faster than an analysis.
            for _ in bounded(whole, longest, lambda progress: step(Progress())).source().blocks:
                pass
        elif length:
            step(Progress(length=length))
        analysis = asked(analyzer, job).analysis(
            recording, lambda: step(Progress()), lambda segment: step(Progress(segment=segment_dict(segment)))
        )
        return Answer({format: FORMATS[format].encoded(analysis) for format in job.formats})
    except Left:
        return Answer(status=499, problem=f"Nobody waits for {job.name} any more.")
    except IntoneError as problem:
        status = 413 if isinstance(problem, TooLong) else 422
        return Answer(status=status, problem=str(problem).replace(str(job.path), job.name))
    except Exception as problem:
        kind = type(problem).__name__
        detail = f"{job.name} ({kind}: {problem}); please report this."
        return Answer(status=500, problem=f"{job.name} can't be analysed ({kind}): please report this.", detail=detail)


def explained(analyzer: Analyzer, sentence: Recording, emotion: str, step: Step) -> Answer:
    """Which parts of a sentence speak for an emotion, as JSON. Raises TooLong for more than a sentence."""
    blocks = bounded(sentence, MAX_SENTENCE_S, step).blocks()
    found = saliency(analyzer.model, np.concatenate(list(blocks)), emotion, lambda: step(Progress()))
    most = found.most()
    rounded = {name: np.round(getattr(found, name), 4).tolist() for name in ("probability", "times", "bands", "falls")}
    block = {name: round(end, 4) for name, end in asdict(most).items()} if most else None
    told = {"emotion": found.emotion, **rounded, "most": block}
    return Answer({"json": json.dumps(told).encode()})


def asked(analyzer: Analyzer, job: Job) -> Analyzer:
    """The analyzer with a job's settings. Raises IntoneError for a language that this Whisper doesn't know."""
    language = analyzer.language
    if job.language is not None and analyzer.whisper:
        analyzer.whisper.check_language(job.language)
        language = job.language
    speakers = analyzer.speakers
    if job.speakers is not None:
        speakers = Speakers(job.speakers, only=speakers.only)
    words = analyzer.whisper if job.text else None
    return Analyzer(analyzer.model, words, language, speakers, analyzer.known, analyzer.encoder)


class Line:
    """The child's end of the pipe to the service; an analysis has two threads, and both take steps."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe, self.lock, self.left = pipe, threading.Lock(), False

    def job(self) -> Job:
        """The next job; a late message about the job before is ignored."""
        while not isinstance(job := self.pipe.recv(), Job):
            pass
        self.left = False
        return job

    def step(self, progress: Progress) -> None:
        """Report progress; raises Left where the client has disconnected."""
        with self.lock:
            if not self.left and self.pipe.poll():
                self.left = self.pipe.recv() == LEFT
            if self.left:
                raise Left("Nobody waits any more.")
            self.pipe.send(progress)


def facts(analyzer: Analyzer) -> Facts:
    """The model and options that an analyzer has loaded."""
    card = analyzer.model.card
    told = {
        "labels": list(card.labels),
        "languages": list(card.languages),
        "trained_on": card.trained_on,
        "sampling_rate": SAMPLE_RATE,
        "made_by": f"intone {card.version}",
        "unsure_below": card.unsure,
        "scores": dict(card.scores),
        "scores_with_words": dict(card.reading.scores) if card.reading else {},
        "facts": card.facts(),
        "adapts": analyzer.model.voices is not None,
    }
    return Facts(analyzer.model.name, card.licence, analyzer.whisper is not None, told)


def work(make: Callable[[], Analyzer], longest: float, pipe: Connection) -> None:
    """The child's main function: send what was loaded, or the IntoneError why not; then answer job after job."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        analyzer = make()
        warm(analyzer)
    except IntoneError as problem:
        pipe.send(problem)
        return
    pipe.send(facts(analyzer))
    _hush()
    line = Line(pipe)
    while True:
        pipe.send(done(analyzer, line.job(), longest, line.step))


def warm(analyzer: Analyzer) -> None:
    """Load now what is otherwise loaded at first use, so that no recording waits for it."""
    silence = np.zeros(SAMPLE_RATE, np.float32)
    analyzer.signal(silence, SAMPLE_RATE)
    if analyzer.whisper:
        analyzer.whisper.languages(silence)


def _hush() -> None:
    """Silence decoders, which write warnings to the terminal past Python; what matters of them is in the answer."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nowhere, output)
    os.close(nowhere)


def _end_with_parent() -> None:
    """End this child when its parent was killed, which can't end it any more; so its memory is freed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
