"""results/ predictions -> results/ evidence: paired tests over actors, and text against chance."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from intone.cache import write_whole
from intone.evaluation.groups import ravdess_clips, speaker_and_sentence
from intone.evaluation.metrics import chance_p, chance_p_over_speakers, paired, score
from intone.evaluation.results import Experiment, read_predictions
from intone.text import normalise

CONTROL_TRACKS = ("asr", "asr_punctuated", "constant", "shuffled")

FUSED = ("asr", "natural", "constant", "shuffled")
"""Tracks on which fusions are compared with their branches."""

RULED = ("asr", "natural")
"""Tracks on which rules of fusion are compared with one another."""

PROTOCOLS = ("luna5", "emobox6", "luna5_sentence", "speakers")
"""Protocols under which fusions are compared with their branches."""

PAIRED_COLUMNS = (
    "track",
    "protocol",
    "model",
    "against",
    "gap",
    "low",
    "high",
    "p",
    "better",
    "worse",
    "actors",
    "chosen",
)
"""`gap` with its 95 % interval is in points of UAR; `better` and `worse` count actors."""


def write_evidence(
    results: Path,
    pairs: Mapping[str, Sequence[str]],
    chosen: Mapping[str, str],
    rules: Mapping[str, Sequence[str]],
) -> None:
    """Write paired.csv, fusion_rules.csv, text_controls.csv and transcript_effects.csv for all predictions that are
    there.

    `pairs`: fusion -> the branches that it is compared with; `chosen`: question -> the model fixed beforehand; `rules`:
    fusion by one fixed rule -> its branches, audio first.
    """
    summary = pd.read_csv(results / "summary.csv")
    _write(results / "paired.csv", paired_tests(results, summary, pairs, chosen))
    _write(results / "fusion_rules.csv", rule_tests(results, summary, rules))
    controls, effects = text_controls(results, summary)
    _write(results / "text_controls.csv", controls)
    _write(results / "transcript_effects.csv", effects)


def _write(path: Path, table: pd.DataFrame) -> None:
    write_whole(path, table.to_csv(index=False, lineterminator="\n").encode())


def tested(results: Path, experiment: Experiment) -> pd.DataFrame:
    """An experiment's out-of-fold predictions of test clips, one row per clip."""
    table = read_predictions(experiment, results)
    return table[table["split"] == "test"]


def paired_tests(
    results: Path, summary: pd.DataFrame, pairs: Mapping[str, Sequence[str]], chosen: Mapping[str, str]
) -> pd.DataFrame:
    """Fusions against their branches, two-sided sign-flip over the actors' UARs.

    Columns: PAIRED_COLUMNS. `chosen`: whether the fusion was fixed beforehand as the track's answer; the p values of
    the others come from one test among many.
    """
    rows = []
    for track, protocol, model in itertools.product(FUSED, PROTOCOLS, pairs):
        fusion = _found(summary, model, track, protocol)
        for name in pairs[model]:
            branch = _found(summary, name, "none", protocol) or _found(summary, name, track, protocol)
            if fusion is None or branch is None:
                continue
            names = {"track": track, "protocol": protocol, "model": model, "against": name}
            measured = paired_row(tested(results, fusion), tested(results, branch))
            rows.append({**names, **measured, "chosen": chosen.get(f"fusion_{track}") == model})
    return pd.DataFrame(rows, columns=list(PAIRED_COLUMNS))


