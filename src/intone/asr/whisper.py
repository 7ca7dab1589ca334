"""Speech (mono float32 at 16 kHz) -> its words, their times and its language, by Whisper; no speech gives no words."""

import os
import threading
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from intone import weights
from intone.asr.alignment import Word, aligned, natural
from intone.asr.said import Said, compression, says_again
from intone.asr.windows import HINT_CLIP_S, HINT_WINDOW_S, SHORT_CLIP_S, SHORT_WINDOW_S, WINDOW_S, window_of
from intone.audio.frames import SAMPLE_RATE
from intone.audio.segments import MAX_STRETCH_S
from intone.audio.vad import VadSettings, speech_spans
from intone.cache import file_digest
from intone.device import CPU, words_on
from intone.errors import IntoneError, Missing
from intone.per_process import PerProcess, in_a_thread

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

FRAMES_PER_SECOND: Final = 100
"""Whisper's mel frames are 10 ms apart."""

TOKENS_PER_SECOND: Final = 8
"""Most tokens per second; fast English has six, and with more than this Whisper repeats itself."""

MAX_TOKENS: Final = 224
"""Half of Whisper's text context of 448; the other half is for a prompt."""

HINT_TOKENS: Final = 3
"""Tokens from which a quick try hints at words. Of 229 stretches in which the voice activity detector found hardly any
speech, 219 had fewer, and no words in a whole try either; the two with words had more."""

AT_ONCE: Final = 4
"""Most stretches that are transcribed at the same time: each keeps its encoder's output in memory."""

TEMPERATURES: Final = (0.4, 0.8)
"""Sampling temperatures of the second try, in turn."""


