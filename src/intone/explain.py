"""Finished folds -> results/explanations/: what networks look at, as small tables and pictures that the report shows.

Saliency: integrated gradients (Sundararajan et al. 2017) from the clip's own quietest level. Attention: a head's own
weights. Words: what the predicted emotion loses in log-probability when one word is left out (Zeiler & Fergus 2014).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from captum.attr import IntegratedGradients
from scipy.ndimage import gaussian_filter
from scipy.special import log_softmax

from intone import goemotions
from intone.audio import read_clip, trim_silence
from intone.cache import cache_folder, write_whole
from intone.corpora import ravdess
from intone.emotions import EMOTIONS, INDEX
from intone.errors import Missing
from intone.features import FeatureSettings, extract, levelled, log_mel
from intone.lab import Lab
from intone.listeners import made
from intone.models.audio_cnn import padded
from intone.models.text_rnn import TextExamples
from intone.progress import say
from intone.recipes import MODELS
from intone.recipes.audio import AudioRecipe
from intone.recipes.speech_network import SpeechHeadRecipe
from intone.recipes.text import SentenceRecipe
from intone.report.mistakes import hardest
from intone.report.source import Source
from intone.splits import Split, folds
from intone.tracks import sentences
from intone.train import listen
from intone.transcripts import normalise

POSITIONS = 20
"""Places in a clip, from start to end, at which attention is given."""

ENOUGH = 5
"""Clips that a word must be said in to be listed."""


@dataclass(frozen=True)
class Explain:
    """Write what the report shows of how models decide: saliency, attention, words, the hardest clips."""

    spectrogram_model: str = "audio_cnn"
    """A network over spectrograms."""
    attention_model: str = "audio_whisper_small-head"
    """A model that attends over time; left out with a word where it has not been trained."""
    text_model: str = "text_lstm"
    """A text network, explained on the track natural."""
    ravdess: Path | None = None
    """RAVDESS; else INTONE_RAVDESS, else data/ravdess."""
    goemotions: Path | None = None
    """GoEmotions; else INTONE_GOEMOTIONS, else data/goemotions."""
    runs: Path = field(default_factory=lambda: cache_folder() / "runs")
    """Where the trained networks are."""
    results: Path = Path("results")
    """Where predictions lie and explanations/ goes."""

    def run(self) -> None:
        """Do it."""
        corpus = ravdess.load(self.ravdess)
        comments = goemotions.load(goemotions.find(self.goemotions, ravdess.find(self.ravdess)))
        lab = Lab(corpus, MODELS, self.runs, goemotions=comments)
        splits = folds(corpus.clips, "luna5")
        explain(lab, splits, self.results, self.spectrogram_model, self.attention_model, self.text_model)


def explain(lab: Lab, splits: list[Split], results: Path, spectrogram: str, attention: str, text: str) -> None:
    """Write what can be; what needs a model that has not been trained is left out with a word."""
    out = results / "explanations"
    out.mkdir(parents=True, exist_ok=True)
    try:
        shown = saliency(lab, splits, spectrogram)
    except Missing as problem:
        shown = []
        say(f"left out: saliency: {problem}")
    write_pictures(out, shown + difficult(lab, results))
    for name, table, model in (("attention", attended, attention), ("words", words, text)):
        try:
            rows = table(lab, splits, model)
            write_whole(out / f"{name}.csv", rows.to_csv(index=False, lineterminator="\n").encode())
        except Missing as problem:
            say(f"left out: {name}: {problem}")


@dataclass(frozen=True)
class Picture:
    """One clip to be shown in the report."""

    set: str
    model: str
    emotion: str
    """As portrayed."""
    title: str
    levels: np.ndarray
    """Log-mel [frames, bands] in decibels under the peak, -60 to 0."""
    weights: np.ndarray | None = None
    """[frames, bands], 0 to 1."""


def saliency(lab: Lab, splits: list[Split], model: str) -> list[Picture]:
    """One actor, one sentence, each emotion, heard by the network that never heard the actor."""
    recipe = lab.recipe(model)
    assert isinstance(recipe, AudioRecipe)
    pictures = []
    for row in gallery(lab.corpus.clips).to_dict("records"):
        split = next(s for s in splits if row["file"] in s.test)
        fold = made(lab, model, split)
        signal = read_clip(lab.corpus.paths[row["file"]])
        weights, said = integrated(recipe, fold.folder, signal)
        title = row["emotion"] if said == row["emotion"] else f"{row['emotion']}, heard as {said}"
        pictures.append(Picture("saliency", model, row["emotion"], title, levels(signal), weights))
    return pictures


def gallery(clips: pd.DataFrame) -> pd.DataFrame:
    """One clip an emotion, of the first speaker and sentence that have them all; strong ones where there are."""
    ordered = clips.sort_values(
        ["speaker", "statement", "intensity", "repetition"], ascending=[True, True, False, True]
    )
    one_each = ordered.drop_duplicates(["speaker", "statement", "emotion"])
    groups = one_each.groupby(["speaker", "statement"])["emotion"].transform("nunique")
    best = one_each[groups == groups.max()]
    first = best[(best["speaker"] == best["speaker"].iloc[0]) & (best["statement"] == best["statement"].iloc[0])]
    return first.sort_values("emotion", key=lambda e: e.map(INDEX))


def integrated(recipe: AudioRecipe, folder: Path, signal: np.ndarray, steps: int = 32) -> tuple[np.ndarray, str]:
    """Integrated gradients of the predicted emotion's logit, [frames, rows] from 0 to 1, and that emotion.

    What speaks against the prediction is left out, and the rest blurred over two frames and bands.
    """
    network = recipe.network_of(folder).eval()
    rows = (extract(signal, recipe.features) - network.mean.numpy()) / network.deviation.numpy()
    x, frames = padded([rows])
    said = int(network(x, frames)[0].argmax())
    start = torch.full_like(x, float(rows.min()))
    lengths = frames.expand(steps)

    def logits(given: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = network(given, lengths[: len(given)])[0]
        return out

    found = IntegratedGradients(logits).attribute(x, start, target=said, n_steps=steps, internal_batch_size=steps)
    weights = gaussian_filter(np.clip(found[0, 0].detach().numpy()[:, : rows.shape[1]], 0, None), 2).T
    return weights / max(float(weights.max()), 1e-9), EMOTIONS[said]


def levels(signal: np.ndarray) -> np.ndarray:
    """Log-mel [frames, 64] of the speech in decibels under its peak, -60 to 0."""
    mel = log_mel(levelled(trim_silence(signal)), FeatureSettings(floor=1e-10)).T * (10 / np.log(10))
    return np.clip(mel - mel.max(), -60, 0)


def difficult(lab: Lab, results: Path) -> list[Picture]:
    """The clips whose emotion the report's best audio model thought least likely."""
    lead = Source(results).lead.experiment
    pictures = []
    for row in hardest(Source(results).tested(lead)).to_dict("records"):
        who = row["speaker"].rpartition("-")[2]
        title = f"actor {who}: {row['emotion']},\ntaken for {row['predicted']}"
        signal = read_clip(lab.corpus.paths[row["file"]])
        pictures.append(Picture("hardest", lead.model, row["emotion"], title, levels(signal)))
    return pictures


