"""A finished run -> one ONNX file, checked against its network: `pack.pack(pack.found(folder), corpus, out)`."""

__all__ = ["pack"]
