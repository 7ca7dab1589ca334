"""A results folder -> what the report says of it: models fixed beforehand, their predictions, published figures."""

import json
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

import pandas as pd

from intone.emotions import EMOTIONS
from intone.errors import IntoneError
from intone.evaluation.catalogue import Catalogue
from intone.evaluation.details import Details
from intone.evaluation.groups import ravdess_clips
from intone.evaluation.results import Experiment, read_predictions

MAIN = "luna5"
"""The protocol that every model is judged under."""

AUDIO_TRACK = "none"

QUESTIONS = {
    "audio": AUDIO_TRACK,
    "audio_frozen": AUDIO_TRACK,
    "audio_robust": AUDIO_TRACK,
    "audio_single": AUDIO_TRACK,
    "audio_system": AUDIO_TRACK,
    "fusion_asr": "asr",
    "fusion_natural": "natural",
}
"""Question of chosen.json -> the words that its answer reads."""

LEADS = ("audio_system", "audio_single", "audio_robust", "audio_frozen", "audio")
"""Questions of chosen.json about sound, the one whose answer was expected to be best first."""


@dataclass(frozen=True)
class Subject:
    """A model that the report looks at closely."""

    question: str
    """What it answers, as results/chosen.json has it; "" for a branch of one that does."""
    experiment: Experiment

    @property
    def model(self) -> str:
        """Its name."""
        return self.experiment.model

    @property
    def title(self) -> str:
        """Its name, with the words it reads."""
        track = self.experiment.track
        return f"`{self.model}`" if track == AUDIO_TRACK else f"`{self.model}` on {WORDS.get(track, track)}"


WORDS = {
    "asr": "the words really said",
    "asr_punctuated": "words with their punctuation",
    "natural": "sentences paired by label",
    "constant": "one constant sentence",
    "shuffled": "another clip's words",
    "simulated": "sentences made from the label",
}
"""Track -> its words, for readers."""


LABELLED = "paired by label: measures fusion, not RAVDESS"
"""Stands over whatever was measured on `natural`."""


