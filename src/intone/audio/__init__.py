"""A recording in any format -> mono float32 at 16 kHz -> speech, features and measurements."""
