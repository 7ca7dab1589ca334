"""`intone export`: a finished run, or a classifier of `transformers`, -> one ONNX file."""

from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from intone.data.clip_source import ClipSource
from intone.errors import IntoneError
from intone.inference.card import Card


def export(
    run: Positional[str],
    out: Annotated[Path, arg(aliases=["-o"])] = Path("model.onnx"),
    clips: OmitArgPrefixes[ClipSource] = ClipSource(),
    eight_bits: bool = True,
    revision: str | None = None,
    licence: Annotated[str | None, arg(name="license")] = None,
) -> None:
    """Convert a finished run into one ONNX file for `intone analyze --model`; it runs without torch.

    Args:
        run: A run's folder, as `intone train` prints it: one fold, or the model trained on everyone. hub:ID takes an
            audio classifier of transformers (wav2vec 2.0, HuBERT, WavLM, AST, Whisper) from the hub, hub:FOLDER one
            that save_pretrained wrote.
        out: The model file to write.
        clips: The clips that the run was trained on, with the same flags; the file is checked on them.
        eight_bits: Store weights in 8 bits if the predictions stay the same; the differences are printed. What comes
            from the hub keeps 32 bits.
        revision: With hub: a branch, a tag or a commit.
        licence: With hub: the model's licence, where its own card doesn't say it.
    """
    card = _of_hub(run, out, clips, revision, licence) or _of_run(Path(run), out, clips, eight_bits)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {card.name}, {card.licence}")
    for line in card.facts():
        print(line)


def _of_hub(run: str, out: Path, clips: ClipSource, revision: str | None, licence: str | None) -> Card | None:
    """The card of a model from elsewhere, whose file is written; None for a run."""
    where = run.removeprefix("hub:")
    if where == run:
        if revision or licence:
            raise IntoneError(
                f"--revision and --license belong to a model of the hub: write hub:{run}, or no such flag."
            )
        return None
    if clips != ClipSource():
        raise IntoneError(f"{run} is converted without clips: leave their flags out; `intone calibrate` takes clips.")
    from intone.export import hub

    card = hub.write(where, out, revision, licence)
    print(f"labels: {', '.join(card.labels)}")
    return card


def _of_run(run: Path, out: Path, clips: ClipSource, eight_bits: bool) -> Card:
    """The card of a run, whose file is written."""
    from intone.export.origin import check_corpus
    from intone.export.pack import found, pack

    done = found(run)
    check_corpus(done, clips)
    return pack(done, clips.corpus(), out, eight_bits)