@dataclass(frozen=True)
class Source:
    """A folder of results. Raises IntoneError where its summary is not there."""

    results: Path

    @cached_property
    def summary(self) -> pd.DataFrame:
        """results/summary.csv."""
        if not (self.results / "summary.csv").exists():
            raise IntoneError(f"{self.results / 'summary.csv'} is not there: `intone reproduce` makes it.")
        return pd.read_csv(self.results / "summary.csv")

    @cached_property
    def catalogue(self) -> Catalogue:
        """What each model is, and its title."""
        return Catalogue.read(self.results)

    @cached_property
    def modalities(self) -> dict[str, str]:
        """Model -> audio, text or fusion."""
        return dict(zip(self.summary["model"], self.summary["modality"], strict=True))

    def titles(self, models: pd.Series) -> pd.Series:
        """A column of models, as titles."""
        return models.map(self.catalogue.title)

    def table(self, name: str) -> pd.DataFrame | None:
        """A table of the folder; None where it is not there."""
        path = self.results / name
        return pd.read_csv(path, dtype={"fold": str, "level": str, "k": str}) if path.exists() else None

    @cached_property
    def chosen(self) -> dict[str, str]:
        """Question -> the model that was fixed beforehand as its answer."""
        path = self.results / "chosen.json"
        if not path.exists():
            raise IntoneError(f"{path} is not there: `intone reproduce` makes it.")
        answers: dict[str, str] = json.loads(path.read_text())
        return answers

    def row(self, experiment: Experiment, split: str = "test") -> pd.Series:
        """The summary's row of an experiment."""
        s = self.summary
        is_it = (s["model"] == experiment.model) & (s["track"] == experiment.track)
        return s[is_it & (s["protocol"] == experiment.protocol) & (s["split"] == split)].iloc[0]

    def find(self, model: str, track: str, protocol: str = MAIN) -> Experiment | None:
        """The experiment, if it was made."""
        s = self.summary
        rows = s[(s["model"] == model) & (s["track"] == track) & (s["protocol"] == protocol)]
        return Experiment(model, str(rows["modality"].iloc[0]), track, protocol) if len(rows) else None

    def choices(self, experiment: Experiment) -> pd.DataFrame:
        """What its folds chose: columns `fold, temperature, details` (`Details`); no rows where none is known."""
        rows = self.table("choices.csv")
        if rows is None:
            return pd.DataFrame(columns=["fold", "temperature", "details"])
        is_it = (rows["model"] == experiment.model) & (rows["track"] == experiment.track)
        mine = rows.loc[is_it & (rows["protocol"] == experiment.protocol), ["fold", "temperature", "details"]]
        return mine.assign(details=mine["details"].map(lambda text: Details.of_json(json.loads(text))))

    def predictions(self, experiment: Experiment) -> pd.DataFrame:
        """All parts of an experiment's predictions."""
        return _predictions(experiment, self.results)

    def tested(self, experiment: Experiment) -> pd.DataFrame:
        """Its predictions of test clips, one row a clip."""
        table = self.predictions(experiment)
        return table[table["split"] == "test"]

    @cached_property
    def answers(self) -> dict[str, Subject | None]:
        """Question -> the model that answers it; None while it has not been run."""
        found: dict[str, Subject | None] = {}
        for question, model in self.chosen.items():
            track = QUESTIONS[question]
            experiment = self.find(model, track)
            found[question] = Subject(question, experiment) if experiment else None
        return found

    @cached_property
    def subjects(self) -> list[Subject]:
        """Models that are looked at closely: audio, then each track's text branch and fusion; no model twice."""
        audio = [s for q, s in self.answers.items() if s and QUESTIONS[q] == AUDIO_TRACK]
        rest: list[Subject] = []
        for question, subject in self.answers.items():
            track = QUESTIONS[question]
            if track == AUDIO_TRACK:
                continue
            text = self.text_branch(track)
            rest += [Subject("", text)] if text else []
            rest += [subject] if subject else self._stand_in(track)
        return list({s.experiment: s for s in [*audio, *rest]}.values())

    @cached_property
    def distinct(self) -> list[Subject]:
        """The subjects without those that say on every test clip what an earlier one says."""
        return [s for s in self.subjects if self.same_as(s) is None]

    def same_as(self, subject: Subject) -> Subject | None:
        """The earlier subject whose test predictions are the same, clip by clip and nearly to four decimals, if any."""
        mine = self.tested(subject.experiment).sort_values("file")[list(EMOTIONS)].to_numpy()
        for earlier in self.subjects[: self.subjects.index(subject)]:
            theirs = self.tested(earlier.experiment).sort_values("file")[list(EMOTIONS)].to_numpy()
            if mine.shape == theirs.shape and abs(mine - theirs).max() < 1e-3:
                return earlier
        return None

    def _stand_in(self, track: str) -> list[Subject]:
        """While a track's answer has not been run: the fusion that was held against its branches there."""
        tests = self.table("paired.csv")
        mine = tests[(tests["track"] == track) & (tests["protocol"] == MAIN)] if tests is not None else pd.DataFrame()
        found = self.find(str(mine["model"].iloc[0]), track) if len(mine) else None
        return [Subject("", found)] if found else []

    def text_branch(self, track: str) -> Experiment | None:
        """The text model that a track's fusion was held against."""
        tests = self.table("paired.csv")
        if tests is None:
            return None
        mine = tests[(tests["track"] == track) & (tests["protocol"] == MAIN)]
        mine = mine[mine["against"].map(self.modalities) == "text"]
        answer = self.chosen.get(f"fusion_{track}")
        preferred = mine[mine["model"] == answer]
        names = (preferred if len(preferred) else mine)["against"]
        return self.find(str(names.iloc[0]), track) if len(names) else None

    @cached_property
    def lead(self) -> Subject:
        """The audio model that speaks for the toolkit: the first of `LEADS` that was run; no score picks it."""
        for question in LEADS:
            if found := self.answers.get(question):
                return found
        raise IntoneError(f"{self.results} holds none of the audio models of chosen.json: `intone reproduce`.")

    def lead_under(self, protocol: str) -> Experiment | None:
        """The first of `LEADS` that was run under another protocol."""
        models = [answer.model for question in LEADS if (answer := self.answers.get(question))]
        return next((found for model in models if (found := self.find(model, AUDIO_TRACK, protocol))), None)

    @cached_property
    def seeds(self) -> pd.DataFrame:
        """Index `model`; columns `seeds, lowest, highest` (test UAR on one fold, percent) and `deviation` (of accuracy,
        points) over several seeds; empty where there was one alone."""
        seeds = self.table("seeds.csv")
        rows = pd.DataFrame(columns=["model", "split", "uar", "accuracy"]) if seeds is None else seeds
        by = rows[rows["split"] == "test"].groupby("model", sort=False)
        told = by.agg(
            seeds=("uar", "size"), lowest=("uar", "min"), highest=("uar", "max"), deviation=("accuracy", "std")
        )
        return told[told["seeds"] > 1]

    @cached_property
    def clips(self) -> pd.DataFrame | None:
        """The clip table that file names spell out; None where they are not RAVDESS's."""
        return ravdess_clips(self.tested(self.lead.experiment)["file"].tolist())

    @cached_property
    def sexes(self) -> dict[str, str]:
        """Speaker -> sex, as far as known."""
        return {} if self.clips is None else dict(zip(self.clips["speaker"], self.clips["sex"], strict=True))

    @cached_property
    def published(self) -> pd.DataFrame:
        """Figures of others, with source and caveat; columns `topic, system, setting, metric, value, low, high, …`."""
        return pd.read_csv(
            str(files("intone.report") / "published.csv"), keep_default_na=False, na_values={"value": ""}
        )

    @cached_property
    def published_speakers(self) -> pd.DataFrame:
        """UARs by speaker, from others' released predictions; columns `system, protocol, speaker, uar, source`."""
        return pd.read_csv(str(files("intone.report") / "published_speakers.csv"))


@cache
def _predictions(experiment: Experiment, results: Path) -> pd.DataFrame:
    return read_predictions(experiment, results)
