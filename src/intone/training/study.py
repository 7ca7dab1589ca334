"""Optuna's study of one fold: values to try -> their losses, kept in an SQLite file, so that the same command goes on.

Which values are next depends on the seed and on the trials that are finished, and on nothing else: after a kill, the
trial that was running is asked again, and the study becomes the one that it would have become.
"""

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from intone.cache import digest
from intone.errors import IntoneError, Missing, brought_by
from intone.training.recipe_fields import Scalar
from intone.training.search_space import Range, SearchSpace


def library() -> ModuleType:
    """Optuna, which writes nothing but errors; raises Missing where it isn't installed."""
    try:
        import optuna
    except ModuleNotFoundError as problem:
        raise Missing(f"Searching settings needs optuna: {brought_by('tune')}.") from problem
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@dataclass(frozen=True)
class Trial:
    """One finished trial."""

    number: int
    """From 1 on."""
    values: Mapping[str, Scalar]
    loss: float | None
    """In nats; None where it is no number, as the training diverged."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """The search over one fold's settings, in its file."""

    path: Path
    """SQLite, for any number of studies."""
    name: str
    space: SearchSpace
    preset: Mapping[str, Scalar]
    """The values without any search, which the first trial has where they are in the space."""
    seed: int
    own: Any
    """Optuna's study."""

    @classmethod
    def open(cls, path: Path, name: str, space: SearchSpace, preset: Mapping[str, Scalar], seed: int) -> "Study":
        """A new study, or the one of this name in the file, in which no trial runs any more.

        Raises IntoneError where the file can't be used.
        """
        optuna = library()
        path.parent.mkdir(parents=True, exist_ok=True)
        storage = _storage(optuna, path)
        own = optuna.create_study(storage=storage, study_name=name, direction="minimize", load_if_exists=True)
        for left in own.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
            own.tell(left.number, state=optuna.trial.TrialState.FAIL)
        return cls(path=path, name=name, space=space, preset=preset, seed=seed, own=own)

    @property
    def finished(self) -> Sequence[Trial]:
        """All finished trials, in order."""
        states = library().trial.TrialState
        done = self.own.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))
        return [Trial(k, {name: t.params[name] for name in self.space.of}, t.value) for k, t in enumerate(done, 1)]

    def ask(self) -> tuple[int, dict[str, Scalar]]:
        """Optuna's number of the next trial, and its values."""
        optuna, done = library(), len(self.finished)
        seed = int(digest("trial", self.seed, done), 16) % 2**32
        self.own.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=False)
        waiting = self.own.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,))
        if not done and not waiting and all(self.preset[name] in values for name, values in self.space.of.items()):
            self.own.enqueue_trial(dict(self.preset))
        asked = self.own.ask({name: _distribution(optuna, values) for name, values in self.space.of.items()})
        return asked.number, dict(asked.params)

    def tell(self, number: int, loss: float) -> None:
        """Finish a trial; one that diverged counts as one that is worse than all others."""
        if math.isfinite(loss):
            self.own.tell(number, loss)
        else:
            self.own.tell(number, state=library().trial.TrialState.PRUNED)


def _storage(optuna: ModuleType, path: Path) -> Any:
    """The file. Its path may hold signs that mean something in an address of SQLAlchemy's, which so names none."""
    from sqlalchemy.exc import SQLAlchemyError

    connected = {"creator": partial(sqlite3.connect, path, check_same_thread=False)}
    try:
        return optuna.storages.RDBStorage("sqlite:///study", connected)
    except (RuntimeError, SQLAlchemyError, optuna.exceptions.StorageInternalError) as problem:
        raise IntoneError(
            f"{path} is damaged, or of another version of Optuna: move it away; finished inner folds are kept."
        ) from problem


def _distribution(optuna: ModuleType, values: Any) -> Any:
    """A field's values, as Optuna has them."""
    if not isinstance(values, Range):
        return optuna.distributions.CategoricalDistribution(values.values)
    whole = isinstance(values.low, int)
    kind = optuna.distributions.IntDistribution if whole else optuna.distributions.FloatDistribution
    return kind(values.low, values.high, log=values.log)
