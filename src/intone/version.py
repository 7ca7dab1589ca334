"""Nothing -> the version of intone, as packages and model files give it."""

__version__ = "0.1.0"
