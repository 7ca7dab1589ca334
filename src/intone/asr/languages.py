"""A language's name or code -> Whisper's code; Whisper's language probabilities per stretch -> its language."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from intone.errors import IntoneError

_LISTED: Final = (
    "af=afrikaans am=amharic ar=arabic as=assamese az=azerbaijani ba=bashkir be=belarusian bg=bulgarian bn=bengali "
    "bo=tibetan br=breton bs=bosnian ca=catalan ca=valencian cs=czech cy=welsh da=danish de=german el=greek "
    "en=english es=spanish es=castilian et=estonian eu=basque fa=persian fi=finnish fo=faroese fr=french "
    "gl=galician gu=gujarati ha=hausa haw=hawaiian he=hebrew hi=hindi hr=croatian ht=haitian ht=haitian-creole "
    "hu=hungarian hy=armenian id=indonesian is=icelandic it=italian ja=japanese jw=javanese ka=georgian kk=kazakh "
    "km=khmer kn=kannada ko=korean la=latin lb=luxembourgish lb=letzeburgesch ln=lingala lo=lao lt=lithuanian "
    "lv=latvian mg=malagasy mi=maori mk=macedonian ml=malayalam mn=mongolian mr=marathi ms=malay mt=maltese "
    "my=burmese my=myanmar ne=nepali nl=dutch nl=flemish nn=nynorsk no=norwegian oc=occitan pa=punjabi pa=panjabi "
    "pl=polish ps=pashto ps=pushto pt=portuguese ro=romanian ro=moldavian ro=moldovan ru=russian sa=sanskrit "
    "sd=sindhi si=sinhala si=sinhalese sk=slovak sl=slovenian sn=shona so=somali sq=albanian sr=serbian "
    "su=sundanese sv=swedish sw=swahili ta=tamil te=telugu tg=tajik th=thai tk=turkmen tl=tagalog tr=turkish "
    "tt=tatar uk=ukrainian ur=urdu uz=uzbek vi=vietnamese yi=yiddish yo=yoruba yue=cantonese zh=chinese zh=mandarin"
)

NAMES: Final[Mapping[str, str]] = {name: code for code, _, name in (entry.partition("=") for entry in _LISTED.split())}
"""English name, with hyphens for blanks -> Whisper's code."""

CODES: Final = frozenset(NAMES.values())

FAMILIAR, STRANGE = 0.2, 0.03
"""Lowest prior of a language that was spoken earlier in the recording, and of one that wasn't."""

WHOLE: Final = 2.0
"""Seconds of speech from which Whisper detects the language well: its probabilities for a shorter stretch get less
weight. On single clips of EMO-DB and nEMO (1.0 to 5.9 s) it gives the right language more than 0.9 except on the
shortest clips, and a wrong one less."""

MIN_PROBABILITY: Final = 1e-4
"""Lowest probability of a language: Whisper's probabilities are raised to it, as even a confident one can be wrong."""


def code(language: str) -> str:
    """`en`, `EN`, `en-US`, `English` -> `en`. Raises IntoneError, with similar names, for any other language."""
    plain = "-".join(language.lower().replace("_", " ").replace("-", " ").split())
    for name in (plain, plain.partition("-")[0]):
        if name in CODES:
            return name
        if name in NAMES:
            return NAMES[name]
    near = difflib.get_close_matches(plain, NAMES, 3, 0.7) or ["english", "german"]
    offered = " or ".join(f"{NAMES[name]} ({name})" for name in near)
    raise IntoneError(f"Whisper knows no language {language!r}: give its code or its English name, such as {offered}.")


@dataclass
class Language:
    """The language of a recording, stretch by stretch: a conversation may change its language, but seldom does.

    The prior for each stretch is highest for the language of the stretch before, then for languages that were spoken
    earlier. It is multiplied by Whisper's probabilities for the stretch, so that a short cry doesn't turn English into
    Norwegian.
    """

    given: str | None
    """The language's code; None to detect it."""
    belief: Mapping[str, float] = field(default_factory=dict)
    """Probability of each language in the last stretch that had words; empty before the first such stretch."""
    spoken: dict[str, float] = field(default_factory=dict)
    """Language -> seconds of words in it."""
    seemed: Mapping[str, float] = field(default_factory=dict)
    """Probability of each language in the last stretch, with or without words."""

    def of(self, opinion: Callable[[], Mapping[str, float]], seconds: float) -> str:
        """The language of the next stretch, which lasts `seconds`; `opinion` returns Whisper's probability of each
        language, and is called only where the language isn't given."""
        if self.given:
            return self.given
        weight = min(1.0, seconds / WHOLE)
        believed = {name: self._before(name) * max(p, MIN_PROBABILITY) ** weight for name, p in opinion().items()}
        total = sum(believed.values())
        self.seemed = {name: p / total for name, p in believed.items()}
        return _most(self.seemed) or "en"

    def _before(self, name: str) -> float:
        """The language's prior for the next stretch; priors don't sum to 1, only their ratios count."""
        if not self.belief:
            return 1.0
        return max(self.belief.get(name, 0.0), FAMILIAR if name in self.spoken else STRANGE)

    def said(self, language: str, seconds: float) -> None:
        """Record that the last stretch given to `of` has `seconds` of words in `language`; later priors include it."""
        self.spoken[language] = self.spoken.get(language, 0.0) + seconds
        self.belief = self.seemed

    @property
    def known(self) -> str | None:
        """The given language or the one spoken most; without words, the last stretch's; None without speech."""
        return self.given or _most(self.spoken) or _most(self.seemed)


def _most(numbers: Mapping[str, float]) -> str | None:
    return max(numbers, key=numbers.__getitem__, default=None)
