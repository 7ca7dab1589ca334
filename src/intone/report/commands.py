"""`intone report`, `results readme`, `evaluate` and `data show`: what is written and drawn from tables and clips."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from intone.data.clip_source import ClipSource
from intone.errors import IntoneError
from intone.progress import say


def data_show(
    folder: Positional[Path | None] = None,
    out: Path = Path("figures"),
    clips: OmitArgPrefixes[ClipSource] = ClipSource(),
) -> None:
    """Plot counts, durations, loudness and pitch by label, and one speaker's spectrograms across all labels.

    Args:
        folder: The RAVDESS folder; default INTONE_RAVDESS, else data/ravdess.
        out: Folder for the PNG files.
        clips: Which clips.
    """
    from dataclasses import replace

    from intone.report.figures.corpus import draw

    corpus = replace(clips, ravdess=folder or clips.ravdess).corpus()
    for skipped in corpus.skipped:
        say(f"left out: {skipped.file}: {skipped.reason}")
    for path in draw(corpus, out):
        print(path)


def evaluate(
    predictions: Positional[tuple[Path, ...]],
    split: Literal["train", "validation", "test"] = "test",
    clips: Path | None = None,
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    model: str | None = None,
    text: bool = True,
) -> None:
    """Score predictions of intone or any other system: accuracy, UAR, F1, calibration, by emotion and by speaker.

    With Parquet shards of oruk-bench (audio_flac, label, language, source_id), or their folder, a model answers for
    each clip first, and macro-F1 over the seven labels is told by language.

    UAR is unweighted average recall. Each further file is compared with the first, by a sign-flip test over speakers
    with Holm's correction.

    Args:
        predictions: CSV files (gzipped or not) with the columns file, speaker, fold, split, emotion, predicted, and
            one probability column per label; or Parquet shards of a benchmark.
        split: Which rows to score.
        clips: A CSV of the clips that must be present (file, speaker, emotion, and sex, intensity, statement if
            known); not needed for RAVDESS's own file names.
        out: Folder for metrics.json and figures; of a benchmark, for the answers, a Parquet file a shard.
        model: The model that answers for shards: a file that `intone export` made, or a name; default the packaged one.
        text: For shards: transcribe the words too.
    """
    from intone.evaluation.predictions import read_clips
    from intone.report.scorecard import judge, show, write

    if not predictions:
        raise IntoneError("Nothing to evaluate: name a CSV of predictions.")
    shards = [path for path in predictions if path.is_dir() or path.suffix == ".parquet"]
    if shards:
        if len(shards) < len(predictions):
            raise IntoneError("Shards of a benchmark and tables of predictions are scored apart: name either.")
        _benchmark(shards, out, model, text)
        return
    found = judge(predictions, split, read_clips(clips) if clips else None)
    show(found, split)
    for path in write(found, out) if out else ():
        say(str(path))


def _benchmark(paths: Sequence[Path], out: Path | None, model: str | None, text: bool) -> None:
    """Let a model answer for the clips of shards, and print what it got right."""
    from intone.inference.settings import settled
    from intone.report.shard_answers import answered, by_language, shards_in, show

    settings = settled(model, "whisper-base" if text else None, None, 0, one=True)
    table = answered(settings.analyzer(), list(shards_in(paths)), out, settings.key())
    show(by_language(table))


def results_readme(
    readme: Path = Path("README.md"),
    tried: Path = Path("docs/tried.md"),
    results: Path = Path("results"),
    page: Path = Path("docs/results.md"),
) -> None:
    """Write the table of results into the README, between its markers, the pages docs/results.md and docs/tried.md, the
    picture docs/voice.png, and in a checkout what the page of `intone serve` shows of the experiment.

    Args:
        readme: The README to update.
        tried: The page of what was tried.
        results: Folder with summary.csv and development.csv.
        page: The page of all results.
    """
    from intone.cache import write_whole
    from intone.report.figures.style import save
    from intone.report.page_data import PAGE, experiment_json
    from intone.report.readme import results_page, tried_page, write_readme
    from intone.report.sections.voice import picture
    from intone.report.source import Source

    write_readme(readme, results)
    write_whole(page, results_page(results).encode())
    write_whole(tried, tried_page(results).encode())
    if PAGE.parent.exists():
        write_whole(PAGE, experiment_json(results).encode())
    if drawn := picture(Source(results)):
        save(drawn, page.parent / "voice.png")


def report(
    results: Path = Path("results"), out: Path = Path("report"), card: Path | None = Path("MODEL_CARD.md")
) -> None:
    """Write intone-report.pdf, .docx and .html and the model card from a results folder alone, in under a minute.

    Args:
        results: Folder with summary.csv.
        out: Folder for the documents and their figures.
        card: Where to write the model card; None writes none.
    """
    from intone.report import report as write

    for path in write(results, out, card):
        print(path)
