"""A results folder -> its findings: sentences whose wording depends on the computed tests."""

from dataclasses import dataclass

import pandas as pd

from intone.evaluation.confidence import trust
from intone.evaluation.groups import by_emotion
from intone.report.groups import actors, development, groups, sentences, sex_gap
from intone.report.markdown import GAIN, LEVEL, listed, verdict, whole_span
from intone.report.model_tests import comparisons, text_against_chance
from intone.report.numbers import p_value, points, rate
from intone.report.sections.leaks import audit
from intone.report.source import AUDIO_TRACK, MAIN, WORDS, Source

CHANCE = 12.5
"""UAR of random predictions, in percent."""

TARGET_ECE = 0.03
"""Highest ECE that the best model may have."""


@dataclass(frozen=True)
class Inference:
    """One finding: a headline and the figures behind it."""

    head: str
    text: str


def inferences(source: Source) -> list[Inference]:
    """All findings, the most important first; those whose data are missing are left out."""
    tests = comparisons(source)
    found = [_unseen_speakers(source), _text(source), _fusion(source, tests), _leak(source), _confidence(source)]
    found += [_protocols(source)]
    found += [Inference(*told) for told in (*groups(source), *sentences(source), *development(source), actors(source))]
    return [inference for inference in found if inference]


def _unseen_speakers(source: Source) -> Inference:
    """Test accuracy of the lead beside listeners, training and validation."""
    lead = source.lead.experiment
    train, validation, test = (source.row(lead, part) for part in ("train", "validation", "test"))
    recall = by_emotion(source.tested(lead))["recall"]
    listeners = source.published[source.published["system"] == "listeners"].iloc[0]
    head = "Emotion is recognised from the voices of unseen speakers."
    if test["uar_low"] <= CHANCE:
        head = "Recognition of emotion from the voices of unseen speakers is not shown."
    uar = whole_span(test["uar"], test["uar_low"], test["uar_high"])
    gaps = [points(part["accuracy"] - test["accuracy"]) for part in (train, validation)]
    text = (
        f"The test accuracy of `{lead.model}` is {rate(test['accuracy'])} % (UAR {uar}, chance {CHANCE}); untrained "
        f"listeners reach {rate(listeners['value'])} % in a different task. The best recognised emotion is "
        f"{recall.idxmax()} (recall {rate(recall.max())}), the worst {recall.idxmin()} ({rate(recall.min())}). "
        f"Relative to test, accuracy is {gaps[0]} points on training clips ({rate(train['accuracy'])} %) and "
        f"{gaps[1]} points on validation clips."
    )
    if known := source.find(lead.model, "none", "random"):
        met = float(source.row(known)["accuracy"])
        text += (
            f" With a random split (a leak), it reaches {rate(met)} % on other clips of training actors: "
            f"{points(met - test['accuracy'])} points come from knowing the actor, the rest of the gap to training "
            "from knowing the clip."
        )
    return Inference(head, text)


def _text(source: Source) -> Inference | None:
    """All text models on the transcripts, tested against chance."""
    controls = text_against_chance(source)
    if controls is None or not len(rows := controls[(controls["protocol"] == MAIN) & (controls["track"] == "asr")]):
        return None
    above = rows[rows["above"]]
    rest = listed([f"`{model}`" for model in rows.loc[~rows["above"], "model"]] or ["none"])
    head = "Text models are not shown to exceed chance on RAVDESS's own sentences."
    told = f"On {WORDS['asr']}, a negative control, no text model is shown to exceed chance (UAR {CHANCE}): {rest}."
    if len(above):
        head = "The two sentences of RAVDESS carry no emotion; Whisper's transcription errors carry some."
        scores = [f"`{r['model']}` {rate(r['uar'])} (p {p_value(r['holm'])})" for r in above.to_dict("records")]
        told = (
            f"UAR above chance ({CHANCE}) on {WORDS['asr']}, a negative control: {listed(scores)}; not above: {rest}."
        )
    marked = controls[(controls["protocol"] == MAIN) & (controls["track"] == "asr_punctuated")]
    loud = marked[marked["above"]]
    if len(loud):
        number = f"{len(loud)} of {len(marked)} {'is' if len(loud) == 1 else 'are'}"
        highest = rate(loud["uar"].max())
        told += f" With punctuation kept, {number} above chance (up to {highest}): exclamation marks reflect loudness."
    return Inference(head, told)


