"""A network's weights <-> one safetensors file, with the settings that rebuild it inside."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn


def save_network(network: nn.Module, path: Path, settings: Mapping[str, Any]) -> None:
    """Weights as safetensors; `settings` (JSON-able) are stored inside, so that the network can be rebuilt."""
    tensors = {k: v.contiguous() for k, v in network.state_dict().items()}
    save_file(tensors, path, metadata={"intone": json.dumps(settings)})


def load_network_file(network: nn.Module, path: Path) -> None:
    """Load weights into a network of the same shape; raises RuntimeError where a key is missing or unknown."""
    network.load_state_dict(load_file(path))
