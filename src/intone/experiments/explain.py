"""Finished folds -> results/explanations/: what networks look at, as small tables and pictures that the report shows.

Saliency and the hardest clips are saliency.py's. Attention: a head's own weights. Words: what the predicted emotion
loses in log-probability when one word is left out (Zeiler & Fergus 2014).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax

from intone.cache import cache_folder, write_whole
from intone.data import goemotions, ravdess
from intone.data.splits import Split, folds
from intone.data.texts import sentences
from intone.emotions import EMOTIONS, INDEX
from intone.errors import Missing
from intone.experiments.saliency import difficult, saliency, write_pictures
from intone.models.rnn import TextExamples
from intone.progress import say
from intone.text import normalise
from intone.training.predictors import made
from intone.training.recipes import MODELS
from intone.training.recipes.encoder_head import SpeechHeadRecipe
from intone.training.recipes.text import SentenceRecipe
from intone.training.trainer import listen
from intone.training.workspace import Lab

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


def attended(lab: Lab, splits: list[Split], model: str) -> pd.DataFrame:
    """Mean attention over test clips, 1 where it is even: columns `model, emotion, position, weight`."""
    recipe = lab.recipe_of(model, SpeechHeadRecipe, "a head that attends over an encoder's states")
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
    recipe = lab.recipe_of(picked, SentenceRecipe, "a network that reads sentences")
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
