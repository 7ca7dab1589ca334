"""Finished folds -> results/explanations/: small tables and pictures for the report.

Saliency and the hardest clips are in saliency.py. Attention: the weights of an attentive head. Words: the loss in
log-probability of the predicted emotion when one word is left out (Zeiler & Fergus 2014).
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from intone.cache import cache_folder, digest, write_whole
from intone.data import goemotions as goemotions_comments
from intone.data import ravdess as ravdess_corpus
from intone.data.splits import Split, folds
from intone.data.texts import sentences
from intone.emotions import INDEX
from intone.errors import Missing
from intone.evaluation.results import Experiment
from intone.experiments.publish import log_look
from intone.experiments.saliency import difficult, saliency, write_pictures
from intone.models.rnn import TextExamples
from intone.progress import say
from intone.text import normalise
from intone.training.recipes import MODELS
from intone.training.trainer import predict
from intone.training.workspace import Workspace

POSITIONS = 20
"""Positions in a clip, from start to end, at which attention is evaluated."""

ENOUGH = 5
"""Number of clips in which a word must occur to be listed."""


def explain(
    spectrogram_model: str = "audio_cnn",
    attention_model: str = "audio_whisper_small-head",
    text_model: str = "text_lstm",
    ravdess: Path | None = None,
    goemotions: Path | None = None,
    runs: Path | None = None,
    results: Path = Path("results"),
) -> None:
    """Compute the explanations in the report: saliency, attention, word importance, the hardest clips.

    Args:
        spectrogram_model: A network on spectrograms, for saliency.
        attention_model: A model with attention over time; skipped with a message if it has not been trained.
        text_model: A text network, explained on the track natural.
        ravdess: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        goemotions: The GoEmotions folder; default INTONE_GOEMOTIONS, else data/goemotions.
        runs: Folder with the trained networks; default the user's cache.
        results: Folder with the predictions; explanations/ is written there.
    """
    corpus = ravdess_corpus.load(ravdess)
    comments = goemotions_comments.load(goemotions_comments.find(goemotions, ravdess_corpus.find(ravdess)))
    space = Workspace(corpus, MODELS, runs or cache_folder() / "runs", goemotions=comments)
    write_explanations(space, folds(corpus.clips, "luna5"), results, spectrogram_model, attention_model, text_model)


def write_explanations(
    space: Workspace, splits: list[Split], results: Path, spectrogram: str, attention: str, text: str
) -> None:
    """Write all explanations; those of a model that has not been trained are skipped with a message."""
    out = results / "explanations"
    out.mkdir(parents=True, exist_ok=True)
    try:
        shown = saliency(space, splits, spectrogram)
        _logged(space, results, "saliency", spectrogram)
    except Missing as problem:
        shown = []
        say(f"left out: saliency: {problem}")
    write_pictures(out, shown + difficult(space, results))
    for name, table, model in (("attention", attended, attention), ("words", words, text)):
        try:
            rows = table(space, splits, model)
            _logged(space, results, name, model)
            write_whole(out / f"{name}.csv", rows.to_csv(index=False, lineterminator="\n").encode())
        except Missing as problem:
            say(f"left out: {name}: {problem}")


def _logged(space: Workspace, results: Path, what: str, model: str) -> None:
    """Say in test_looks.csv that test clips were explained; no figure of accuracy is read."""
    modality = space.recipe(model).modality
    experiment = Experiment(model, modality, "none" if modality == "audio" else "natural", "luna5")
    log_look(results, experiment, digest(what, space.settings(model, experiment.track)), f"explain: {what}")


def attended(space: Workspace, splits: list[Split], model: str) -> pd.DataFrame:
    """Mean attention over test clips, 1 where it is uniform: columns `model, emotion, position, weight`."""
    place = (np.arange(POSITIONS) + 0.5) / POSITIONS
    parts = []
    for split in splits:
        run = space.made(model, split)
        for file, weight in run.recipe.attention(space, run, split).items():
            spread = np.interp(place, (np.arange(weight.size) + 0.5) / weight.size, weight * weight.size)
            emotion = space.emotions[file]
            parts += [(model, emotion, round(p, 3), w) for p, w in zip(place.tolist(), spread.tolist(), strict=True)]
    rows = pd.DataFrame(parts, columns=["model", "emotion", "position", "weight"])
    return rows.groupby(["model", "emotion", "position"]).agg(weight=("weight", "mean")).round(4).reset_index()


def words(space: Workspace, splits: list[Split], model: str, track: str = "natural") -> pd.DataFrame:
    """Contribution of each word to the predicted emotion: columns `model, emotion, word, attribution, clips`.

    `attribution`: mean loss of log-probability (nats) when the word is left out; words in at least `ENOUGH` clips.
    """
    parts = [_without_each_word(space, split, model, track) for split in splits]
    rows = pd.concat(parts, ignore_index=True)
    found = rows.groupby(["emotion", "word"], as_index=False).agg(
        attribution=("loss", "mean"), clips=("file", "nunique")
    )
    found = found[found["clips"] >= ENOUGH].assign(model=model).round(4)
    found["order"] = found["emotion"].map(INDEX)
    found = found.sort_values(["order", "attribution"], ascending=[True, False])
    return found[["model", "emotion", "word", "attribution", "clips"]]


def _without_each_word(space: Workspace, split: Split, model: str, track: str) -> pd.DataFrame:
    """Columns `file`, `emotion` (predicted), `word`, `loss`: each test sentence without each of its words."""
    run = space.made(model, split, track).picked
    network, vocabulary = run.recipe.text_network(run)
    said = sentences(track, split, space.corpus.clips, space.transcripts, space.goemotions)
    whole = {file: said[file].split() for file in split.test}
    texts = dict(said[list(split.test)])
    for file, spoken in whole.items():
        texts |= {f"{file} {k}": " ".join(spoken[:k] + spoken[k + 1 :]) for k in range(len(spoken))}
    targets = {key: space.targets[key.partition(" ")[0]] for key in texts}
    logits, _ = predict(network, TextExamples(texts, targets, vocabulary, space.seed), list(texts), run.labels)
    chances = dict(zip(logits.index, log_softmax(logits.to_numpy(), axis=1), strict=True))
    rows = []
    for file, spoken in whole.items():
        best = int(chances[file].argmax())
        for k, word in enumerate(spoken):
            loss = chances[file][best] - chances[f"{file} {k}"][best]
            rows.append((file, run.labels[best], normalise(word), float(loss)))
    table = pd.DataFrame(rows, columns=["file", "emotion", "word", "loss"])
    return table[table["word"] != ""]
