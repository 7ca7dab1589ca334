"""What `intone analyze` does: files and folders -> emotions on the screen and on disk, resumed, one by one.

Exit status: 0 all done; 1 nothing could be done, or the outputs can't be written; 2 a wrong command; 3 some files were
left out, each named with the reason, and all others are done; 130 Ctrl-C. What is finished stays on disk.
"""

import itertools
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated

from tyro.conf import Positional, arg

import intone
from intone import formats, model_store, screen
from intone.cache import digest, file_digest
from intone.errors import BadClip, IntoneError, Missing, Partly
from intone.formats import chosen
from intone.journal import Journal
from intone.languages import code
from intone.predict import Analyzer, loaded
from intone.progress import bar, say
from intone.recording import Recording, recordings
from intone.whisper import Whisper


@dataclass(frozen=True)
class Task:
    """One recording and where its files go."""

    path: Path
    folder: Path | None
    stem: str
    names: tuple[str, ...]
    """Of formats."""
    whole: bool
    """The whole picture on the screen, or one line."""
    colours: bool
    width: int
    problem: str = ""
    """Why it can't be done, where that is known beforehand."""
    track: int | None = None
    """Sound track of a video, 1 being the first; None is the default one."""

    @property
    def outputs(self) -> list[Path]:
        """The files that it makes."""
        return formats.places(self.folder, self.stem, self.names) if self.folder else []


@dataclass(frozen=True)
class Done:
    """What became of it."""

    task: Task
    shown: str = ""
    warnings: tuple[str, ...] = ()
    problem: str = ""
    """Why it was left out; "" where it is done."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """Seconds of `words` and `emotion`."""


@dataclass(frozen=True)
class Settings:
    """What a worker builds its analyzer from."""

    model: Path
    whisper: str | None
    language: str | None
    threads: int
    track: int | None = None

    def key(self) -> str:
        """Names whatever changes the answers."""
        ear = Whisper(self.whisper).settings if self.whisper else None
        return digest(intone.__version__, file_digest(self.model), ear, self.language, self.track)

    def analyzer(self) -> Analyzer:
        """A fresh one. Raises IntoneError for what can't be loaded."""
        return loaded(self.model, self.whisper, self.language, self.threads)


def analyze(
    files: Positional[tuple[Path, ...]],
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
    formats: Annotated[str | None, arg(aliases=["-f"])] = None,
    model: str | None = None,
    text: bool = True,
    whisper: str = "whisper-base",
    language: str | None = None,
    workers: int = 1,
    threads: int = 0,
    track: int | None = None,
) -> None:
    """Say which emotion each sentence of any recording carries: a table on the screen, files where -o says.

    Exit status: 0 all done, 1 nothing could be done, 3 some files were left out (each is named), 130 Ctrl-C.

    Args:
        files: Recordings (whatever PyAV reads: wav, mp3, m4a, ogg, flac, webm, the sound of an mp4), and folders.
        out: Folder for the results, DIR/STEM.FORMAT; a folder that is analysed keeps its shape there. The same command
            goes on where it stopped. Without it, and with formats, the folder that you are in.
        formats: Any of json,csv,tsv,srt,vtt,textgrid,rttm,audacity,labelstudio,html, with commas between; else json.
        model: A file that `intone export` made, or a name that `intone models list` knows.
        text: Write down the words too (--no-text: emotions alone, several times faster).
        whisper: Which Whisper: a name that `intone models list` knows, or a folder.
        language: Its code or English name, such as en, de or German; else found out stretch by stretch.
        workers: Processes side by side, for many files.
        threads: CPU threads of each process; 0 shares out the cores.
        track: Which sound track of a video, 1 being the first; else the one that the file marks as its default.
    """
    if not files:
        raise IntoneError("Nothing to analyse: name a recording or a folder of them.")
    out = out or (Path() if formats else None)
    names = chosen(formats or "json")
    settings = replace(settled(model, whisper if text else None, language, threads, workers), track=track)
    tasks = [replace(task, track=track) for task in planned(files, out, names)]
    run(tasks, settings, out, workers)


