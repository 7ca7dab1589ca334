"""A results folder -> what may be concluded from it: sentences whose wording the computed tests choose."""

from dataclasses import dataclass

import pandas as pd

from intone.breakdown import by_emotion, by_speaker
from intone.confidence import trust
from intone.evaluate import sign_flip, speaker_uars
from intone.numerals import p_value, points, rate
from intone.report.comparisons import comparisons
from intone.report.markdown import GAIN, LEVEL, LOSS, verdict, whole_span
from intone.report.source import AUDIO_TRACK, MAIN, WORDS, Source
from intone.results import Experiment
from intone.significance import group_gap, holm

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
    found = [_hears(source), _words(source), _both(tests), _leak(source), _trust(source)]
    found += [*_pretraining(tests), _elsewhere(source), *_groups(source), _actors(source)]
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
    early = abs(validation["accuracy"] - test["accuracy"])
    return Inference(head, text + f". Validation actors told the test within {rate(early)} points.")


def _words(source: Source) -> Inference | None:
    controls = source.table("text_controls.csv")
    text = source.text_branch("asr")
    if controls is None or text is None:
        return None
    rows = controls[(controls["model"] == text.model) & (controls["protocol"] == MAIN)].set_index("track")
    uar, p = float(rows["uar"]["asr"]), float(rows["p"]["asr"])
    silent = p >= LEVEL
    head = "The words of RAVDESS tell nothing." if silent else "The transcripts give something away: a side channel."
    told = (
        f"`{text.model}`, trained on what was really said, scores UAR {rate(uar)}: labels shuffled within actors do as "
        f"well (p {p_value(p)})"
        if silent
        else f"`{text.model}` scores UAR {rate(uar)} on words that are the same for every emotion (p {p_value(p)})"
    )
    if "asr_punctuated" in rows.index:
        marked, p = float(rows["uar"]["asr_punctuated"]), float(rows["p"]["asr_punctuated"])
        told += f". With Whisper's punctuation left in it scores {rate(marked)} (p {p_value(p)}): " + (
            "an exclamation mark writes down loudness, and no word" if p < LEVEL else "the marks tell nothing either"
        )
    return Inference(head, told + ".")


def _both(tests: pd.DataFrame) -> Inference | None:
    rows = tests[(tests["protocol"] == MAIN) & tests["model"].str.startswith("fusion")]
    heard = _against_audio(rows[rows["track"] == "asr"])
    paired = _against_audio(rows[rows["track"] == "natural"])
    if heard is None:
        return None
    text = (
        f"On what was really said, `{heard['model']}` against `{heard['against']}` alone is {heard['verdict']} "
        f"({points(heard['gap'])} points, p {p_value(heard['holm'])} by Holm)"
    )
    head = "Words help when they carry emotion, and only then."
    if heard["verdict"] == GAIN:
        head = "Fusion gains on RAVDESS's own words: look for the leak first."
    if paired is not None:
        text += (
            f". On {WORDS['natural']}, which measures fusion and not RAVDESS, `{paired['model']}` against "
            f"`{paired['against']}` is {paired['verdict']} ({points(paired['gap'])} points, p "
            f"{p_value(paired['holm'])}, "
            f"better for {paired['better']} of {paired['actors']} actors)"
        )
        if paired["verdict"] != GAIN:
            head = "Words have not been shown to help."
    return Inference(head, text + ".")


def _against_audio(rows: pd.DataFrame) -> "pd.Series | None":
    """The test of a track's answer (or of the first fusion there is) against sound alone."""
    rows = rows[rows["against"].str.startswith("audio")].sort_values("chosen", ascending=False, kind="stable")
    return rows.iloc[0] if len(rows) else None


def _leak(source: Source) -> Inference | None:
    for question in ("audio_single", "audio_robust", "audio_frozen", "audio"):
        subject = source.answers.get(question)
        leak = source.find(subject.model, "none", "random") if subject else None
        if subject and leak:
            return _leaked(source, subject.experiment, leak)
    return None


