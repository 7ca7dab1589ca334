"""An iterable of known length -> the same items, with a progress bar on stderr that shows the time left.

Nothing is drawn where stderr is not a terminal.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from intone.names import printable

Item = TypeVar("Item")


def bar() -> Progress:
    """A progress display on stderr; nothing is drawn when stderr is not a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # Printed lines go above the bar on a terminal, and must stay on stdout where stdout is a file.
    above = sys.stdout.isatty()
    return Progress(*columns, console=console, disable=not console.is_terminal, redirect_stdout=above)


def track(items: Iterable[Item], label: str, total: int) -> Iterator[Item]:
    """The items, one by one, while a bar named `label` fills."""
    with bar() as display:
        task = display.add_task(label, total=total)
        for item in items:
            yield item
            display.advance(task)


def say(line: str) -> None:
    """Print one line on stderr, for a person; the names in it may hold any bytes."""
    print(printable(line), file=sys.stderr, flush=True)
