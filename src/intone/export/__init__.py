"""A finished run -> one ONNX file, checked against the network that it was made of."""
