"""The command `intone analyze`: files and folders -> emotions on the screen and on disk; it can be resumed.

Exit status: 0 all done; 1 nothing could be done, or the outputs can't be written; 2 a wrong command; 3 some files were
left out, each named with the reason, and all others are done; 130 Ctrl-C; 141 nobody reads the output any more. What is
finished stays on disk.
"""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

from tyro.conf import Positional, arg

from intone.audio.addresses import is_address
from intone.audio.frames import SAMPLE_RATE
from intone.audio.spool import STANDARD, standard_input
from intone.cache import digest
from intone.device import CUDA, Device
from intone.errors import IntoneError, Partly
from intone.inference.cluster import Cluster, Job, on_cluster
from intone.inference.ledger import NAME as LEDGER
from intone.inference.ledger import Ledger
from intone.inference.processes import side_by_side
from intone.inference.recording_list import listed
from intone.inference.resume import Journal
from intone.inference.settings import Settings, settled
from intone.inference.store import Store, StoredJournal
from intone.inference.tasks import Shard, Task, sharded, target, tasks
from intone.inference.worker import Done, lost, one, start, started
from intone.progress import bar, say

BYTES_A_SECOND = 2 * SAMPLE_RATE
"""Of which a part's size is reckoned."""

AnyJournal: TypeAlias = Journal | StoredJournal


def analyze(
    files: Annotated[Positional[tuple[str, ...]], arg(metavar="[FILE|FOLDER|- ...]")],
    out: Annotated[str | None, arg(aliases=["-o"], metavar="DIR|FILE|-")] = None,
    formats: Annotated[str | None, arg(aliases=["-f"], metavar="FORMAT[,FORMAT ...]")] = None,
    model: Annotated[str | None, arg(aliases=["-m"])] = None,
    text: bool = True,
    whisper: str = "whisper-base",
    language: str | None = None,
    workers: int | None = None,
    threads: int = 0,
    bom: bool = False,
    track: int | None = None,
    speakers: str | None = None,
    voice: tuple[str, ...] = (),
    one: bool = False,
    list: Path | None = None,
    shard: str | None = None,
    cluster: str | None = None,
    hotwords: str = "",
    device: Device = "cpu",
    dimensions: str | None = None,
) -> None:
    """Predict the emotion of each sentence in recordings: a table on the screen, or files with -o and -f.

    Exit status: 0 all done, 1 nothing could be done, 2 wrong command, 3 some files were left out (each is named),
    130 Ctrl-C, 141 nobody reads the output any more (`| head`).

    Args:
        files: Recordings (wav, mp3, m4a, ogg, flac, webm, the sound of an mp4 and more), folders, and addresses as
            s3://; - is standard input.
        out: Folder for the results, DIR/STEM.FORMAT, with the subfolders of the input; the same command resumes. For
            one recording also a file such as talk.srt, whose ending names the format, or - for standard output. A
            folder may be at an address, such as s3://bucket/results.
            Default with --formats: the working directory.
        formats: Any of json,csv,tsv,txt,srt,vtt,textgrid,rttm,audacity,labelstudio,parquet,html, separated by commas;
            default json.
        model: A file that `intone export` made, or a name from `intone models list`; default the packaged model.
        text: Transcribe the words too (--no-text: emotions only, several times faster).
        whisper: Whisper's weights: a name from `intone models list`, or a folder.
        language: The language spoken, as a code or English name (en, de, German); default detected for each stretch.
        workers: Number of parallel processes, for many files; default 1, with --cluster one for each processor.
        threads: CPU threads of each process; 0 divides the cores among the processes.
        bom: Write a byte order mark first in csv and tsv; Excel needs it to recognise Unicode.
        track: Number of a video's sound track, from 1; default the track that the file marks as default.
        speakers: Who speaks: one (the whole recording is one voice), channels (each channel is a voice), auto (voices
            are told apart by their sound), or an RTTM or CSV file with turns (start, end, speaker); each sentence is
            then judged against the same voice's others, which is right more often. With none it is judged by itself.
        voice: A name from `intone voice list`: the recording is that person's voice, or with --speakers the turns under
            that name are.
        one: Judge each recording as a whole, up to ten minutes of it, and not by sentences; for benchmarks.
        list: A file with further recordings: a path or address a line, or a CSV or Parquet table with a column file,
            and where it has them start and end (seconds: a part of the recording), speaker (whose voice all of it is)
            and id (names the results). Paths are relative to it.
        shard: Part of the recordings to do, such as 2/3; parts may be done at the same time, on several machines.
        cluster: Do the work on a Ray cluster: ray://HOST:PORT, auto (the one that this machine is part of), or local.
            Its machines have the same intone, weights and paths, and share the folder for the results.
        hotwords: Names and terms that may be said, as they should be spelt: "Anneliese, Zürich, stent".
        device: Where to compute: cpu, cuda (an NVIDIA GPU), or auto (a GPU where one can be used). docs/devices.md says
            what it takes.
        dimensions: A model file that rates arousal, dominance and valence too, from 0 to 1, in columns of their own.
    """
    rows = listed(list) if list else []
    named = (*files, *(row.file for row in rows))
    part = Shard.parse(shard) if shard else Shard()
    if not named:
        raise IntoneError("Nothing to analyse: name a recording or a folder of them.")
    where = target(out, formats, named, bom)
    if cluster and (STANDARD in (*named, out) or where.folder is None or where.store):
        raise IntoneError("A cluster reads and writes files: name recordings, and a folder for the results with -o.")
    # Each actor of a cluster has one processor where nothing is said.
    share = threads or 1 if cluster else threads
    processes = 1 if workers is None else workers
    said = whisper if text else None
    settings = settled(model, said, language, share, processes, speakers, voice, one, hotwords, device, dimensions)
    with contextlib.ExitStack() as stack:
        called = standard_input(files, stack)
        paths = [*called, *(file if is_address(file) else Path(file) for file in files if file != STANDARD)]
        wanted = sharded(tasks([*paths, *rows], where, called, track), part)
        of = len({task.recording for task in wanted})
        if settings.speakers.names_no_recording and of > 1:
            raise IntoneError(
                f"{speakers} doesn't say of which of the {of} recordings its turns are: give it a column file."
            )
        if wanted or part.of == 1:
            place = Cluster(cluster, workers, share, int(device == CUDA)) if cluster else None
            run(wanted, settings, where.store or where.folder, processes, part, place)
        else:
            say(f"Shard {shard} has none of the recordings.")


