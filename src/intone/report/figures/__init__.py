"""Tables -> matplotlib figures, one function per figure; print-readable, colour-blind safe, no global state."""

from intone.report.figures.architectures import architectures_figure
from intone.report.figures.clips import ClipPicture, spectrograms_figure
from intone.report.figures.comparison import cost_figure, leaks_figure, standing_figure, tracks_figure
from intone.report.figures.confusions import confusion_figure, confusions_figure, recalls_figure
from intone.report.figures.curves import perturbations_figure, reliability_figure, risk_coverage_figure
from intone.report.figures.explained import attention_figure, shares_figure
from intone.report.figures.history import histories_figure, history_figure
from intone.report.figures.layers import layers_figure
from intone.report.figures.speaker_counts import speaker_counts_figure
from intone.report.figures.speakers import speakers_figure
from intone.report.figures.style import save
from intone.report.figures.voice import voice_figure
