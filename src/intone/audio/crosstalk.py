"""A recording of several channels -> which of them hold a voice of their own, and where one leaks into another.

On a call or with two microphones each channel holds the other voice too, only fainter. A leak is the same sound at a
constant gain: where the other channel is active and the own one is not, their levels rise and fall together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from intone.audio.channels import checked
from intone.audio.readers.sound import Sound
from intone.audio.recording import Recording

FRAME_S: Final = 0.02
"""Seconds of a frame whose level is measured."""

SMOOTHED: Final = 5
"""Frames over which levels are averaged: a syllable has dips in which a leak would seem louder than its source."""

FLOOR_DB: Final = -90.0
"""Lowest level, in dB of full scale."""

EMPTY_DB: Final = -40.0
"""A channel whose power is this far below the loudest one's is empty."""

SAME: Final = 0.95
"""Correlation of samples from which two channels are copies of one another: a voice that leaks is below."""

TOGETHER: Final = 0.9
"""Correlation of levels from which two channels hold the same voices, as with two microphones for one person."""

PEAK: Final = 95
"""Percentile of a channel's levels that counts as its speech."""

ACTIVE_DB: Final = -25.0
"""A channel is active where its level is above this, against its speech."""

RESTING_DB: Final = -12.0
"""A channel rests where its level is below this, against its speech."""

LEAKING: Final = 0.7
"""Rank correlation (Spearman) of a resting channel's levels with an active one's, from which it holds the other's leak:
noise is near 0, soft speech of the own voice not far above."""

LATEST: Final = 5
"""Frames (0.1 s) by which a leak may be later than its source."""

FEWEST: Final = 50
"""Frames (1 s) that this correlation needs."""

ABOVE_DB: Final = 6.0
"""What is louder than the leak by this much is the channel's own voice."""

GATED: Final = 0.03
"""Gain (-30 dB) of a channel where it holds a leak alone."""


@dataclass(frozen=True)
class Channels:
    """What the channels of a recording hold."""

    own: tuple[int, ...]
    """Channels with a voice of their own, counted from 0: no empty ones, and no copies of others."""
    count: int
    leaks: Mapping[int, np.ndarray] = field(default_factory=dict)
    """Channel -> gain of each frame of `FRAME_S`, float32: 1, or `GATED` where it holds another one's voice alone."""

    def seconds(self, channel: int) -> float:
        """Seconds in which a channel holds another one's voice alone."""
        return float((self.leaks[channel] < 1).sum()) * FRAME_S if channel in self.leaks else 0.0


def listened(recording: Recording) -> Channels:
    """Measure a recording's channels in one pass. Raises BadClip for a recording that can't be read."""
    sound, products, powers = recording.source(), [], []
    for samples in _frames(sound.blocks, round(FRAME_S * sound.rate), recording.name):
        products.append(np.einsum("fsc,fsd->cd", samples, samples))
        powers.append(np.square(samples).mean(1))
    if not products:
        return Channels((), 0)
    product, levels = np.sum(products, axis=0), _levels(np.concatenate(powers))
    power = np.diag(product)
    own: list[int] = []
    for k in np.flatnonzero(power > 10 ** (EMPTY_DB / 10) * power.max(initial=0)):
        copies = any(
            abs(product[k, other]) >= SAME * np.sqrt(power[k] * power[other])
            or _together(levels[:, k], levels[:, other])
            for other in own
        )
        if not copies:
            own.append(int(k))
    gains = {k: _gain(levels, k, [other for other in own if other != k]) for k in own}
    return Channels(tuple(own), len(power), {k: gain for k, gain in gains.items() if (gain < 1).any()})


def without_leaks(recording: Recording, number: int, channels: Channels) -> Recording:
    """A recording's channel alone, faint where it holds another one's voice alone."""
    alone, gain = recording.channel(number), channels.leaks.get(number)
    if gain is None:
        return alone

    def source() -> Sound:
        sound = alone.source()
        sound.blocks = _weighted(sound.blocks, gain, round(FRAME_S * sound.rate), recording.name)
        return sound

    return replace(recording, source=source)


def _weighted(blocks: Iterator[np.ndarray], gain: np.ndarray, step: int, name: str) -> Iterator[np.ndarray]:
    """Blocks [samples, 1], each frame of `step` samples times its gain, without jumps between them."""
    middles, first = (np.arange(len(gain)) + 0.5) * step, 0
    for block in blocks:
        places = np.arange(first, first + len(block))
        first += len(block)
        yield checked(block, name) * np.interp(places, middles, gain).astype(np.float32)[:, np.newaxis]


def _frames(blocks: Iterator[np.ndarray], step: int, name: str) -> Iterator[np.ndarray]:
    """Blocks [samples, channels] -> whole frames [frames, step, channels], float64; the last one is filled up."""
    rest = None
    for block in blocks:
        samples = checked(block, name).astype(np.float64)
        samples = samples if rest is None else np.concatenate([rest, samples])
        whole = len(samples) // step * step
        rest = samples[whole:]
        if whole:
            yield samples[:whole].reshape(-1, step, samples.shape[1])
    if rest is not None and len(rest):
        yield np.pad(rest, ((0, step - len(rest)), (0, 0)))[np.newaxis]


def _levels(power: np.ndarray) -> np.ndarray:
    """Mean squares [frames, channels] -> dB of full scale, smoothed."""
    padded = np.pad(power, ((SMOOTHED // 2, SMOOTHED // 2), (0, 0)), mode="edge")
    smooth = np.lib.stride_tricks.sliding_window_view(padded, SMOOTHED, axis=0).mean(-1)
    return np.asarray(10 * np.log10(np.maximum(smooth, 10 ** (FLOOR_DB / 10))))


def _active(levels: np.ndarray) -> np.ndarray:
    """Where a channel's levels [frames] are those of speech, bool [frames]."""
    return np.asarray(levels > np.percentile(levels, PEAK) + ACTIVE_DB)


def _together(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two channels' levels [frames] rise and fall together wherever either holds speech."""
    either = _active(one) | _active(other)
    # What is fainter than speech is pauses, whose levels are noise's.
    one, other = (np.maximum(levels, np.percentile(levels, PEAK) + ACTIVE_DB) for levels in (one, other))
    return max(_correlation(one[either], np.roll(other, lag)[either]) for lag in range(-LATEST, LATEST + 1)) >= TOGETHER


def _gain(levels: np.ndarray, channel: int, others: list[int]) -> np.ndarray:
    """Gain of each frame of a channel, float32 [frames]."""
    gain = np.ones(len(levels), np.float32)
    own = levels[:, channel]
    resting = own < np.percentile(own, PEAK) + RESTING_DB
    for source in (np.roll(levels[:, other], lag) for other in others for lag in range(LATEST + 1)):
        active = _active(source)
        heard = active & resting
        if heard.sum() >= FEWEST and _correlation(_ranks(own[heard]), _ranks(source[heard])) >= LEAKING:
            leak = float(np.median(own[heard] - source[heard]))
            gain[active & (own - source < leak + ABOVE_DB)] = GATED
    return gain


def _ranks(values: np.ndarray) -> np.ndarray:
    """Levels -> their ranks: the few frames in which a turn begins or ends would outweigh all others."""
    return np.asarray(values.argsort().argsort(), dtype=float)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's correlation; 0 where one of them is constant."""
    one, other = one - one.mean(), other - other.mean()
    spread = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / spread if spread else 0.0