def run(
    tasks: Sequence[Task],
    settings: Settings,
    out: Path | Store | None,
    workers: int,
    part: Shard = Shard(),  # noqa: B008
    cluster: Cluster | None = None,
) -> None:
    """Do the tasks that aren't done yet; raises Partly where some were left out, IntoneError where all were."""
    asked = sorted({(task.target.bom, task.track or 0) for task in tasks})
    with contextlib.ExitStack() as stack:
        journal = None
        if out:
            key = digest(settings.key(), asked)
            made = StoredJournal(out, key, part.suffix) if isinstance(out, Store) else Journal(out, key, part.suffix)
            journal = stack.enter_context(contextlib.closing(made))
        _run(tasks, settings, journal, workers, cluster)


def _run(
    tasks: Sequence[Task], settings: Settings, journal: AnyJournal | None, workers: int, cluster: Cluster | None
) -> None:
    left = [task for task in tasks if task.problem or not (journal and _finished(task, journal))]
    if len(left) < len(tasks):
        say(f"{len(tasks) - len(left)} of {len(tasks)} are finished already.")
    bad, costs = 0, Counter[str]()
    with bar() as display:
        progress = display.add_task("analysing", total=len(left))
        made = each(left, settings, workers)
        if cluster and isinstance(journal, Journal):
            made = elsewhere(left, settings, cluster, journal)
        for done in made:
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


def _finished(task: Task, journal: AnyJournal) -> bool:
    return journal.has(task.recording, [*task.outputs.values()], task.row.part)


def _reported(done: Done, journal: AnyJournal | None) -> bool:
    """Print the result of a task; returns whether it was left out."""
    if done.problem:
        say(f"left out: {done.problem}")
        if journal:
            journal.leave_out(Path(done.task.name or done.task.path), done.problem)
        return True
    if journal:
        journal.add(done.task.recording, [*done.task.outputs.values()], done.task.row.part)
    if done.task.target.stdout:
        print(done.shown, file=sys.stderr, flush=True)
        sys.stdout.buffer.write(done.made)
    else:
        print(done.shown, flush=True)
    for warning in done.warnings:
        say(f"{done.task.row.title(done.task.name or done.task.path.name)}: {warning}")
    return False


def each(tasks: Sequence[Task], settings: Settings, workers: int) -> Iterator[Done]:
    """Every task as it is done, in this process or in several."""
    if workers <= 1 or len(tasks) < 2:
        start(settings)
        yield from map(one, tasks)
        return
    settings.analyzer()  # a wrong setting is reported here, once, and not by every worker
    # The largest first, so that the last hour isn't one recording.
    largest = sorted(tasks, key=_size, reverse=True)
    yield from side_by_side(partial(started, settings, one), largest, workers, lost)


def elsewhere(tasks: Sequence[Task], settings: Settings, cluster: Cluster, journal: Journal) -> Iterator[Done]:
    """Every task as it is done on a cluster, the largest first."""
    settings.analyzer()
    jobs = []
    for task in sorted(tasks, key=_size, reverse=True):
        sent = task.absolute()
        key = digest(
            journal.key(task.recording, task.row.part), str(sent.path), [str(path) for path in sent.outputs.values()]
        )
        jobs.append(Job(key, _size(task), sent))
    ledger = Ledger(journal.folder.absolute() / f"{LEDGER}{journal.part}")
    yield from on_cluster(partial(started, settings.absolute(), one), jobs, cluster, ledger, lost)


def _size(task: Task) -> int:
    """Bytes of its recording, or about those of its part; 0 where it isn't there, which is reported when it is
    opened."""
    part = task.row.excerpt
    try:
        whole = task.path.stat().st_size
        return min(whole, round(BYTES_A_SECOND * (part.end - part.start))) if part and part.end else whole
    except (OSError, ValueError):
        return 0
