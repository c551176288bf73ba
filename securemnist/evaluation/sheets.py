"""Adversarial examples of a row as a contact sheet (PNG) and a table (CSV)."""

from __future__ import annotations

import csv
import io

import numpy as np
import torch

from securemnist.data.thumbnail import thumbnail
from securemnist.evaluation.context import Context
from securemnist.evaluation.examples import Examples
from securemnist.results.value_types import PICTURE_SIDE
from securemnist.view import png

_COLUMNS, _MAX_IMAGES, _COLOURS = 8, 200, 3
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
    """PNG of the first 200 examples, each to the right of its clean image.

    Images of more than 64 pixels a side are reduced, smaller ones enlarged by a whole factor.
    """
    count = min(len(examples), _MAX_IMAGES)
    clean = context.data.test[torch.from_numpy(examples.places[:count])].images()
    changed = torch.from_numpy(np.array(examples.images[:count]))
    pairs = np.stack(
        [np.concatenate([_pixels(a), _pixels(b)], 1) for a, b in zip(clean, changed, strict=True)]
    )
    columns = min(_COLUMNS, count)
    # A white frame around each pair, and white tiles to the end of the last line.
    frame = ((0, -count % columns), (2, 2), (2, 2), (0, 0))
    tiles = np.pad(pairs, frame, constant_values=255)
    lines = np.split(tiles, len(tiles) // columns)
    canvas = np.concatenate([np.concatenate(line, axis=1) for line in lines])
    factor = max(1, PICTURE_SIDE // max(clean.shape[2:]))
    enlarged = canvas.repeat(factor, axis=0).repeat(factor, axis=1)
    return png.picture(
        enlarged.tobytes(), width=enlarged.shape[1], colour=enlarged.shape[2] == _COLOURS
    )


def _pixels(image: torch.Tensor) -> np.ndarray:
    """An image (C, H, W) as uint8 (h, w, 3), or (h, w, 1) of one or two channels."""
    shown = thumbnail(image)
    values = np.frombuffer(shown.pixels, np.uint8).reshape(shown.height, shown.width, -1)
    if shown.channels >= _COLOURS:
        return values[..., :_COLOURS]
    grey: np.ndarray = values.mean(2, keepdims=True).astype(np.uint8)
    return grey
