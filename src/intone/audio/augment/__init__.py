"""Training clip -> changed copies of it; for training and for measuring robustness, never for analysis."""
