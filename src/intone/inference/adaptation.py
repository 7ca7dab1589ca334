"""Predictions of a recording's segments and the speaker of each -> the same, each given its speaker's other segments.

A segment is judged by the others of its voice and never by itself: a voice with one segment is an unseen speaker.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from types import MappingProxyType

from intone.inference.model import Model, Prediction
from intone.inference.voice import Voice


def adapted(
    model: Model,
    predictions: Sequence[Prediction],
    speakers: Sequence[str | None],
    known: Mapping[str, Voice] = MappingProxyType({}),
) -> list[Prediction]:
    """Adapt each prediction [N] whose speaker [N] has others; `known`: speaker -> what is known of the voice before."""
    out = list(predictions)
    if model.voices is None:
        return out
    own: dict[str, dict[int, Voice]] = {}
    for place, (prediction, speaker) in enumerate(zip(predictions, speakers, strict=True)):
        if speaker is not None and prediction.distance <= model.strangest:  # a bell tells nothing of a voice
            own.setdefault(speaker, {})[place] = model.voice(prediction)
    for speaker, sentences in own.items():
        before = [known[speaker]] if speaker in known else []
        whole = reduce(add, [*before, *sentences.values()])
        for place, sentence in sentences.items():
            out[place] = model.adapted(predictions[place], whole.without(sentence))
    return out


def told(model: Model, speakers: Sequence[str | None], known: Mapping[str, Voice] = MappingProxyType({})) -> list[str]:
    """Sentences about voices that nothing could be adapted to."""
    if not speakers:
        return []
    if model.voices is None:
        return ["The model can't adapt to a voice: its emotions are those of unseen speakers."]
    notes = []
    counts = {name: speakers.count(name) for name in dict.fromkeys(speakers) if name is not None}
    if alone := [name for name, count in counts.items() if count == 1 and name not in known]:
        notes.append(
            f"{', '.join(alone)} {'have' if len(alone) > 1 else 'has'} one sentence: with nothing else known of the "
            "voice, its emotion is that of an unseen speaker."
        )
    if silent := [name for name in known if name not in counts]:
        notes.append(f"No segment is of {' or '.join(silent)}, whose voice was named: --speakers says who speaks.")
    if nobody := speakers.count(None):
        notes.append(f"For {nobody} of {len(speakers)} segments nobody is named: they are judged as unseen speakers'.")
    return notes
