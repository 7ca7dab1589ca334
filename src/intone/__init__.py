"""Emotion from speech: how something is said, what is said, and both together."""

from intone.emotions import EMOTIONS

__version__ = "0.1.0"
__all__ = ["EMOTIONS", "__version__"]