def write_pictures(out: Path, pictures: list[Picture]) -> None:
    """pictures.csv (what each shows) and pictures.npz (whole decibels above -60; weights in 255ths)."""
    arrays, rows = {}, []
    for number, picture in enumerate(pictures):
        arrays[f"levels-{number}"] = np.round(picture.levels + 60).astype(np.uint8)
        if picture.weights is not None:
            arrays[f"weights-{number}"] = np.round(255 * picture.weights).astype(np.uint8)
        rows.append((picture.set, number, picture.model, picture.emotion, picture.title))
    table = pd.DataFrame(rows, columns=["set", "number", "model", "emotion", "title"])
    np.savez_compressed(out / "pictures.npz", **arrays)  # type: ignore[arg-type]
    write_whole(out / "pictures.csv", table.to_csv(index=False, lineterminator="\n").encode())


def attended(lab: Lab, splits: list[Split], model: str) -> pd.DataFrame:
    """Mean attention over test clips, 1 where it is even: columns `model, emotion, position, weight`."""
    recipe = lab.recipe(model)
    assert isinstance(recipe, SpeechHeadRecipe)
    place = (np.arange(POSITIONS) + 0.5) / POSITIONS
    parts = []
    for split in splits:
        network = recipe.network_of(made(lab, model, split).folder).eval()
        for batch in recipe.examples(lab, "none", split, Path()).batches(list(split.test), 1):
            with torch.inference_mode():
                x, _ = network.sequence(*batch.inputs)
                weight = network.attend(x).float().softmax(1)[0, :, 0].numpy()
            spread = np.interp(place, (np.arange(weight.size) + 0.5) / weight.size, weight * weight.size)
            emotion = lab.emotions[batch.files[0]]
            parts += [(model, emotion, round(p, 3), w) for p, w in zip(place.tolist(), spread.tolist(), strict=True)]
    rows = pd.DataFrame(parts, columns=["model", "emotion", "position", "weight"])
    return rows.groupby(["model", "emotion", "position"]).agg(weight=("weight", "mean")).round(4).reset_index()