def _fusion(source: Source, tests: pd.DataFrame) -> Inference | None:
    """Each text source's fusion compared with audio alone."""
    rows = tests[tests["model"].map(source.modalities) == "fusion"]
    real, paired = (
        _against_audio(source, rows[(rows["track"] == track) & (rows["protocol"] == MAIN)])
        for track in ("asr", "natural")
    )
    if real is None:
        return None
    text = f"On {WORDS['asr']}, {_compared(real)}{_abstained(source, real)})."
    blind = rows[(rows["track"] == "asr") & (rows["protocol"] == "emobox6") & (rows["model"] == real["model"])]
    if (there := _against_audio(source, blind)) is not None:
        gap = points(there["gap"])
        text += f" Under emobox6, where its selection rule was not developed, the difference is {gap} points."
    if paired is not None:
        text += (
            f" On {WORDS['natural']}, which measures fusion and not RAVDESS, {_compared(paired)}, better for "
            f"{paired['better']} of {paired['actors']} actors)."
        )
    return Inference(_fusion_head(real, paired), text)


def _fusion_head(real: pd.Series, paired: "pd.Series | None") -> str:
    if real["verdict"] == GAIN:
        return "Fusion gains on RAVDESS's own words: check for a leak first."
    if paired is not None and paired["verdict"] == GAIN:
        return "Fusion helps when the words carry emotion; on RAVDESS's own words no gain is shown."
    return "Adding words to audio is not shown to help."


def _compared(test: pd.Series) -> str:
    """A paired test in words, its bracket left open."""
    return (
        f"`{test['model']}` compared with `{test['against']}` shows {test['verdict']} ({points(test['gap'])} points, "
        f"p {p_value(test['holm'])}, Holm"
    )


def _abstained(source: Source, test: pd.Series) -> str:
    """In how many folds a fusion that chooses per fold used audio alone, and so copies its predictions."""
    fusion = source.find(test["model"], test["track"], test["protocol"])
    picked = [details.picked for details in source.choices(fusion)["details"]] if fusion else []
    alone = picked.count(test["against"])
    return f"; it used audio alone in {alone} of {len(picked)} folds" if alone else ""


def _against_audio(source: Source, rows: pd.DataFrame) -> "pd.Series | None":
    """The test of a track's chosen fusion (or of the first fusion there is) against audio alone."""
    rows = rows[rows["against"].map(source.modalities) == "audio"]
    rows = rows.sort_values("chosen", ascending=False, kind="stable")
    return rows.iloc[0] if len(rows) else None


def _leak(source: Source) -> Inference | None:
    """The random split, which shares actors between training and test."""
    found = audit(source)
    random = found[found["protocol"] == "random"].set_index("model").to_dict("index")
    for question in ("audio_single", "audio_robust", "audio_frozen", "audio"):
        subject = source.answers.get(question)
        if subject and subject.model in random:
            row = random[subject.model]
            real = verdict(row["gap"], row["holm"]) == GAIN
            return Inference(
                "A random split inflates results." if real else "A random split is not shown to inflate results here.",
                f"When training and test share actors, the UAR of `{subject.model}` changes from "
                f"{rate(row['honest'])} to {rate(row['leaked'])} "
                f"({points(row['gap'])} points, p {p_value(row['holm'])}, Holm).",
            )
    return None


def _confidence(source: Source) -> Inference:
    """Calibration of the lead, and the difference between the sexes."""
    lead = source.lead.experiment
    got = trust(source.tested(lead))
    other = source.published[source.published["topic"] == "calibration"].iloc[0]
    text = (
        f"After temperature scaling, the ECE of `{lead.model}` is {got.ece:.3f} (target: at most {TARGET_ECE}; best "
        f"published posteriors: {other['value']:.3f}). On the half of the clips with the highest confidence, its "
        f"accuracy is {rate(got.accurate_at['50'])} %."
    )
    head = "Confidence " + ("meets" if got.ece <= TARGET_ECE else "misses") + " the calibration target"
    if source.sexes:
        gap, p = sex_gap(source)
        text += (
            f" The UAR on women's portrayals is {rate(abs(gap))} points {'higher' if gap > 0 else 'lower'} than on "
            f"men's (p {p_value(p)}, Holm)"
        )
        text += "; listeners also recognise women better." if gap > 0 and p < LEVEL else "."
        head += ", and results differ between the sexes" if p < LEVEL else ""
    return Inference(head + ".", text)


def _protocols(source: Source) -> Inference | None:
    """The lead, or the model in its place, under each other protocol without leaks."""
    found = [e for protocol in ("emobox6", "loso24") if (e := source.lead_under(protocol))]
    if not found:
        return None
    within, told = True, []
    for there in found:
        row, here = source.row(there), source.find(there.model, AUDIO_TRACK)
        uar = float(source.row(here)["uar"]) if here else float("nan")
        within = within and bool(row["uar_low"] <= uar <= row["uar_high"])
        whole = whole_span(row["uar"], row["uar_low"], row["uar_high"])
        told.append(f"`{there.model}` {whole} under {there.protocol}, {rate(uar)} under {MAIN}")
    head = "Results agree across protocols." if within else "Results do not agree across protocols."
    return Inference(head, f"UAR: {'; '.join(told)}. All protocols divide the same actors; none adds new ones.")