def rule_tests(results: Path, summary: pd.DataFrame, rules: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Fusions by one fixed rule against their audio branch, and against each other rule on the same branches.

    A fusion that may choose audio alone says little about fusion where it did. Columns: those of `PAIRED_COLUMNS`
    except `chosen`.
    """
    against: dict[str, Sequence[str]] = {model: branches[:1] for model, branches in rules.items()}
    tables = [paired_tests(results, summary, against, {})]
    for track, (one, other) in itertools.product(RULED, itertools.combinations(rules, 2)):
        found = [_found(summary, model, track, "luna5") for model in (one, other)]
        if tuple(rules[one]) != tuple(rules[other]) or found[0] is None or found[1] is None:
            continue
        names = {"track": track, "protocol": "luna5", "model": one, "against": other}
        measured = paired_row(*(tested(results, experiment) for experiment in found if experiment))
        tables.append(pd.DataFrame([{**names, **measured}]))
    return pd.concat(tables, ignore_index=True).drop(columns="chosen", errors="ignore")


def paired_row(one: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    """Two tables of test predictions -> the values of PAIRED_COLUMNS from `gap` to `actors`."""
    got = paired(one, other)
    gaps = {name: round(getattr(got, name), 2) for name in ("gap", "low", "high")}
    return {**gaps, "p": round(got.p, 5), "better": got.better, "worse": got.worse, "actors": got.speakers}


def _found(summary: pd.DataFrame, model: str, track: str, protocol: str) -> Experiment | None:
    """The experiment, if it was made."""
    is_it = (summary["model"] == model) & (summary["track"] == track) & (summary["protocol"] == protocol)
    rows = summary[is_it]
    return Experiment(model, rows["modality"].iloc[0], track, protocol) if len(rows) else None


def text_controls(results: Path, summary: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """UAR of text models on what was really said, against labels permuted within each actor's takes of a sentence.

    First table: `model, track, protocol, uar, p, p_speakers`; `p_speakers` is over speakers, so that a few clips of one
    speaker can't decide. Second: for each model with both below .05 the transcripts that carry it: `model, track,
    protocol, text, clips, hits, expected`, most surplus hits first; `expected`: hits if predictions had nothing to do
    with emotions, the sum of the predicted emotions' shares of all clips.
    """
    transcripts = pd.read_csv(results / "transcripts.csv", keep_default_na=False)
    rows, effects = [], []
    text = summary[(summary["modality"] == "text") & summary["track"].isin(CONTROL_TRACKS)]
    for model, track, protocol in text[["model", "track", "protocol"]].drop_duplicates().itertuples(index=False):
        table = tested(results, Experiment(model, "text", track, protocol))
        p, p_speakers = chance_p(table, _strata(table)), chance_p_over_speakers(table)
        rows.append((model, track, protocol, round(score(table).uar, 2), round(p, 4), round(p_speakers, 4)))
        if max(p, p_speakers) < 0.05 and track.startswith("asr"):  # elsewhere the words are not those of the clip
            effects.append(_carriers(table, transcripts, track).assign(model=model, track=track, protocol=protocol))
    columns = ["model", "track", "protocol", "text", "clips", "hits", "expected"]
    carried = pd.concat(effects)[columns] if effects else pd.DataFrame(columns=columns)
    return pd.DataFrame(rows, columns=["model", "track", "protocol", "uar", "p", "p_speakers"]), carried


def _strata(table: pd.DataFrame) -> pd.Series | None:
    """Speaker and sentence of each row, by its index; None where they are not RAVDESS's clips."""
    clips = ravdess_clips(table["file"].tolist())
    return None if clips is None else table["file"].map(speaker_and_sentence(clips).set_axis(clips["file"]))


def _carriers(table: pd.DataFrame, transcripts: pd.DataFrame, track: str, most: int = 12) -> pd.DataFrame:
    said = transcripts.assign(text=transcripts["text"].map(normalise) if track == "asr" else transcripts["text"])
    rows = table.merge(said, on="file", validate="one_to_one")
    rows["hit"] = rows["predicted"] == rows["emotion"]
    # Of RAVDESS's clips neutral has 1/15 and each other emotion 2/15: an eighth would call usual sentences telling.
    rows["chance"] = rows["predicted"].map(table["emotion"].value_counts(normalize=True)).fillna(0.0)
    by = rows.groupby("text").agg(clips=("hit", "size"), hits=("hit", "sum"), expected=("chance", "sum")).reset_index()
    by["expected"] = by["expected"].round(2)
    order = (by["hits"] - by["expected"]).sort_values(ascending=False).index
    return by.loc[order].head(most)
