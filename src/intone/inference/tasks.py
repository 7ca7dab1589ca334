"""Arguments of a command (recordings, folders, -o, -f) -> one task per recording: its input and its outputs."""

import itertools
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import get_terminal_size
from types import MappingProxyType
from urllib.parse import urlsplit
from urllib.request import url2pathname

from intone.audio.addresses import HERE, is_address
from intone.audio.recording import recordings
from intone.audio.spool import STANDARD
from intone.cache import digest
from intone.errors import IntoneError
from intone.inference import formats
from intone.inference.formats import FORMATS, chosen
from intone.inference.recording_list import Row
from intone.inference.resume import LEFT_OUT
from intone.inference.store import Store


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of a run."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """`2/3` -> the second of three. Raises IntoneError for anything else."""
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise IntoneError(f"--shard {text} is no part of a run: write --shard 1/3 to --shard 3/3 for three parts.")
        return cls(int(found[1]), int(found[2]))

    @property
    def suffix(self) -> str:
        """What its journal is called by; nothing where there is one part."""
        return f"-{self.number}-of-{self.of}" if self.of > 1 else ""


@dataclass(frozen=True)
class Target:
    """Where results go: into a folder, into one file, to standard output, or only onto the screen."""

    names: tuple[str, ...] = ("json",)
    """Names of formats."""
    folder: Path | None = None
    """With a `store`, the folder in it."""
    file: Path | None = None
    stdout: bool = False
    bom: bool = False
    """Whether formats for spreadsheets begin with a byte order mark."""
    store: Store | None = None
    """The folder at an address that results go to."""


@dataclass(frozen=True)
class Task:
    """One recording, or a part of one, and where its results go."""

    path: Path
    stem: str
    target: Target = field(default_factory=Target)
    whole: bool = True
    """Whether everything is shown on the screen, or one line."""
    colours: bool = False
    width: int = 100
    problem: str = ""
    """The reason why it can't be done, where that is known beforehand."""
    name: str | None = None
    """Name of the recording, where that isn't its path."""
    track: int | None = None
    """Sound track of a video, 1 being the first; None is the default one."""
    address: str = ""
    """Where the recording is fetched from, where it isn't a file; `path` then only names it."""
    row: Row = field(default_factory=lambda: Row(""))
    """Which part of the recording it is, and what else a list says of it."""

    @property
    def recording(self) -> Path | str:
        """Its path or its address."""
        return self.address or self.path

    @property
    def outputs(self) -> dict[str, Path]:
        """Format -> its output file."""
        names, folder = self.target.names, self.target.folder
        if self.target.file:
            return {names[0]: self.target.file}
        return dict(zip(names, formats.places(folder, self.stem, names), strict=True)) if folder else {}

    def absolute(self) -> "Task":
        """The same for a process that is in another folder; its recording keeps its name."""
        own = replace(self.target, folder=self.target.folder and self.target.folder.absolute())
        if self.address:
            return replace(self, target=own)
        return replace(self, path=self.path.absolute(), target=own, name=self.name or str(self.path))

    @property
    def title(self) -> str:
        """What it is called in sentences."""
        return self.row.title(self.name or str(self.path))

    def called(self, problem: object) -> str:
        """A sentence about its path, with its name in place of the path, and its part before."""
        said = str(problem).replace(str(self.path), self.name) if self.name else str(problem)
        return f"{self.title}: {said}" if self.row.stem and self.title not in said else said


def target(out: str | None, asked: str | None, files: Sequence[str], bom: bool = False) -> Target:
    """What -o and -f mean for these recordings. Raises IntoneError where that is ambiguous or impossible."""
    names = chosen(asked) if asked else ()
    alone = len(files) == 1 and not is_folder(Path(files[0]))
    if bom and not any(FORMATS[name].takes_mark for name in names or _of_file(out)):
        takers = ",".join(name for name, form in FORMATS.items() if form.takes_mark)
        raise IntoneError(f"A byte order mark is for spreadsheets: --bom goes with -f {takers}, or one of them.")
    if out == STANDARD:
        if sys.stdout is None:
            raise IntoneError("Standard output is closed: name a file or a folder with -o.")
        if not alone or len(names) > 1:
            raise IntoneError("Standard output takes one format of one recording: name a folder with -o for more.")
        return Target(names or ("json",), stdout=True, bom=bom)
    if out and is_address(out):
        return Target(names or ("json",), Path(), bom=bom, store=_store(out))
    out = url2pathname(urlsplit(out).path) if out and out.lower().startswith(HERE) else out
    if out and not out.endswith("/") and not is_folder(Path(out)):
        meant = _of_file(out)
        if meant:
            return Target(_one_file(out, meant[0], names, files, alone), file=Path(out), bom=bom)
        if alone and re.search(r"[^./]\.[A-Za-z][A-Za-z0-9]{2,3}$", out):
            raise IntoneError(
                f"No format ends as {out} does: choose an ending of {_endings()}, or write {out}/ for a folder."
            )
    folder = Path(out) if out else Path() if names else None
    return Target(names or ("json",), folder, bom=bom)


