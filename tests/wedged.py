"""An analyzer that gets stuck in each way that a decoder can, by the recording's name; a child can import it.

`python -m wedged MODEL FLAGS…` is `intone serve` with it.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from intone.cli import main
from intone.inference import serve
from intone.inference.analyzer import Analyzer
from intone.inference.batch import Settings

HELD: list[bytearray] = []


@dataclass(frozen=True)
class Wedged(Settings):
    """What makes such an analyzer, in its own process."""

    def analyzer(self) -> Analyzer:
        whole = Analyzer.analysis

        def analysis(self, recording, heed=lambda: None, told=lambda segment: None):
            if recording.name == "asleep":
                time.sleep(3600)
            while recording.name == "busy":
                heed()
                time.sleep(0.01)
            if recording.name == "large":
                HELD.append(bytearray(b"x") * 300_000_000)
                time.sleep(3600)
            if recording.name == "dead":
                os.kill(os.getpid(), signal.SIGSEGV)
            if recording.name == "loud":
                os.write(1, b"a decoder's complaint")
                os.write(2, b"a decoder's complaint")
            return whole(self, recording, heed, told)

        Analyzer.analysis = analysis
        return super().analyzer()


def analyzer_of(model: str, **_: object) -> Analyzer:
    """As serve's."""
    return Wedged(Path(model), None, None, 1).analyzer()


if __name__ == "__main__":
    import wedged  # the child can't have anything from __main__

    model, *flags = sys.argv[1:]
    serve.analyzer_of = wedged.analyzer_of
    main(["serve", "--port", "0", "--model", model, *flags])
