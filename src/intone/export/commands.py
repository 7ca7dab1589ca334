"""`intone export`: a finished run -> one ONNX file."""

from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from intone.data.clip_source import ClipSource


def export(
    run: Positional[Path],
    out: Annotated[Path, arg(aliases=["-o"])] = Path("model.onnx"),
    clips: OmitArgPrefixes[ClipSource] = ClipSource(),
    eight_bits: bool = True,
) -> None:
    """Convert a finished run into one ONNX file for `intone analyze --model`; it runs without torch.

    Args:
        run: A run's folder, as `intone train` prints it: one fold, or the model trained on everyone.
        out: The model file to write.
        clips: The clips that the run was trained on, with the same flags; the file is checked on them.
        eight_bits: Store weights in 8 bits if the predictions stay the same; the differences are printed.
    """
    from intone.export.origin import check_corpus
    from intone.export.pack import found, pack

    done = found(run)
    check_corpus(done, clips)
    card = pack(done, clips.corpus(), out, eight_bits)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {card.name}, {card.licence}")
    for line in card.facts():
        print(line)