def _store(out: str) -> Store:
    """The folder at an address. Raises IntoneError where it is no folder, or where files can't be written whole."""
    if _of_file(out):
        raise IntoneError(f"{out} is one file: at an address name a folder, and the formats with -f.")
    return Store.at(out)


def _of_file(out: str | None) -> tuple[str, ...]:
    found = formats.of_ending(out) if out else None
    return (found,) if found else ()


def _one_file(out: str, meant: str, names: tuple[str, ...], files: Sequence[str], alone: bool) -> tuple[str, ...]:
    """The format of the single file `out`; raises IntoneError where it can't be a single file."""
    if not alone:
        raise IntoneError(f"{out} is one file, and there may be more recordings: write {out}/ for a folder.")
    if len(names) > 1:
        raise IntoneError(f"{out} is one file, and -f names {len(names)} formats: write {out}/ for a folder.")
    # Audacity and Label Studio open any .txt and .json, so that these are such files too where -f says so.
    if names and Path(out).suffix.lower() != Path(f"a{FORMATS[names[0]].ending}").suffix.lower():
        raise IntoneError(f"{out} ends as {meant} does, and -f says {names[0]}: leave -f out, or name another file.")
    try:
        same = Path(files[0]).samefile(out)
    except (OSError, ValueError):  # one of them isn't there
        same = False
    if same:
        raise IntoneError(f"{out} is the recording itself: name another file with -o.")
    return names or (meant,)


def _endings() -> str:
    return ", ".join(form.ending for form in FORMATS.values())


def tasks(
    files: Sequence[Path | str | Row],
    where: Target,
    called: Mapping[Path, str] = MappingProxyType({}),
    track: int | None = None,
) -> list[Task]:
    """One task per recording, also of those in folders; where two would write the same files, each gets its own name.

    Outputs of `talk.wav` and `talk.mp3` both keep these extensions; of two with the same name, the second is numbered.
    Those of a row are called as `Row.stem` says. `called` gives a recording's name where that isn't its path; `track`
    is as in `Task`. Text is an address.
    """
    found = _found([file if isinstance(file, Row) else Row(str(file)) for file in files], called)
    stems = Counter(str(place.with_suffix("")) for row, place in found.items() if not row.stem and not row.problem)
    taken = {where.folder / LEFT_OUT} if where.folder else set()
    terminal = sys.stderr if where.stdout else sys.stdout
    colours = terminal is not None and terminal.isatty()
    width = min(get_terminal_size((100, 24)).columns, 160)
    whole = not (where.folder or where.file) or len(found) == 1
    out = []
    for row, place in found.items():
        path = Path(row.file)
        first = row.stem or (place.name if stems[str(place.with_suffix(""))] > 1 else place.stem)
        own = replace(where, folder=where.folder and where.folder / place.parent)
        for stem in itertools.chain([first], (f"{first}-{k}" for k in itertools.count(2))):
            name = called.get(path) or row.address or None
            task = Task(path, stem, own, whole, colours, width, row.problem, name, track, row.address, row)
            if row.problem or not taken & set(task.outputs.values()):
                break
        taken |= set() if row.problem else set(task.outputs.values())
        out.append(task)
    return out


def _found(rows: Sequence[Row], called: Mapping[Path, str]) -> dict[Row, Path]:
    """Each row, also of recordings in folders -> the path below the results' folder that its files are named by."""
    found: dict[Row, Path] = {}
    for row in rows:
        path = Path(row.file)
        if row.address or row.stem or row.problem or not is_folder(path):
            found[row] = Path(called.get(path, row.place))
            continue
        try:
            found |= {replace(row, file=str(own)): own.relative_to(path) for own in recordings(path)}
        except IntoneError as problem:
            found[replace(row, problem=str(problem))] = Path(path.name)
    return found


def sharded(found: Sequence[Task], part: Shard) -> list[Task]:
    """Those of one shard: by a digest of the name alone, so that each task is in exactly one, on every machine."""
    return [
        task for task in found if int(digest(Path(task.stem).name, task.path.name), 16) % part.of == part.number - 1
    ]


def is_folder(path: Path) -> bool:
    """Whether it is a folder; False for an invalid name."""
    try:
        return path.is_dir()
    except (OSError, ValueError):  # the error is reported when it is opened
        return False
