"""`intone voice add`, `list` and `remove`: profiles of people's voices, which `intone analyze --voice` adapts with."""

from collections.abc import Iterator
from pathlib import Path

from tyro.conf import Positional

from intone.audio.recording import Recording, recordings
from intone.errors import BadClip, IntoneError
from intone.inference import profiles, registry
from intone.inference.analyzer import Analyzer
from intone.inference.model import Model
from intone.inference.speakers import ONE, Part, Speakers
from intone.inference.terminal import clock
from intone.progress import say, track


def voice_add(name: Positional[str], files: Positional[tuple[Path, ...]], model: str | None = None) -> None:
    """Make a profile of a person's voice from recordings of that person alone; no sound is kept.

    Args:
        name: Name of the voice; an older profile of that name is replaced.
        files: Recordings, and folders of them, in which only that person speaks.
        model: A file that `intone export` made, or a name from `intone models list`; default the packaged model.
    """
    if not files:
        raise IntoneError(f"Nothing tells the voice of {name}: name recordings, or a folder of them.")
    ear = Model(registry.find(model))
    profiles.key(ear)  # a model that can't adapt is refused before anything is analysed
    found = []
    every = [path for file in files for path in (recordings(file) if file.is_dir() else [file])]
    for path in track(every, f"listening to {name}", len(every)):
        try:
            found += list(_sentences(ear, path))
        except BadClip as problem:
            say(f"left out: {problem}")
    profile = profiles.made(name, ear, found)
    size = profiles.keep(profile).stat().st_size
    print(f"{name}: {_told(profile)}; {size / 1000:.0f} kB of counts and means are kept, no sound and no words.")


def voice_list() -> None:
    """List the voices that are known: sentences, their duration, and the model that a profile fits."""
    names = profiles.names()
    if not names:
        print("No voice is known: `intone voice add NAME RECORDING` makes a profile of one.")
    for name in names:
        try:
            print(f"{name}: {_told(profiles.find(name))}")
        except IntoneError as problem:  # one damaged file must not hide the others
            say(str(problem))


def voice_remove(name: Positional[str]) -> None:
    """Forget a voice: delete its profile.

    Args:
        name: A name from `intone voice list`.
    """
    profiles.remove(name)
    print(f"{name} is forgotten.")


def _sentences(model: Model, path: Path) -> Iterator[tuple[profiles.Voice, float]]:
    analyzer = Analyzer(model, speakers=Speakers(ONE))
    for one in analyzer.judged(Part(Recording.of_file(path))):
        yield model.voice(one.prediction), one.segment.end - one.segment.start


def _told(profile: profiles.Profile) -> str:
    count = profile.voice.count
    return f"{count} sentence{'s' * (count > 1)}, {clock(profile.seconds)}, for {profile.model}"
