"""Nothing -> the version of intone that packages and model files name."""

__version__ = "0.1.0"
