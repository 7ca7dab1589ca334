"""Sentences (text) -> logits [N, labels]: TF-IDF of words and word pairs and a logistic regression, the baseline.

Sparck Jones 1972 (IDF), Salton & Buckley 1988 (weighting); counts are sublinear, classes weigh the same.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from intone.emotions import EMOTIONS
from intone.text import UNKNOWN, tokens


def terms(sentence: str) -> list[str]:
    """The sentence's tokens; without any, `<unknown>`, so that even silent clips give a vocabulary."""
    return tokens(sentence) or [UNKNOWN]


class TfidfClassifier:
    """Bag of words and word pairs; its vocabulary and weights come from the training sentences alone."""

    def __init__(self, strength: float = 1.0, classes: int = len(EMOTIONS)) -> None:
        """`strength` is the inverse of the L2 penalty, scikit-learn's C; `classes` is how many labels there are."""
        self.strength, self.classes = strength, classes
        # Probabilities have this floor, so that an emotion without training sentences has a finite logit.
        self.floor = 1e-6

    def fit(self, sentences: Sequence[str], targets: Sequence[int], seed: int = 0) -> "TfidfClassifier":
        """Train on N sentences and the indices of their labels; a single label is enough, or a single sentence.

        `seed` is only there for a common interface: the solver uses no random numbers.
        """
        self.vectorizer = TfidfVectorizer(
            tokenizer=terms, token_pattern=None, lowercase=False, ngram_range=(1, 2), sublinear_tf=True
        )
        features = self.vectorizer.fit_transform(sentences)
        self.known = sorted(set(targets))
        if len(self.known) > 1:
            self.model = LogisticRegression(
                C=self.strength, class_weight="balanced", max_iter=1000, random_state=seed
            ).fit(features, list(targets))
        return self

    def logits(self, sentences: Sequence[str]) -> np.ndarray:
        """Log-probabilities [N, classes] float64, not below the floor's."""
        chances = np.zeros((len(sentences), self.classes))
        if len(self.known) > 1:
            chances[:, self.known] = self.model.predict_proba(self.vectorizer.transform(sentences))
        else:
            chances[:, self.known] = 1.0
        return np.log(np.maximum(chances, self.floor))

    @property
    def parameters(self) -> int:
        """Weights and biases learnt by the regression, and the IDF of each term."""
        regression = self.model.coef_.size + self.model.intercept_.size if len(self.known) > 1 else 0
        return int(regression + self.vectorizer.idf_.size)