def _leaked(source: Source, honest: Experiment, leak: Experiment) -> Inference:
    gap, p = sign_flip(source.tested(leak), source.tested(honest))
    real = verdict(gap, p) == GAIN
    head = "A random split flatters." if real else "A random split did not flatter here."
    uars = [rate(source.row(e)["uar"]) for e in (honest, leak)]
    return Inference(
        head,
        f"The same `{honest.model}`, trained and tested on clips shuffled without regard to who speaks, goes from UAR "
        f"{uars[0]} to {uars[1]} ({points(gap)} points, p {p_value(p)}). A published figure whose split is not by "
        "speaker is to be read with that in mind.",
    )


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
        gap, p = sex_gap(source, lead)
        text += (
            f" Women's portrayals are recognised {rate(abs(gap))} points {'better' if gap > 0 else 'worse'} than men's "
            f"(UAR, p {p_value(p)})" + (", as they are by listeners." if gap > 0 and p < LEVEL else ".")
        )
        head += ", and it is not even-handed." if p < LEVEL else "."
    return Inference(head.rstrip(".") + ".", text)


def sex_gap(source: Source, experiment: Experiment) -> tuple[float, float]:
    """Female minus male mean UAR of actors, in points, and its permutation p."""
    uars = speaker_uars(source.tested(experiment))
    sex = uars.index.map(source.sexes)
    return group_gap(uars[sex == "female"].to_numpy(), uars[sex == "male"].to_numpy())


def _pretraining(tests: pd.DataFrame) -> list[Inference]:
    """Audio answers among themselves."""
    found = []
    for row in tests[tests["track"] == "none"].to_dict("records"):
        text = (
            f"`{row['model']}` against `{row['against']}` is {row['verdict']} ({points(row['gap'])} points of UAR, "
            f"p {p_value(row['holm'])} by Holm, better for {row['better']} of {row['actors']} actors)."
        )
        better = {GAIN: "is better than", LOSS: "is worse than"}.get(row["verdict"], "is no better than")
        found.append(Inference(f"`{row['model']}` {better} `{row['against']}`.", text))
    return found


def _elsewhere(source: Source) -> Inference | None:
    """The lead, or what stands for it, under each other honest protocol, and on a sentence never learned from."""
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
    if any(there.protocol == "emobox6" for there in found):
        told.append("Nothing was developed on emobox6.")
    if crossed := source.lead_under(f"{MAIN}_sentence"):
        half = rate(source.row(crossed)["uar"])
        told.append(
            f"Tested on a sentence it never learned from, and learned from half of the clips, `{crossed.model}` has "
            f"{half}."
        )
    return Inference("Other folds say the same." if within else "Other folds say something else.", " ".join(told))


def _groups(source: Source) -> list[Inference]:
    """Intensity and sentence, paired over actors and corrected together."""
    if source.clips is None:
        return []
    tested = source.tested(source.lead.experiment).merge(source.clips[["file", "intensity", "statement"]], on="file")
    strong = tested[tested["emotion"] != "neutral"]  # which has no strong clips
    pairs = {
        "Strong portrayals are": (
            _part(strong, "intensity", "strong"),
            _part(strong, "intensity", "normal"),
            "normal ones",
        ),
        "The sentence about kids is": (
            _part(tested, "statement", "kids"),
            _part(tested, "statement", "dogs"),
            "the other",
        ),
    }
    gaps = [sign_flip(one, other) for one, other, _ in pairs.values()]
    corrected = holm([p for _, p in gaps])
    found = []
    for (name, (_, _, other)), (gap, _), p in zip(pairs.items(), gaps, corrected, strict=True):
        told = p < LEVEL
        how = f"recognised {rate(abs(gap))} points {'better' if gap > 0 else 'worse'} than {other}"
        head = f"{name} {how}." if told else f"{name} recognised no differently from {other}."
        found.append(
            Inference(head, f"UAR of `{source.lead.model}` over actors: {points(gap)} points, p {p_value(p)} by Holm.")
        )
    return found


def _part(table: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    return table[table[column] == value]


def _actors(source: Source) -> Inference:
    rates = by_speaker(source.tested(source.lead.experiment))["accuracy"].sort_values()
    (worst, *_, best), lead = rates.index, source.lead.model
    text = (
        f"`{lead}` is right on {rate(float(rates[worst]))} % of the clips of {worst} and on "
        f"{rate(float(rates[best]))} % "
        f"of those of {best}; the standard deviation over actors is {rate(float(rates.std()))} points."
    )
    for model, row in source.seeds.iterrows():
        text += f" Over {row['seeds']:.0f} seeds of `{model}` on one fold it is {rate(float(row['deviation']))}."
    return Inference("Who speaks matters most.", text)
