"""A recording, whatever it is packed in -> mono float32 at 16 kHz -> speech, features and what was measured of it."""
