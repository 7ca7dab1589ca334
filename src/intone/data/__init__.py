"""Folders and tables of labelled speech -> corpora, the folds of a protocol, and a sentence for every clip.

corpus = csv_corpus.load(Path("mine.csv"))
for split in folds(corpus.clips, "speakers"): ...
"""

from intone.data import corpora, csv_corpus, goemotions, ravdess, synthetic
from intone.data.corpus import Corpus
from intone.data.csv_entries import Conventions
from intone.data.splits import Split, folds

__all__ = ["Conventions", "Corpus", "Split", "corpora", "csv_corpus", "folds", "goemotions", "ravdess", "synthetic"]