@dataclass(frozen=True)
class Whisper:
    """OpenAI's Whisper (Radford et al. 2023) through faster-whisper, 8-bit on the CPU, greedy and so repeatable.

    Whisper writes words for noise too. So Silero's voice activity detector must detect speech first, and Whisper's
    probability of its words must be about as high as for real ones; otherwise the result is "". On 280 RAVDESS clips a
    beam of 5 got as many sentences right as the greedy search, a tenth slower; `intone analyze` of 240 others has 2.2 %
    of the words wrong, and 3.7 % with that beam. On 282 s of German it has 729 of 830 words right, and 743 with the
    beam.
    """

    model: str | Path = "whisper-base"
    """A name that `intone models list` knows, or a folder with a CTranslate2 Whisper."""
    language: str = "en"
    """Whisper's code: en, de, es …"""
    beam: int = 1
    """Hypotheses kept at each step."""
    voice: float = 0.3
    """Silero's probability above which a 32 ms step is speech. Its own 0.5 misses loud, angry speech."""
    shortest_voice: float = 0.15
    """Seconds; less speech than this counts as none."""
    lowest_log_probability: float = -1.2
    """Lowest mean over tokens. Correct RAVDESS sentences lie above -0.6; coughs, saws and barks mostly below -1.3."""
    highest_compression: float = 2.4
    """Highest `compression` of a text, Whisper's own limit: above it, Whisper mostly repeats itself."""
    threads: int = 0
    """CPU threads; 0 means one per core."""
    hotwords: str = ""
    """Names and terms that may be said, as Whisper should spell them; they stand before each stretch as its context."""
    device: str = CPU
    """A name of `--device` (device.py)."""

    @cached_property
    def folder(self) -> Path:
        """The weights' folder. Raises Missing where they aren't there, IntoneError for a folder of something else."""
        own = Path(self.model)
        if own.is_dir() and not (own / "model.bin").is_file():
            raise IntoneError(f"{own} holds no Whisper for CTranslate2 (model.bin is not there): name its folder.")
        known = [name for name in weights.known() if name.startswith("whisper")]
        if not own.is_dir() and str(self.model) not in known:
            raise IntoneError(
                f"There is no Whisper {str(self.model)!r}: choose {' or '.join(known)}, or name the folder of another "
                "that was converted for CTranslate2 (it holds a model.bin), such as ./faster-whisper-large-v3."
            )
        return own if own.is_dir() else weights.find(str(self.model))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The weights' sha256 and all settings that change the words, so not the number of threads."""
        fields = ("language", "beam", "voice", "shortest_voice", "lowest_log_probability", "highest_compression")
        own = {name: getattr(self, name) for name in fields}
        windows = [WINDOW_S, SHORT_WINDOW_S, SHORT_CLIP_S, MAX_STRETCH_S, TOKENS_PER_SECOND, MAX_TOKENS]
        # What is left at its default isn't named, so that transcripts made before there was a choice stay valid.
        asked = {"hotwords": self.hotwords} if self.hotwords else {}
        asked |= {"device": where} if (where := self._place[0]) != CPU else {}
        digest = file_digest(self.folder / "model.bin")
        return {"backend": "whisper", "weights": digest, "windows": windows, **own, **asked}

    def words(self, signal: np.ndarray) -> str:
        """Mono float32 at 16 kHz, shape (samples,), of any length -> what was said; "" where nobody speaks."""
        parts = [self._decode(signal[start:end]) for start, end in self._stretches(signal)]
        return " ".join(part for part in parts if part)

    def _stretches(self, signal: np.ndarray) -> list[tuple[int, int]]:
        """(start, end) in samples, each at most `WINDOW_S` long, that hold all the speech; none where there is none."""
        vad = VadSettings(self.voice, MAX_STRETCH_S, self.shortest_voice, min_silence_s=0.5, margin_s=0.4)
        found = speech_spans(signal, vad)
        if found and len(signal) <= WINDOW_S * SAMPLE_RATE:
            return [(0, len(signal))]
        out: list[tuple[int, int]] = []
        for start, end in found:
            if out and end - out[-1][0] <= MAX_STRETCH_S * SAMPLE_RATE:
                start = out.pop()[0]
            out.append((start, end))
        return out

    def _decode(self, signal: np.ndarray) -> str:
        """One stretch of at most 30 s -> its words, or "" where their probability is too low or Whisper repeats
        itself."""
        said = self._said(signal)
        return said.text if said else ""

    def timed_words(self, signal: np.ndarray) -> list[Word]:
        """One stretch of at most 30 s -> its words with their times in it (s); none where `words` has none."""
        said = self._said(signal)
        return self._timed(said, signal) if said else []

    def sampled_words(self, signal: np.ndarray) -> list[Word]:
        """One stretch -> its words with their times (s), for where `timed_words` finds no plausible ones.

        Tokens are sampled at rising temperatures, as in Whisper's own fallback, until the words are plausible; there
        are none where they never are. The same signal always gives the same words.
        """
        from ctranslate2 import set_random_seed
        from ctranslate2.models import Whisper as Weights

        set_random_seed(0)
        # A thread of CTranslate2 reads the seed once, when it first samples: only new threads give the same samples.
        device, numbers = self._place
        load = partial(Weights, str(self.folder), device=device, compute_type=numbers, intra_threads=self._threads)
        fresh = in_a_thread(load)
        window = self._keep(signal)
        for temperature in TEMPERATURES:
            said = self._generate(signal, window, temperature, fresh)
            words = self._timed(said, signal) if self._believed(said, loops=True) else []
            if natural(words):
                return words
        return []

    def _timed(self, said: Said, signal: np.ndarray) -> list[Word]:
        return aligned(self._model, self._tokenizer, said.tokens, said.encoded, len(signal))

    def hints(self, signal: np.ndarray) -> bool:
        """Whether a quick, rough try finds something like words; True, untried, for a sound that is too long for it."""
        if len(signal) > HINT_CLIP_S * SAMPLE_RATE:
            return True
        return len(self._generate(signal, HINT_WINDOW_S).tokens) >= HINT_TOKENS

    def check_language(self, language: str) -> None:
        """Raises IntoneError for a language that these weights don't support."""
        if language not in self._model.supported_languages:
            raise IntoneError(
                f"The Whisper {self.model} knows no {language!r}: choose another --whisper or --language."
            )

    def speaking(self, language: str) -> "Whisper":
        """This Whisper in another language; the weights are loaded once."""
        other = replace(self, language=language)
        other.__dict__.update(_loaded=self._loaded, _kept=self._kept)
        return other

    def languages(self, signal: np.ndarray) -> dict[str, float]:
        """One stretch of at most 30 s -> the probability of each language."""
        if not self._model.model.is_multilingual:
            return {"en": 1.0}
        found = self._model.model.detect_language(self._encoded(signal, self._keep(signal)))[0]
        return {token.strip("<|>"): float(p) for token, p in found}

    def _said(self, signal: np.ndarray) -> "Said | None":
        """Whisper's output for a stretch; None where its probability is too low or Whisper repeats itself."""
        window = window_of(signal)
        short = window == SHORT_WINDOW_S
        said = self._generate(signal, window)
        if short and says_again(said.text):  # only the short window has this fault
            said = self._generate(signal, WINDOW_S)
        # In a long stretch somebody may really repeat a phrase, and then Whisper ends the text itself.
        return said if self._believed(said, loops=short or not said.ended) else None

    def _believed(self, said: "Said", loops: bool) -> bool:
        """Whether the text's probability is high enough and, with `loops`, the text doesn't repeat itself."""
        circles = loops and compression(said.text) > self.highest_compression
        return bool(said.text) and not circles and said.log_probability >= self.lowest_log_probability

    def _generate(self, signal: np.ndarray, window: int, temperature: float = 0.0, weights: Any = None) -> "Said":
        """Whisper's output for a stretch padded with silence to `window` seconds; sampled where the temperature is
        above 0, and by `weights` instead of its own where they are given."""
        encoded = self._encoded(signal, window)
        prompt = [*self._context, *self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        most = min(MAX_TOKENS, 10 + round(TOKENS_PER_SECOND * len(signal) / SAMPLE_RATE))
        drawn = {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": temperature}
        result = (weights or self._model.model).generate(
            encoded,
            [prompt],
            **(drawn if temperature else {"beam_size": self.beam}),
            max_length=max(2 * most, most + len(prompt)),  # CTranslate2 keeps half of it for the prompt
            return_scores=True,
        )[0]
        tokens = result.sequences_ids[0]
        text = self._tokenizer.decode(tokens).strip()
        return Said(text, result.scores[0], len(tokens) < most, tuple(tokens), encoded)

    def _keep(self, signal: np.ndarray) -> int:
        """The window for a stretch (s); the encoder's output for it is kept, because it is used more than once."""
        window = window_of(signal)
        self._kept.last = (signal, window, self._encoded(signal, window))
        return window

    def _encoded(self, signal: np.ndarray, window: int) -> Any:
        from faster_whisper.audio import pad_or_trim

        kept = getattr(self._kept, "last", None)
        if kept and kept[0] is signal and kept[1] == window:
            return kept[2]
        mel = self._model.feature_extractor(signal)  # shape (80, frames), 10 ms a frame
        return self._model.encode(pad_or_trim(mel, window * FRAMES_PER_SECOND).astype(np.float32))

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled for another process: the settings, and how to load the weights again there."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_kept", "_tokenizer")}

    @cached_property
    def _kept(self) -> threading.local:
        """At most one stretch in each thread, with its window and the encoder's output for it: `last`."""
        return threading.local()

    @property
    def at_once(self) -> int:
        """How many stretches it transcribes at the same time where it is called from as many threads."""
        return min(AT_ONCE, self._threads) if self._place[0] == CPU else 1

    @property
    def _threads(self) -> int:
        return self.threads or os.cpu_count() or 1

    @property
    def _model(self) -> "WhisperModel":
        return self._loaded.get()

    @cached_property
    def _loaded(self) -> "PerProcess[WhisperModel]":
        threads = max(1, self._threads // self.at_once)
        return PerProcess(partial(_loaded, self.folder.absolute(), threads, self.at_once, *self._place))

    @cached_property
    def _place(self) -> tuple[str, str]:
        """Device and kind of numbers. Raises IntoneError where the device isn't there."""
        return words_on(self.device)

    @property
    def _context(self) -> list[int]:
        """Tokens before each text: the hotwords, as what was said before; at most half of Whisper's text context."""
        if not self.hotwords.strip():
            return []
        told = self._tokenizer.encode(f" {self.hotwords.strip()}")
        return [self._tokenizer.sot_prev, *told[: MAX_TOKENS - 1]]

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from faster_whisper.tokenizer import Tokenizer

        model = self._model
        return Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=self.language)


def _loaded(folder: Path, threads: int, at_once: int, device: str, numbers: str) -> "WhisperModel":
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise Missing("Whisper needs faster-whisper: pip install faster-whisper.") from error
    try:
        settings = {"device": device, "compute_type": numbers, "cpu_threads": threads, "num_workers": at_once}
        return WhisperModel(str(folder), **settings)
    except (RuntimeError, ValueError, OSError) as error:
        if device != CPU:
            raise IntoneError(f"Words can't be written on the GPU here ({error}): take --device cpu.") from error
        raise IntoneError(f"{folder} can't be loaded as a Whisper ({error}): fetch it again.") from error
