"""A folder -> a small synthetic corpus in it: eight emotions spoken by eSpeak NG's voices, as WAV at 22 050 Hz.

With it, the whole toolkit can be tried, and tested, without any download; a model's score on it says nothing about
people. Emotions differ by five prosodic settings (`PROFILES`), whose directions and sizes are taken from the
literature:

- Burkhardt & Sendlmeier 2000 (ISCA Workshop on Speech and Emotion, 151-156), Cahn 1990 (J. American Voice I/O Society
  8, 1-19) and Murray & Arnott 1995 (Speech Communication 16, 369-390), all three by their rule sets as printed in
  table 1 of Schröder 2001, "Emotional speech synthesis: a review" (Eurospeech, 561-564);
- Juslin & Laukka 2003 (Psychological Bulletin 129, 770-814), for the directions of tenderness (here calm), sadness,
  anger and fear: rate, intensity, F0 level, F0 variability, high-frequency energy;
- Banse & Scherer 1996 (J. Personality and Social Psychology 70, 614-636), for the predicted directions of disgust.

Sizes without a source were chosen here, and each take differs from its profile by a seeded random amount, so that
classes overlap.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import soundfile

from intone.data.corpus import CLIP_COLUMNS, Corpus
from intone.data.espeak import Line, installed, say
from intone.data.ravdess import SENTENCES
from intone.emotions import EMOTIONS
from intone.errors import IntoneError, Missing, brought_by


@dataclass(frozen=True)
class Profile:
    """How an emotion differs from the same speaker's neutral voice."""

    rate: float
    """Words per minute, as a factor."""
    pitch: float
    """F0 level, as a factor."""
    range: float
    """F0 range, as a factor."""
    loudness: float
    """dB."""
    tilt: float
    """dB per octave above 500 Hz: negative is dull, positive bright."""
    ending: str = "."
    """Punctuation: `?` makes the contour rise."""


PROFILES: Final = {
    "neutral": Profile(1.0, 1.0, 1.0, 0, 0),
    # Juslin & Laukka's tenderness: slow, soft, low, even, little high-frequency energy.
    "calm": Profile(0.86, 0.94, 0.6, -4, -1.5),
    # Burkhardt & Sendlmeier's joy: F0 +50 %, range +100 %, tempo +30 %, stressed syllables raised.
    "happy": Profile(1.3, 1.5, 2.0, 3, 0.5, "!"),
    # Cahn's sadness: F0 0, range -5, tempo -10, loudness -5, brilliance -9, each of 10.
    "sad": Profile(0.7, 0.95, 0.5, -6, -3),
    # Murray & Arnott's anger: F0 +10 Hz, range +9 semitones, +30 words a minute, +6 dB; bright, by Juslin & Laukka.
    "angry": Profile(1.17, 1.1, 2.0, 6, 2, "!"),
    # Burkhardt & Sendlmeier's fear: F0 +150 % (eSpeak ends below +100 %), range +20 %, tempo +30 %, falsetto.
    "fearful": Profile(1.3, 1.85, 1.2, -1, -1),
    # Banse & Scherer's predictions for disgust: lower, slower, softer; the size was chosen here.
    "disgust": Profile(0.85, 0.85, 0.9, -2, 1),
    # Cahn's surprise: F0 0, range +8, tempo +4, loudness +5, steeply rising contour.
    "surprised": Profile(1.12, 1.1, 1.8, 3, 0, "?"),
}

VOICES: Final = (
    ("en-us+m1", "male"),
    ("en-us+f1", "female"),
    ("en+m3", "male"),
    ("en-us+f2", "female"),
    ("en-us+m7", "male"),
    ("en+f4", "female"),
    ("en+m2", "male"),
    ("en-us+f3", "female"),
    ("en-us+m4", "male"),
    ("en+f5", "female"),
    ("en-us+m5", "male"),
    ("en+linda", "female"),
)
"""(eSpeak voice and variant, sex) of speakers 1 to 12."""

LEVEL: Final = -26.0
"""dB of full scale, root mean square: level of a neutral clip before the changes by speaker and take."""

ROOM: Final = -68.0
"""dB of full scale: a noise floor, so that silences aren't digital zero, as in any recording."""


