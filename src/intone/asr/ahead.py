"""Stretches of speech -> their sentences, in order, several stretches at once; the same as one after the other.

A second thread makes Whisper hardly faster on one stretch, while another stretch on that thread doubles what is done.
Only a stretch's language depends on the words before it. So each stretch is transcribed in the language that it seems
to be in, given what is known by then; where it turns out to be in another one, it is transcribed again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy

from intone.asr.alignment import Word
from intone.asr.languages import Language
from intone.asr.retry import Draft, Recogniser, drafted, final
from intone.audio.segments import Stretch

Told = tuple[Stretch, str | None, list[list[Word]]]
"""A stretch, its language, and its sentences."""


def written_ahead(
    recogniser: Recogniser,
    stretches: Iterable[Stretch],
    language: Language,
    at_once: int,
    waited: Callable[[Callable[[], Told]], Told] = lambda wait: wait(),
) -> Iterator[Told]:
    """Each stretch with its language and its sentences, as `written` gives them one after the other.

    `at_once` stretches are transcribed at the same time, and one more is read ahead. `waited` calls what waits for a
    stretch, for the caller to time it.
    """
    pool, begun = ThreadPoolExecutor(at_once), deque[tuple[Stretch, Future[Draft | None]]]()

    def first() -> Told:
        stretch, draft = begun.popleft()
        return (stretch, *final(recogniser, stretch, language, draft.result()))

    try:
        for stretch in stretches:
            begun.append((stretch, pool.submit(drafted, recogniser, stretch, deepcopy(language))))
            if len(begun) > at_once:
                yield waited(first)
        while begun:
            yield waited(first)
    finally:
        pool.shutdown(cancel_futures=True)
