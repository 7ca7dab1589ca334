"""A recording and a model file -> sentences with emotions and times (s), written down or served, without torch."""
