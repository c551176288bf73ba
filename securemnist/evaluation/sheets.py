"""Adversarial examples of a row as a contact sheet (PNG) and a table (CSV)."""

from __future__ import annotations

import csv
import io

import numpy as np
import torch

from securemnist.evaluation.context import Context
from securemnist.evaluation.examples import Examples
from securemnist.view import png

_COLUMNS, _MAX_IMAGES = 8, 200
_HEADER = ("test_image", "label", "prediction", "linf", "l2")


def csv_table(examples: Examples, context: Context) -> bytes:
    """CSV with one line for each example: place in the test set, label, prediction, norms.

    The L-infinity and L2 norms are those of the perturbation of pixels in [0, 1]. All cells are
    numbers.
    """
    places = torch.from_numpy(examples.places)
    images = torch.from_numpy(np.array(examples.images))
    samples = context.data.test[places]
    change = (images - samples.images()).flatten(1).double()
    predictions = context.logits(images).argmax(1).cpu()
    norms = change.abs().amax(1), change.norm(dim=1)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(_HEADER)
    columns = places, samples.labels, predictions, *norms
    for place, label, prediction, linf, l2 in zip(*(c.tolist() for c in columns), strict=True):
        lines.writerow((place, label, prediction, f"{linf:.6f}", f"{l2:.6f}"))
    return text.getvalue().encode()


def contact_sheet(examples: Examples, context: Context) -> bytes:
    """PNG of the first 200 examples, each to the right of its clean image."""
    count = min(len(examples), _MAX_IMAGES)
    clean = context.data.test[torch.from_numpy(examples.places[:count])].images().numpy()
    pairs = np.concatenate([clean, examples.images[:count]], axis=3)[:, 0]
    columns = min(_COLUMNS, count)
    grey = np.round(255 * pairs).astype(np.uint8)
    # A white frame around each pair, and white tiles to the end of the last line.
    tiles = np.pad(grey, ((0, -count % columns), (2, 2), (2, 2)), constant_values=255)
    lines = np.split(tiles, len(tiles) // columns)
    canvas = np.concatenate([np.concatenate(line, axis=1) for line in lines])
    doubled = canvas.repeat(2, axis=0).repeat(2, axis=1)
    return png.picture(doubled.tobytes(), width=doubled.shape[1])