def make(folder: Path, speakers: int = 6, takes: int = 2, seed: int = 0) -> Corpus:
    """Render `speakers` (1 to 12) x 8 emotions x 2 sentences x `takes` clips into `folder` and return the corpus.

    The files, and their keys, are `builtin-SS/EMOTION-SENTENCE-TAKE.wav`; the same arguments give the same bytes.
    Raises Missing where eSpeak NG is not installed, IntoneError for an impossible number of speakers or takes.
    """
    if not installed():
        raise Missing(f"The built-in corpus is spoken by eSpeak NG: {brought_by('demo')}.")
    if not 1 <= speakers <= len(VOICES) or takes < 1:
        raise IntoneError(f"The built-in corpus has 1 to {len(VOICES)} speakers and 1 take or more.")
    plan = _plan(speakers, takes, seed)
    spoken, rate = say([take.line for take in plan])
    durations = [_write(take, Path(folder), pcm, rate) for take, pcm in zip(plan, spoken, strict=True)]
    rows = [{**take.labels, "duration": seconds} for take, seconds in zip(plan, durations, strict=True)]
    clips = pd.DataFrame(rows, columns=list(CLIP_COLUMNS)).sort_values("file", ignore_index=True)
    paths = {file: Path(folder) / file for file in clips["file"]}
    return Corpus("builtin", clips, paths, sentences=dict(SENTENCES))


@dataclass(frozen=True)
class _Take:
    labels: dict[str, str]
    line: Line
    loudness: float
    """dB relative to `LEVEL`."""
    tilt: float
    silence: tuple[float, float]
    """Seconds before and after the speech."""
    seed: int


def _plan(speakers: int, takes: int, seed: int) -> list[_Take]:
    """Every clip's labels, settings and random variation, which depend only on the clip's position and the seed."""
    out = []
    for s in range(speakers):
        # A speaker's own rate and pitch (log factors) and loudness (dB).
        habit = np.random.default_rng([seed, s]).normal(0, (0.06, 0.04, 1.5))
        for e, emotion in enumerate(EMOTIONS):
            for w, statement in enumerate(SENTENCES):
                for t in range(takes):
                    own = [seed, s, e, w, t]
                    out.append(_take(s, emotion, statement, t, habit, np.random.default_rng(own)))
    return out


def _take(s: int, emotion: str, statement: str, t: int, habit: np.ndarray, chance: np.random.Generator) -> _Take:
    voice, sex = VOICES[s]
    profile = PROFILES[emotion]
    strength = chance.uniform(0.4, 1.1)  # a weak take stays near neutral, so that classes overlap
    stray = chance.normal(0, (0.07, 0.05, 0.18, 1.5, 0.6))  # rate, pitch, range (log factors), loudness, tilt (dB)
    log = strength * np.log([profile.rate, profile.pitch, profile.range]) + stray[:3]
    rate, pitch, spread = np.exp(log + np.array([habit[0], habit[1], 0]))
    speaker = f"builtin-{s + 1:02d}"
    labels = {
        "file": f"{speaker}/{emotion}-{statement}-{t + 1}.wav",
        "corpus": "builtin",
        "speaker": speaker,
        "sex": sex,
        "emotion": emotion,
        "intensity": "normal",
        "statement": statement,
        "repetition": str(t + 1),
    }
    ending = profile.ending if strength > 0.6 else "."
    line = Line(
        voice=voice,
        text=SENTENCES[statement] + ending,
        rate=round(float(np.clip(175 * rate, 80, 450))),
        pitch=round(float(np.clip(50 + 50 * math.log2(pitch), 0, 99))),
        range=round(float(np.clip(50 * spread, 0, 99))),
    )
    return _Take(
        labels=labels,
        line=line,
        loudness=strength * profile.loudness + stray[3] + habit[2],
        tilt=strength * profile.tilt + stray[4],
        silence=(float(chance.uniform(0.2, 0.6)), float(chance.uniform(0.2, 0.6))),
        seed=int(chance.integers(2**31)),
    )


def _write(take: _Take, folder: Path, pcm: bytes, rate: int) -> float:
    """Write one WAV file, 16-bit mono, and return its length in seconds."""
    speech = _tilted(np.frombuffer(pcm, dtype="<i2") / 32768, take.tilt, rate)
    level = 10 ** ((LEVEL + take.loudness) / 20)
    speech *= level / np.sqrt(np.mean(speech**2))
    before, after = (round(seconds * rate) for seconds in take.silence)
    noise = np.random.default_rng(take.seed).normal(0, 10 ** (ROOM / 20), before + speech.size + after)
    noise[before : before + speech.size] += speech
    path = folder / take.labels["file"]
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.clip(noise, -1, 1), rate, subtype="PCM_16")
    return noise.size / rate


def _tilted(signal: np.ndarray, tilt: float, rate: int) -> np.ndarray:
    """`signal` with its spectrum above 500 Hz changed by `tilt` dB per octave."""
    frequency = np.fft.rfftfreq(signal.size, 1 / rate)
    octaves = np.log2(np.maximum(frequency, 500) / 500)
    return np.fft.irfft(np.fft.rfft(signal) * 10 ** (tilt * octaves / 20), signal.size)