def settled(model: str | None, whisper: str | None, language: str | None, threads: int, workers: int = 1) -> Settings:
    """What to analyse with; a line on stderr where words were wanted and Whisper isn't here.

    Raises IntoneError for numbers of threads and workers that can't be.
    """
    if threads < 0:
        raise IntoneError(f"{threads} threads can do nothing: give --threads 1 or more, or 0 for one a core.")
    if workers < 1:
        raise IntoneError(f"{workers} workers can do nothing: give --workers 1 or more.")
    where = model_store.find(model)
    if whisper:
        try:
            _ = Whisper(whisper).folder
        except Missing as problem:
            say(f"words are off: {problem}")
            whisper = None
    share = max(1, (os.cpu_count() or 1) // max(1, workers))
    return Settings(where, whisper, code(language) if language else None, threads or share)


def planned(files: Sequence[Path], out: Path | None, names: tuple[str, ...]) -> list[Task]:
    """A task for each recording, folders opened up; where two would write the same files, each gets a name of its own.

    Of `talk.wav` and `talk.mp3` both keep their endings; of two that are called the same, the second is numbered.
    """
    folders, problems = [path for path in files if _is_folder(path)], {}
    found = {path: Path(path.name) for path in files if path not in folders}
    for folder in folders:
        try:
            found |= {path: path.relative_to(folder) for path in recordings(folder)}
        except IntoneError as problem:
            found[folder], problems[folder] = Path(folder.name), str(problem)
    stems = Counter(str(place.with_suffix("")) for place in found.values())
    taken: set[tuple[Path, str]] = set()
    colours, width = sys.stdout.isatty(), min(get_terminal_size((100, 24)).columns, 160)
    whole = out is None or len(found) == 1
    tasks = []
    for path, place in found.items():
        first = place.name if stems[str(place.with_suffix(""))] > 1 else place.stem
        numbered = (f"{first}-{k}" for k in itertools.count(2))
        stem = next(s for s in itertools.chain([first], numbered) if (place.parent, s) not in taken)
        taken.add((place.parent, stem))
        where = out / place.parent if out else None
        tasks.append(Task(path, where, stem, names, whole, colours, width, problems.get(path, "")))
    return tasks


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no file can have: what is wrong is said when it is opened
        return False


def run(tasks: Sequence[Task], settings: Settings, out: Path | None, workers: int) -> None:
    """Do what isn't done yet; raises Partly where some were left out, IntoneError where all were."""
    journal = Journal(out, settings.key()) if out else None
    left = [task for task in tasks if not (journal and journal.has(task.path, task.outputs))]
    if len(left) < len(tasks):
        say(f"{len(tasks) - len(left)} of {len(tasks)} are finished already.")
    bad, costs = 0, Counter[str]()
    with bar() as display:
        progress = display.add_task("analysing", total=len(left))
        for done in each(left, settings, workers):
            bad += _reported(done, journal)
            costs.update(done.costs)
            display.advance(progress)
    if costs["words"]:
        say(f"Words took {costs['words']:.1f} s, emotions {costs['emotion']:.1f} s; --no-text leaves words out.")
    if bad == len(tasks):
        raise IntoneError("Nothing could be analysed." if bad > 1 else "It could not be analysed.")
    if bad:
        where = f" ({journal.left_out} lists them)" if journal else ""
        raise Partly(f"{bad} of {len(tasks)} files were left out{where}; the others are done.")


def _reported(done: Done, journal: Journal | None) -> bool:
    """Say what became of a task; whether it was left out."""
    if done.problem:
        say(f"left out: {done.problem}")
        if journal:
            journal.leave_out(done.task.path, done.problem)
        return True
    if journal:
        journal.add(done.task.path, done.task.outputs)
    print(done.shown, flush=True)
    for warning in done.warnings:
        say(f"{done.task.path.name}: {warning}")
    return False


def each(tasks: Sequence[Task], settings: Settings, workers: int) -> Iterator[Done]:
    """Every task as it is done, in this process or in several."""
    if workers <= 1 or len(tasks) < 2:
        _start(settings)
        yield from map(one, tasks)
        return
    settings.analyzer()  # what is wrong with a setting is said here, once, and not by every worker
    with ProcessPoolExecutor(workers, get_context("spawn"), _start, (settings,)) as pool:
        jobs = [pool.submit(one, task) for task in tasks]
        try:
            for job in as_completed(jobs):
                yield job.result()
        except BrokenProcessPool as lost:
            raise IntoneError("A worker was ended from outside: the same command goes on, try --workers 1.") from lost
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_analyzer: Analyzer | None = None


def _start(settings: Settings) -> None:
    """This process's own analyzer."""
    global _analyzer
    _analyzer = settings.analyzer()


def one(task: Task) -> Done:
    """Analyse one recording and write its files. Raises IntoneError where nothing can be written at all."""
    assert _analyzer is not None
    if task.problem:
        return Done(task, problem=task.problem)
    try:
        analysis = _analyzer.analysis(Recording.of_file(task.path, track=task.track))
        if task.folder:
            formats.write(analysis, task.folder, task.stem, task.names)
        show = screen.rendered(analysis, task.colours, task.width) if task.whole else screen.summary(analysis)
    except BadClip as problem:
        return Done(task, problem=str(problem))
    except IntoneError:
        raise
    except Exception as problem:  # a decoder's own failure must not cost the rest of a batch
        return Done(task, problem=f"{task.path} ({type(problem).__name__}: {problem}); please report this.")
    return Done(task, show.rstrip("\n"), analysis.warnings, costs=analysis.costs)
