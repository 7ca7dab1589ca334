"""A results folder -> what may be concluded from it: sentences whose wording the computed tests choose."""

from dataclasses import dataclass

import pandas as pd

from intone.evaluation.confidence import trust
from intone.evaluation.groups import by_emotion
from intone.report.groups import actors, development, groups, sentences, sex_gap
from intone.report.markdown import GAIN, LEVEL, LOSS, listed, verdict, whole_span
from intone.report.model_tests import comparisons, text_against_chance
from intone.report.numbers import p_value, points, rate, span_of_points
from intone.report.sections.leaks import audit
from intone.report.source import AUDIO_TRACK, MAIN, WORDS, Source

CHANCE = 12.5
"""UAR of whoever guesses, in percent."""

TARGET_ECE = 0.05
"""What the best model is to reach."""


@dataclass(frozen=True)
class Inference:
    """One thing learned."""

    head: str
    text: str


def inferences(source: Source) -> list[Inference]:
    """The things learned, most important first; those whose data are not there are left out."""
    tests = comparisons(source)
    found = [_hears(source), _words(source), _both(source, tests), _leak(source), _trust(source)]
    found += [*_pretraining(tests), _elsewhere(source)]
    found += [Inference(*told) for told in (*groups(source), *sentences(source), *development(source), actors(source))]
    return [inference for inference in found if inference]


def _hears(source: Source) -> Inference:
    lead = source.lead.experiment
    train, validation, test = (source.row(lead, part) for part in ("train", "validation", "test"))
    recall = by_emotion(source.tested(lead))["recall"]
    listeners = source.published[source.published["system"] == "listeners"].iloc[0]
    head = "Emotion can be heard in a stranger's voice."
    if test["uar_low"] <= CHANCE:
        head = "Emotion has not been shown to be heard in a stranger's voice."
    text = (
        f"`{lead.model}` is right on {rate(test['accuracy'])} % of the clips of actors it never heard (UAR "
        f"{whole_span(test['uar'], test['uar_low'], test['uar_high'])}; chance is {CHANCE}; untrained listeners, asked "
        f"otherwise, {rate(listeners['value'])} %): best on {recall.idxmax()} ({rate(recall.max())}), worst on "
        f"{recall.idxmin()} ({rate(recall.min())}). It is right on {rate(train['accuracy'])} % of the very clips it "
        f"learned from: {rate(train['accuracy'] - test['accuracy'])} points more"
    )
    known = source.find(lead.model, "none", "random")
    if known:
        met = float(source.row(known)["accuracy"])
        text += (
            f", of which {rate(met - test['accuracy'])} go with knowing the actor (other clips of known actors: "
            f"{rate(met)} %) and the rest with knowing the clip"
        )
    early = validation["accuracy"] - test["accuracy"]
    return Inference(head, text + f". On validation actors it is {points(early)} points off that.")


def _words(source: Source) -> Inference | None:
    """Text alone on what was really said, every model of it, against chance."""
    controls = text_against_chance(source)
    if controls is None or not len(rows := controls[(controls["protocol"] == MAIN) & (controls["track"] == "asr")]):
        return None
    above = rows[rows["holm"] < LEVEL]
    rest = listed([f"`{model}`" for model in rows.loc[rows["holm"] >= LEVEL, "model"]] or ["none"])
    head = "The words of RAVDESS tell nothing."
    told = f"On what was really said, text does no better than labels shuffled among takes of a sentence ({rest})"
    if len(above):
        head = "The sentences of RAVDESS tell nothing; what Whisper mishears in them does."
        scores = [f"`{r['model']}` {rate(r['uar'])} (p {p_value(r['holm'])})" for r in above.to_dict("records")]
        told = f"On what was really said, UAR of text over chance ({CHANCE}): {listed(scores)}; not over it: {rest}"
    marked = controls[(controls["protocol"] == MAIN) & (controls["track"] == "asr_punctuated")]
    loud = marked[marked["holm"] < LEVEL]
    if len(loud):
        told += (
            f". With Whisper's punctuation left in, up to {rate(loud['uar'].max())} "
            f"({len(loud)} of {len(marked)} over chance): an exclamation mark writes down loudness, and no word"
        )
    return Inference(head, told + ".")


def _both(source: Source, tests: pd.DataFrame) -> Inference | None:
    rows = tests[tests["model"].map(source.modalities) == "fusion"]
    real = _against_audio(source, rows[(rows["track"] == "asr") & (rows["protocol"] == MAIN)])
    paired = _against_audio(source, rows[(rows["track"] == "natural") & (rows["protocol"] == MAIN)])
    if real is None:
        return None
    text = (
        f"On what was really said, `{real['model']}` against `{real['against']}` alone shows {real['verdict']} "
        f"({points(real['gap'])} points, p {p_value(real['holm'])} by Holm{_abstained(source, real)})"
    )
    blind = rows[(rows["track"] == "asr") & (rows["protocol"] == "emobox6") & (rows["model"] == real["model"])]
    if (there := _against_audio(source, blind)) is not None:
        text += f"; on emobox6, which its rule for abstaining was not made on, {points(there['gap'])}"
    head = "Words help when they carry emotion; RAVDESS's own are not shown to."
    if real["verdict"] == GAIN:
        head = "Fusion gains on RAVDESS's own words: look for the leak first."
    if paired is not None:
        text += (
            f". On {WORDS['natural']}, which measures fusion and not RAVDESS, `{paired['model']}` against "
            f"`{paired['against']}` shows {paired['verdict']} ({points(paired['gap'])} points, p "
            f"{p_value(paired['holm'])}, better for {paired['better']} of {paired['actors']} actors)"
        )
        if paired["verdict"] != GAIN:
            head = "Words have not been shown to help."
    return Inference(head, text + ".")


