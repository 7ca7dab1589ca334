"""A `Corpus` -> PNG figures: number of clips, duration, loudness, pitch, and example spectrograms.

    draw(corpus, Path("figures"))

Measuring all 1440 clips of RAVDESS takes about ten seconds; matplotlib comes with `pip install ".[report]"`.
"""

import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from intone.audio.clip import read_clip
from intone.audio.features import FFT_SAMPLES, FeatureSettings, log_mel, mel_filters
from intone.audio.frames import SAMPLE_RATE
from intone.audio.pitch import contour
from intone.audio.trimming import trim_silence
from intone.data.corpus import Corpus
from intone.emotions import colours_of
from intone.errors import BadClip, IntoneError, Missing, brought_by
from intone.progress import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI: Final = 160
INK: Final = "#222222"
FAINT: Final = "#DDDDDD"
BANDS: Final = 64
"""Mel bands of the spectrograms, as in the features."""

MIN_CLIPS: Final = 3
"""With fewer clips, dots are drawn instead of a violin."""


def draw(corpus: Corpus, folder: Path) -> list[Path]:
    """Write five PNGs into `folder` and return their paths: counts, durations, loudness, pitch, spectrograms.

    Clips that can't be read appear only in the counts. Raises Missing where matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise Missing(f"Pictures need matplotlib: {brought_by('report')}.")
    measured, name = measure(corpus), corpus.name
    if measured.empty:
        raise IntoneError(f"No clip of {name} can be read.")
    figures = {
        "counts": counts(corpus),
        "durations": violins(measured, corpus.labels, "speech", f"{name}: duration", "speech, silence trimmed (s)"),
        "loudness": violins(measured, corpus.labels, "loudness", f"{name}: loudness", "RMS of speech (dB full scale)"),
        "pitch": violins(measured, corpus.labels, "pitch", f"{name}: pitch", "median of each clip (Hz)", log=True),
        "spectrograms": spectrograms(replace(corpus, clips=corpus.clips.loc[measured.index])),
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}-{what}.png" for what in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        figure.savefig(path, dpi=DPI, facecolor="white")
    return paths


def measure(corpus: Corpus) -> pd.DataFrame:
    """The clip table with `speech` (s, silence trimmed), `loudness` (RMS of that, dB of full scale) and `pitch` (Hz).

    `pitch` is the median over voiced frames, NaN where there are none; clips that can't be read are left out, each
    with a line on stderr.
    """
    with ThreadPoolExecutor() as pool:
        values = list(pool.map(lambda file: _measured(corpus.paths[file]), corpus.clips["file"]))
    columns = pd.DataFrame(values, columns=["speech", "loudness", "pitch"], index=corpus.clips.index)
    return corpus.clips.join(columns).dropna(subset=["speech"])


def _measured(path: Path) -> tuple[float, float, float]:
    try:
        speech = trim_silence(read_clip(path))
    except BadClip as problem:
        say(f"left out: {problem}")
        return np.nan, np.nan, np.nan
    hertz = contour(speech)
    voiced = hertz[np.isfinite(hertz)]
    loudness = 10 * np.log10(np.mean(speech.astype(np.float64) ** 2))
    return speech.size / SAMPLE_RATE, loudness, float(np.median(voiced)) if voiced.size else np.nan


def counts(corpus: Corpus) -> "Figure":
    """Clips by label, each bar split by intensity (left) and by sex (right)."""
    figure, clips = _figure(9, 4.2), corpus.clips
    axes = figure.subplots(1, 2, sharey=True)
    for ax, column in zip(axes, ("intensity", "sex"), strict=True):
        _stacked(ax, corpus, column)
        ax.set_title(f"by emotion and {column}", loc="left", fontsize=11, color=INK)
    speakers = clips["speaker"].nunique()
    _headline(figure, f"{clips['corpus'].iloc[0]}: {len(clips)} clips of {speakers} speakers")
    return figure


def _stacked(ax: "Axes", corpus: Corpus, column: str) -> None:
    """One horizontal bar per label, split by the values of `column`; the first value is the palest."""
    clips, labels = corpus.clips, corpus.labels
    values = sorted(clips[column].fillna("").astype(str).unique())
    table = pd.crosstab(clips["emotion"], clips[column].fillna("").astype(str))
    table = table.reindex(index=list(labels), columns=values, fill_value=0)
    left = np.zeros(len(labels))
    for k, value in enumerate(values):
        share = 1.0 if len(values) == 1 else 0.45 + 0.55 * k / (len(values) - 1)
        colours = [_paler(colour, share) for colour in colours_of(labels).values()]
        width = table[value].to_numpy()
        bars = ax.barh(labels, width, left=left, color=colours, edgecolor="white")
        wide = width > 0.12 * table.sum(axis=1).max()
        names = [f"{value} {n}".strip() if room else "" for n, room in zip(width, wide, strict=True)]
        for text, colour in zip(ax.bar_label(bars, names, label_type="center", fontsize=8), colours, strict=True):
            text.set_color("white" if np.dot(colour, (0.3, 0.59, 0.11)) < 0.5 else INK)
        left += width
    if not ax.yaxis_inverted():  # the two panels share this axis
        ax.invert_yaxis()
    ax.set_xlabel("clips")
    _plain(ax, "x")


def _paler(colour: str, share: float) -> np.ndarray:
    """RGB of `share` of a colour on white, as with alpha, but opaque."""
    from matplotlib.colors import to_rgb

    return 1 - share * (1 - np.array(to_rgb(colour)))


def violins(
    measured: pd.DataFrame, labels: Sequence[str], column: str, title: str, label: str, log: bool = False
) -> "Figure":
    """Distribution of `column` by emotion: left half female, right half male speakers."""
    figure = _figure(9, 4.6)
    ax = figure.subplots()
    halves: list[tuple[str | None, str]] = [("female", "low"), ("male", "high")]
    if not set(measured["sex"]) >= {"female", "male"}:
        halves = [(None, "both")]
    for x, (emotion, colour) in enumerate(colours_of(labels).items()):
        rows = measured[measured["emotion"] == emotion].dropna(subset=[column])
        for sex, side in halves:
            values = rows[column] if sex is None else rows.loc[rows["sex"] == sex, column]
            _half(ax, x, values.to_numpy(dtype=float), colour, side, log)
    ax.set_xticks(range(len(labels)), labels)
    ax.set_ylabel(label)
    if log:
        _hertz(ax)
    _plain(ax, "y")
    note = "left half: female, right half: male; lines: interquartile range, dots: median"
    _headline(figure, f"{title} by emotion", note if len(halves) == 2 else note.split("; ")[1])
    return figure


def _half(ax: "Axes", x: int, values: np.ndarray, colour: str, side: Any, log: bool) -> None:
    shift = {"low": -0.03, "high": 0.03, "both": 0.0}[side]
    shown = np.log2(values) if log else values
    if shown.size < MIN_CLIPS or np.ptp(shown) == 0:
        ax.plot(np.full(shown.size, x + shift), shown, "o", color=colour, markersize=4)
        return
    parts: dict[str, Any] = ax.violinplot(shown, [x + shift], widths=0.86, side=side, showextrema=False)
    for body in parts["bodies"]:
        body.set(facecolor=colour, edgecolor="none", alpha=0.6 if side == "low" else 0.95)
    low, middle, high = np.percentile(shown, (25, 50, 75))
    inside = x + {"low": -0.09, "high": 0.09, "both": 0.0}[side]
    ax.vlines(inside, low, high, color=INK, linewidth=1.2)
    ax.plot([inside], [middle], "o", color="white", markeredgecolor=INK, markersize=4.5)


def _hertz(ax: "Axes") -> None:
    """Ticks in Hz on an axis of log2(Hz)."""
    low, high = ax.get_ylim()
    ticks = [f for f in (60, 80, 100, 150, 200, 300, 400, 500, 600) if low <= np.log2(f) <= high]
    ax.set_yticks(np.log2(ticks), [str(f) for f in ticks])


def spectrograms(corpus: Corpus) -> "Figure":
    """One speaker, one sentence, all labels: log-mel spectrograms with the pitch drawn over them."""
    clips = _gallery(corpus.clips)
    rows = -(-len(corpus.labels) // 4)
    figure = _figure(12, 0.4 + 2.5 * rows)
    axes = figure.subplots(rows, 4, sharex=True, sharey=True, squeeze=False).ravel()
    sounds = {
        emotion: trim_silence(read_clip(corpus.paths[file]))
        for emotion, file in zip(clips["emotion"], clips["file"], strict=True)
    }
    longest = max(map(len, sounds.values())) / SAMPLE_RATE
    for ax in axes[len(corpus.labels) :]:
        ax.set_visible(False)
    for ax, (emotion, colour) in zip(axes, colours_of(corpus.labels).items(), strict=False):
        ax.set_title(emotion, loc="left", fontsize=11, fontweight="bold", color=INK)
        if emotion in sounds:
            _spectrogram(ax, sounds[emotion])
        ax.set_facecolor("black")
        for spine in ax.spines.values():
            spine.set(color=colour, linewidth=2.5)
    for ax in axes[-4:]:
        ax.set(xlabel="time (s)", xlim=(0, longest))
    for ax in axes[::4]:
        ax.set_ylabel("Hz")
    who, sex, said = clips.iloc[0][["speaker", "sex", "statement"]]
    words = corpus.sentences.get(said, said)
    note = "64 mel bands every 10 ms, 60 dB from black to white below each clip's peak; line: pitch"
    many = "eight" if len(corpus.labels) == 8 else len(corpus.labels)
    _headline(figure, f"“{words}”: {who} ({sex}) in {many} emotions" if words else f"{who} in {many} emotions", note)
    return figure


def _gallery(clips: pd.DataFrame) -> pd.DataFrame:
    """The speaker and sentence with the most emotions, one clip each, strong rather than normal.

    Female speakers come first: the harmonics of higher voices are easier to tell apart.
    """
    clips = clips.assign(weak=clips["intensity"] != "strong", low=clips["sex"] != "female")
    clips = clips.fillna({"statement": ""}).sort_values(["low", "weak", "repetition", "file"])
    groups = clips.groupby(["speaker", "statement"], sort=False)["emotion"].nunique()
    speaker, statement = groups.index[int(groups.to_numpy().argmax())]
    same = (clips["speaker"] == speaker) & (clips["statement"] == statement)
    return clips[same].drop_duplicates("emotion")


def _spectrogram(ax: "Axes", signal: np.ndarray) -> None:
    """The log-mel spectrogram as in the features, down to 60 dB below its peak, and the pitch contour."""
    settings = FeatureSettings(bands=BANDS, floor=1e-10)  # a lower floor than the features', for soft clips
    level = log_mel(signal, settings) * (10 / np.log(10))
    extent = (0.0, signal.size / SAMPLE_RATE, -0.5, BANDS - 0.5)
    ax.imshow(level - level.max(), origin="lower", aspect="auto", cmap="magma", vmin=-60, vmax=0, extent=extent)
    filters = mel_filters(BANDS, settings.low, settings.high)
    centres = filters @ np.fft.rfftfreq(FFT_SAMPLES, 1 / SAMPLE_RATE) / filters.sum(axis=1)
    hertz = contour(signal)
    seconds = np.arange(hertz.size) * 0.01 + 0.02  # a pitch frame's middle
    ax.plot(seconds, np.interp(hertz, centres, np.arange(BANDS)), color="#9FE8FF", linewidth=1.4)
    ticks = (250, 500, 1000, 2000, 4000)
    ax.set_yticks(np.interp(ticks, centres, np.arange(BANDS)), [str(f) for f in ticks])


def _figure(width: float, height: float) -> "Figure":
    """A figure of so many inches, by matplotlib's object API: no global state and no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _headline(figure: "Figure", text: str, note: str = "") -> None:
    figure.suptitle(text, x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    if note:
        figure.supxlabel(note, x=0.01, ha="left", fontsize=8.5, color="#666666")


def _plain(ax: "Axes", grid: Any) -> None:
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.grid(axis=grid, color=FAINT, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, colors=INK)
