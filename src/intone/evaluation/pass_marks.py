"""Measured rates -> pass or fail: the marks of Derington et al. 2023 (arXiv 2312.06270) for emotion categories."""

from dataclasses import dataclass

RECALL = 50.0
"""Percent: every emotion's recall must reach it."""
SEX_UAR = 7.5
"""Points by which UAR may differ between the sexes."""
SEX_RECALL = 17.5
"""Points by which an emotion's recall may differ between the sexes."""


@dataclass(frozen=True)
class Mark:
    """The limits that a perturbed run has to keep."""

    perturbation: str
    level: str
    unchanged: float
    """Percent of predictions that must stay the same."""
    drop: float | None = None
    """Points of UAR that may be lost; None where only the predictions count."""


NOISE = {"unchanged": 90.0, "drop": 5.0}
SAME = 95.0

MARKS = (
    *(Mark(noise, "20", **NOISE) for noise in ("white noise", "babble", "music", "environment")),
    Mark("sneezes", "10", **NOISE),
    *(Mark("gain", level, SAME) for level in ("-6", "6")),
    Mark("clipping", "1", SAME),
    Mark("cropping", "50", SAME),
    Mark("added silence", "200", SAME),
    Mark("low-pass", "7000", SAME),
    Mark("high-pass", "60", SAME),
)
"""Levels as results/robustness.csv writes them, in that perturbation's unit. Its coughs are ESC-10's sneezes here."""
