"""An audio classifier of `transformers`, hub id or local folder -> a model file with a card; sound alone, 32 bits."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from huggingface_hub.repocard import metadata_load
from torch import nn
from transformers.utils import cached_file

from intone.asr.languages import code
from intone.audio.extractors import ExtractorSettings
from intone.cache import digest
from intone.data.labels import LABELS, own, plain
from intone.errors import IntoneError
from intone.export.onnx import export, place
from intone.inference.card import Card
from intone.models import pretrained
from intone.models.graph import FileGraph
from intone.models.hub_classifier import HubGraph, extractor, window
from intone.progress import say
from intone.version import __version__

LARGEST: Final = 500_000_000
"""Numbers of the largest network: a file may have 2 GB, and each takes 4 bytes."""

UNKNOWN: Final = "unknown"


def write(where: str, out: Path, revision: str | None = None, licence: str | None = None) -> Card:
    """Write the model file of a hub id or local folder and return its card.

    `licence` None: what the model's own card says. Raises IntoneError where no file can be made.
    """
    network = pretrained.classifier(where, revision)
    if (size := sum(weights.numel() for weights in network.parameters())) > LARGEST:
        raise IntoneError(
            f"{where} has {size / 1e6:.0f} million numbers, and a model file holds {LARGEST / 1e6:.0f} million: name a "
            "smaller model."
        )
    features = extractor(where, revision)
    card = card_of(where, network, features, revision)
    card = replace(card, licence=licence or card.licence)
    if all(label.startswith("label_") for label in card.labels):
        say(f"{where} doesn't say what its labels mean: they are called {', '.join(card.labels)}.")
    with tempfile.TemporaryDirectory() as work:
        made = Path(work) / "model.onnx"
        card = _with_parity(FileGraph(HubGraph(network, features), None), card, made, where)
        place(made, card, out)
    return card


def card_of(where: str, network: nn.Module, features: ExtractorSettings, revision: str | None = None) -> Card:
    """The card of a network and its feature extractor, before its file is compared with it."""
    facts = front_matter(where, revision)
    name = Path(where).resolve().name if Path(where).is_dir() else where
    rating = pretrained.rates(network.config)
    return Card(
        name=f"{name}@{revision}" if revision else name,
        version=__version__,
        features=features,
        temperature=1.0,
        fingerprint=digest(pretrained.settings(network), pretrained.digest_of(network)),
        trained_on=UNKNOWN,
        licence=licence_of(facts),
        languages=languages_of(facts),
        window=window(features),
        labels=names_of(network),
        dimensions=rating,
        calibrated=rating,
    )


def _with_parity(graph: FileGraph, card: Card, made: Path, where: str) -> Card:
    """The card of the file `made`, which is written. Raises IntoneError where the exporter fails, as it does in many
    ways."""
    try:
        return replace(card, parity=export(graph, card, made))
    except IntoneError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise IntoneError(
            f"{where} can't be converted ({reason[0]}): do its configuration and its feature extractor belong together?"
        ) from error


def names_of(network: nn.Module) -> tuple[str, ...]:
    """The labels of a network, in the order of its outputs: intone's names where they mean one of its emotions."""
    config: Any = network.config
    labels = [str(config.id2label[index]) for index in sorted(config.id2label)]
    return tuple(plain(label) for label in labels) if pretrained.rates(config) else named(labels)


def named(labels: Sequence[str]) -> tuple[str, ...]:
    """A model's labels -> names for tables: an emotion's where only one label means it, else the label's own.

    Raises IntoneError where two labels have the same name.
    """
    meant = [LABELS.get(plain(label), "") for label in labels]
    often = Counter(meant)
    found = tuple(
        emotion if emotion and often[emotion] == 1 else own(label) or own(f"label_{label}") or ""
        for label, emotion in zip(labels, meant, strict=True)
    )
    if len(set(found)) < len(found) or "" in found:
        raise IntoneError(f"These labels aren't one name for each output: {', '.join(labels)}; correct its id2label.")
    return found


def front_matter(where: str, revision: str | None = None) -> Mapping[str, Any]:
    """What the model's card (README.md) says of it in its head; empty where there is none."""
    try:
        page = cached_file(pretrained.place(where), "README.md", revision=revision)
        return (metadata_load(page) if page else None) or {}
    # No file, no network, no YAML: as many errors as libraries. None of them keeps a model from being used.
    except Exception:
        return {}


def licence_of(facts: Mapping[str, Any]) -> str:
    """The licence that a model's card names, `unknown` where it names none."""
    named_so = facts.get("license")
    if named_so == "other":
        named_so = facts.get("license_name") or named_so
    return str(named_so or UNKNOWN)


def languages_of(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Codes of the languages that a model's card names; empty where it names none that is known."""
    given = facts.get("language") or ()
    found = []
    for language in [given] if isinstance(given, str) else given:
        try:
            found.append(code(str(language)))
        except IntoneError:
            continue
    return tuple(dict.fromkeys(found))
