"""What went wrong, in one sentence that names the file and the remedy: the only exceptions a user meets."""


def brought_by(extra: str) -> str:
    """The remedy for a library that one of intone's extras brings.

    The registry doesn't have intone, and whatever is called so there is somebody else's.
    """
    return f'`pip install ".[{extra}]"` in a checkout of intone brings it'


class IntoneError(Exception):
    """Anything a user can mend; the command line prints it as one line and exits with status `code`."""

    code = 1


class Partly(IntoneError):
    """Some files of a batch could not be used; all others are done."""

    code = 3


class BadClip(IntoneError):
    """One clip that can't be used; a batch skips it, names it and goes on."""


class Missing(IntoneError):
    """Data, weights or an optional library are not there; the sentence says which command gets them."""


def phrase(error: Exception) -> str:
    """A library's message as one phrase, without the path that our own sentence already names."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").lower()
