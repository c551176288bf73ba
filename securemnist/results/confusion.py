"""Confusion matrices, and the accuracy of each class."""

from __future__ import annotations

import numpy as np


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts int64 (K, K) of integers (n,): row true class, column predicted class."""
    cells = labels.astype(np.int64) * classes + predictions
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def per_class(matrix: np.ndarray) -> list[float | None]:
    """Accuracy of each class of a confusion matrix; None for a class without images."""
    totals = matrix.sum(1).tolist()
    right = matrix.diagonal().tolist()
    return [hits / total if total else None for hits, total in zip(right, totals, strict=True)]