def _abstained(source: Source, test: pd.Series) -> str:
    """In how many folds a fusion that chooses took sound alone, of whose figures it then has a copy."""
    fusion = source.find(test["model"], test["track"], test["protocol"])
    picked = [details.picked for details in source.choices(fusion)["details"]] if fusion else []
    alone = picked.count(test["against"])
    return f"; it took sound alone in {alone} of {len(picked)} folds" if alone else ""


def _against_audio(source: Source, rows: pd.DataFrame) -> "pd.Series | None":
    """The test of a track's answer (or of the first fusion there is) against sound alone."""
    rows = rows[rows["against"].map(source.modalities) == "audio"]
    rows = rows.sort_values("chosen", ascending=False, kind="stable")
    return rows.iloc[0] if len(rows) else None


def _leak(source: Source) -> Inference | None:
    found = audit(source)
    random = found[found["protocol"] == "random"].set_index("model").to_dict("index")
    for question in ("audio_single", "audio_robust", "audio_frozen", "audio"):
        subject = source.answers.get(question)
        if subject and subject.model in random:
            row = random[subject.model]
            real = verdict(row["gap"], row["holm"]) == GAIN
            return Inference(
                "A random split flatters." if real else "A random split did not flatter here.",
                f"The same `{subject.model}`, trained and tested on clips shuffled without regard to who speaks, goes "
                f"from UAR {rate(row['honest'])} to {rate(row['leaked'])} ({points(row['gap'])} points, p "
                f"{p_value(row['holm'])}).",
            )
    return None


def _trust(source: Source) -> Inference:
    lead = source.lead.experiment
    got = trust(source.tested(lead))
    reached = got.ece <= TARGET_ECE
    other = source.published[source.published["topic"] == "calibration"].iloc[0]
    text = (
        f"After one temperature, fitted on validation actors, the confidence of `{lead.model}` is off by "
        f"{got.ece:.3f} (ECE; the target is {TARGET_ECE}, the best published posteriors have {other['value']:.3f}). "
        f"When it answers only the half it is surest of, it is right on {rate(got.accurate_at['50'])} %."
    )
    head = "It knows when it does not know" if reached else "Its confidence is not to be taken at its word"
    if source.sexes:
        gap, p = sex_gap(source)
        text += (
            f" Women's portrayals are recognised {rate(abs(gap))} points {'better' if gap > 0 else 'worse'} than men's "
            f"(UAR, p {p_value(p)})" + (", as they are by listeners." if gap > 0 and p < LEVEL else ".")
        )
        head += ", and it is not even-handed." if p < LEVEL else "."
    return Inference(head.rstrip(".") + ".", text)


def _pretraining(tests: pd.DataFrame) -> list[Inference]:
    """Audio answers among themselves."""
    found = []
    for row in tests[tests["track"] == "none"].to_dict("records"):
        text = (
            f"`{row['model']}` less `{row['against']}`: {span_of_points(row['gap'], row['low'], row['high'])} points "
            f"of UAR, p {p_value(row['holm'])} by Holm, better for {row['better']} and worse for {row['worse']} of "
            f"{row['actors']} actors."
        )
        better = {GAIN: "is better than", LOSS: "is worse than"}.get(row["verdict"], "is not shown to be better than")
        found.append(Inference(f"`{row['model']}` {better} `{row['against']}`.", text))
    return found


def _elsewhere(source: Source) -> Inference | None:
    """The lead, or what stands for it, under each other honest protocol."""
    found = [e for protocol in ("emobox6", "loso24") if (e := source.lead_under(protocol))]
    if not found:
        return None
    within, told = True, []
    for there in found:
        row, here = source.row(there), source.find(there.model, AUDIO_TRACK)
        uar = float(source.row(here)["uar"]) if here else float("nan")
        within = within and bool(row["uar_low"] <= uar <= row["uar_high"])
        whole = whole_span(row["uar"], row["uar_low"], row["uar_high"])
        told.append(f"`{there.model}` has UAR {whole} on {there.protocol} and {rate(uar)} on {MAIN}.")
    told.append("They are other partitions of the same actors, and not others.")
    head = "Other folds of these actors agree." if within else "Other folds of these actors do not agree."
    return Inference(head, " ".join(told))
