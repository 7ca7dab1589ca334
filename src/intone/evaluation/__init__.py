"""Tables of predictions -> accuracy, calibration, tests and intervals; no models."""
