"""A task -> its recording analysed and its results written, in a process that keeps the models loaded."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from intone.audio.addresses import fetched
from intone.audio.recording import Recording
from intone.errors import BadClip, IntoneError
from intone.inference import formats, terminal
from intone.inference.analyzer import Analyzer
from intone.inference.formats import FORMATS
from intone.inference.result import Analysis
from intone.inference.settings import Settings
from intone.inference.tasks import Task
from intone.progress import say


@dataclass(frozen=True)
class Done:
    """The result of one task."""

    task: Task
    shown: str = ""
    warnings: tuple[str, ...] = ()
    problem: str = ""
    """Why it was left out; "" where it is done."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """Seconds spent on `words` and on `emotion`."""
    made: bytes = b""
    """The result, where it goes to standard output."""


def started(settings: Settings, work: Callable[[Task], Done]) -> Callable[[Task], Done]:
    """`work`, in a process that has its own analyzer now."""
    start(settings)
    return work


def lost(task: Task, how: str, given_up: bool) -> Done:
    """The result for a recording whose worker was ended from outside."""
    file = task.title
    if not given_up:
        say(f"{file}: its worker was ended from outside ({how}); it is tried once more.")
    remedy = "try it alone, on a machine with more memory perhaps"
    return Done(task, problem=f"{file} was given up: the worker that had it was ended twice ({how}): {remedy}.")


_analyzer: Analyzer | None = None


def start(settings: Settings) -> None:
    """Make this process's own analyzer."""
    global _analyzer
    _analyzer = settings.analyzer()


def one(task: Task) -> Done:
    """Analyse one recording and write its files. Raises IntoneError where nothing can be written at all."""
    assert _analyzer is not None
    if task.problem:
        return Done(task, problem=task.problem)
    try:
        with fetched(task.address) if task.address else contextlib.nullcontext(task.path) as path:
            row = task.row
            analyzer = _analyzer.of_voice(row.speaker) if row.speaker else _analyzer
            analysis = analyzer.analysis(Recording.of_file(path, task.name, task.track, row.excerpt))
            return _written(task, replace(analysis, id=row.id))
    except BadClip as problem:
        return Done(task, problem=task.called(problem))
    except IntoneError:
        raise
    except Exception as problem:  # a decoder's own failure must not end a batch
        said = f"{task.path} ({type(problem).__name__}: {problem}); please report this."
        return Done(task, problem=task.called(said))


def _written(task: Task, analysis: Analysis) -> Done:
    """A finished recording, with its files on the disk, or its bytes where they go to standard output."""
    made = b""
    if task.target.stdout:
        made = FORMATS[task.target.names[0]].encoded(analysis, task.target.bom)
    if task.target.store:
        for name, path in task.outputs.items():
            task.target.store.write(path.as_posix(), FORMATS[name].encoded(analysis, task.target.bom))
    else:
        formats.write_at(analysis, task.outputs, task.target.bom)
    show = terminal.rendered(analysis, task.colours, task.width) if task.whole else terminal.summary(analysis)
    return Done(task, show.rstrip("\n"), analysis.warnings, costs=analysis.costs, made=made)
