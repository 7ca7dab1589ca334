"""A corpus and a recipe -> finished folds in a runs folder."""
