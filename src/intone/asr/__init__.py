"""Speech (mono float32, 16 kHz) -> words, their times (s) and their language."""
