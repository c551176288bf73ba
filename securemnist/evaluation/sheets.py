"""Adversarial examples of a row as a contact sheet (PNG) and a table (CSV)."""

from __future__ import annotations

import csv
import io

import numpy as np
import torch

from securemnist.evaluation.context import Context
from securemnist.evaluation.examples import Examples
from securemnist.view import png

_COLUMNS, _MAX_IMAGES, _SIDE = 8, 200, 28
_HEADER = ("test_digit", "label", "prediction", "linf", "l2")


def csv_table(examples: Examples, context: Context) -> bytes:
    """CSV with one line for each example: place in the test set, label, prediction, norms.

    The L-infinity and L2 norms are those of the perturbation of pixels in [0, 1]. All cells are
    numbers.
    """
    places = torch.from_numpy(examples.places)
    images = torch.from_numpy(np.array(examples.images))
    digits = context.data.test[places]
    change = (images - digits.images()).flatten(1).double()
    predictions = context.logits(images).argmax(1).cpu()
    norms = change.abs().amax(1), change.norm(dim=1)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_HEADER)
    columns = places, digits.labels, predictions, *norms
    for place, label, prediction, linf, l2 in zip(*(c.tolist() for c in columns), strict=True):
        lines.writerow((place, label, prediction, f"{linf:.6f}", f"{l2:.6f}"))
    return text.getvalue().encode()


def contact_sheet(examples: Examples, context: Context) -> bytes:
    """PNG of the first 200 examples, each to the right of its clean image."""
    count = min(len(examples), _MAX_IMAGES)
    clean = context.data.test[torch.from_numpy(examples.places[:count])].images().numpy()
    pairs = np.concatenate([clean, examples.images[:count]], axis=3)[:, 0]
    columns = min(_COLUMNS, count)
    lines = -(-count // columns)
    width, height = 2 * _SIDE + 4, _SIDE + 4
    canvas = np.full((lines * height, columns * width), 255, np.uint8)
    for number, pair in enumerate(pairs):
        top, left = number // columns * height + 2, number % columns * width + 2
        canvas[top : top + _SIDE, left : left + 2 * _SIDE] = np.round(255 * pair)
    doubled = canvas.repeat(2, axis=0).repeat(2, axis=1)
    return png.picture(doubled.tobytes(), width=doubled.shape[1])