def words(lab: Lab, splits: list[Split], model: str, track: str = "natural") -> pd.DataFrame:
    """What each word is worth to the emotion that is said: columns `model, emotion, word, attribution, clips`.

    `attribution`: mean loss of log-probability (nats) when the word is left out; words of `ENOUGH` clips or more.
    """
    parts = [_without_each_word(lab, split, model, track) for split in splits]
    rows = pd.concat(parts, ignore_index=True)
    found = rows.groupby(["emotion", "word"], as_index=False).agg(
        attribution=("loss", "mean"), clips=("file", "nunique")
    )
    found = found[found["clips"] >= ENOUGH].assign(model=model).round(4)
    found["order"] = found["emotion"].map(INDEX)
    found = found.sort_values(["order", "attribution"], ascending=[True, False])
    return found[["model", "emotion", "word", "attribution", "clips"]]


def _without_each_word(lab: Lab, split: Split, model: str, track: str) -> pd.DataFrame:
    """Columns `file, emotion` (as predicted)`, word, loss`: each test sentence without each of its words."""
    fold = made(lab, model, split, track)
    picked = fold.config["details"].get("picked", model)
    recipe = lab.recipe(picked)
    assert isinstance(recipe, SentenceRecipe)
    network, vocabulary = recipe.load(lab.where(picked, track, split))
    said = sentences(track, split, lab.corpus.clips, lab.transcripts, lab.goemotions)
    whole = {file: said[file].split() for file in split.test}
    texts = dict(said[list(split.test)])
    for file, spoken in whole.items():
        texts |= {f"{file} {k}": " ".join(spoken[:k] + spoken[k + 1 :]) for k in range(len(spoken))}
    emotions = {key: lab.emotions[key.partition(" ")[0]] for key in texts}
    with torch.inference_mode():
        logits, _ = listen(network, TextExamples(texts, emotions, vocabulary, lab.seed), list(texts))
    chances = dict(zip(logits.index, log_softmax(logits.to_numpy(), axis=1), strict=True))
    rows = []
    for file, spoken in whole.items():
        best = int(chances[file].argmax())
        for k, word in enumerate(spoken):
            loss = chances[file][best] - chances[f"{file} {k}"][best]
            rows.append((file, EMOTIONS[best], normalise(word), float(loss)))
    table = pd.DataFrame(rows, columns=["file", "emotion", "word", "loss"])
    return table[table["word"] != ""]
