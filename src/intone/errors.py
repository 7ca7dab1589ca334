"""The exceptions that users see: each message is one sentence that names the file and the remedy."""


def brought_by(extra: str) -> str:
    """The remedy for a missing library that one of intone's extras installs.

    intone isn't in the package registry; a package of that name there belongs to somebody else.
    """
    return f'`pip install ".[{extra}]"` in a checkout of intone brings it'


class IntoneError(Exception):
    """An error that the user can fix; the command line prints it as one line and exits with status `code`."""

    code = 1


class Partly(IntoneError):
    """Some files of a batch could not be used; all others are done."""

    code = 3


class BadClip(IntoneError):
    """One clip that can't be used; a batch skips it, names it and continues."""


class Diverged(IntoneError):
    """A training that ended without numbers; a search goes on with other settings."""


class Missing(IntoneError):
    """Data, weights or an optional library are not there; the sentence says which command gets them."""


def phrase(error: Exception) -> str:
    """A library's error message as one phrase, without the path, which intone's own message already names."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").lower()
