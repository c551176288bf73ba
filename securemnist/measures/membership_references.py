"""Reference networks of membership inference: how easy an image is for networks trained without it.

Watson et al. 2022, arXiv 2111.08440. They need not be as good as the measured model: images that all
networks find easy are known from small ones, on images of few pixels.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
import torch.nn.functional as F

from securemnist._util.hashing import seed_from
from securemnist.attacks.losses import answers
from securemnist.data import DataSet, Samples
from securemnist.input_spec import InputSpec
from securemnist.models.predictions import margin
from securemnist.train.recipes import Recipe
from securemnist.train.retraining import trained
from securemnist.types import Images, Labels, Logits, Progress

# Images are reduced to at most so many pixels a side. In all epochs together a network takes about so
# many images.
SIDE, TAKEN = 32, 20_000
_PART = 256


def reference_answers(
    data: DataSet, others: Samples, measured: Samples, *, count: int, seed: int, progress: Progress
) -> tuple[np.ndarray, Logits]:
    """Mean margins float64 (n,) and mean logits (n, K) of the `measured` samples.

    They are of `count` networks, trained on `others`.
    """
    small = reduced_form(data.spec)
    samples = Samples(reduced(others, small), others.labels)
    # The trainer's own probe of an epoch is not needed: one image.
    task = dataclasses.replace(data, spec=small, train=samples, tuning=samples[:1])
    epochs = min(40, max(2, math.ceil(TAKEN / len(samples))))
    x = reduced(measured, small)
    total, summed = np.zeros(len(measured)), torch.zeros(len(measured), data.spec.classes)
    with torch.random.fork_rng(devices=[]):  # training seeds the global generator
        for number in range(count):
            recipe = Recipe(epochs=epochs, seed=seed_from(seed, "reference", number))
            network = trained(task, samples, recipe, progress=progress)
            logits = answers(network, x, _PART).cpu()
            total += label_margins(logits, measured.labels)
            summed += logits
    return total / count, summed / count


def label_margins(logits: Logits, labels: Labels) -> np.ndarray:
    """Margins of the labels, float64 (n,), from logits (n, K).

    No scale of the logits changes their order, as it would change that of log odds.
    """
    return margin(logits.cpu().double(), labels.cpu()).numpy()


def reduced_form(spec: InputSpec) -> InputSpec:
    """The form of the images that reference networks see: at most 32 pixels a side."""
    return dataclasses.replace(spec, height=min(SIDE, spec.height), width=min(SIDE, spec.width))


def reduced(samples: Samples, spec: InputSpec) -> Images:
    """Images of the size of `spec`, means over pixels; some at a time, as they may be large."""
    parts = range(0, len(samples), _PART)
    size = spec.height, spec.width
    return torch.cat([F.adaptive_avg_pool2d(samples[k : k + _PART].images(), size) for k in parts])
