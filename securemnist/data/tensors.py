"""Images and labels in memory: their checks, and the data set that is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from securemnist.data.dataset import DataSet, Digits
from securemnist.errors import DataError
from securemnist.types import CLASSES, SHAPE, Images, Labels

_FORM = f"images as float32 (n, {', '.join(map(str, SHAPE))}) in [0, 1]"


def data_set(images: Any, labels: Any, *, name: str, training: tuple[Any, Any] | None) -> DataSet:
    """The data set of tensors or arrays; see `DataSet.from_tensors`."""
    test = _digits(images, labels)
    digests = {"test": test.digest}
    known = test[:0]
    if training is not None:
        known = _digits(*training)
        digests["training"] = known.digest
    cut = len(known) - min(5_000, len(known) // 12)
    return DataSet(name, known[:cut], known[cut:], test, digests)


def checked_images(images: Any) -> Images:
    """Images as a tensor; DataError in one sentence where form, type or range is another."""
    x = as_tensor(images, _FORM)
    if x.dtype != torch.float32:
        advice = "divide by 255" if x.dtype == torch.uint8 else "convert with .float()"
        raise DataError(f"expected {_FORM}, got {_dtype(x)}; {advice}")
    if tuple(x.shape[1:]) != SHAPE or not len(x):
        raise DataError(f"expected {_FORM}, at least one, got {tuple(x.shape)}; reshape them")
    if not bool(torch.isfinite(x).all()):
        raise DataError(f"expected {_FORM}, got NaN or inf; remove or fix these images")
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 1:
        raise DataError(
            f"expected {_FORM}, got pixels from {low:g} to {high:g}; scale them to [0, 1], and put "
            "the model's normalisation into the model (securemnist.models.normalized)"
        )
    return x


def checked_labels(labels: Any, n: int) -> Labels:
    """Labels of `n` images as int64 (n,) in 0..9; DataError in one sentence where they are not."""
    form = f"labels as integers (n,) from 0 to {CLASSES - 1}"
    y = as_tensor(labels, form)
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise DataError(f"expected {form}, got {_dtype(y)}; convert with .long()")
    if tuple(y.shape) != (n,):
        raise DataError(f"expected {form} for {n:,} images, got shape {tuple(y.shape)}; fix them")
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= CLASSES:
        raise DataError(f"expected {form}, got labels from {low} to {high}; fix them")
    return y.long()


def _digits(images: Any, labels: Any) -> Digits:
    """The digits of checked tensors, as bytes where no pixel changes by that."""
    x = checked_images(images).cpu()
    y = checked_labels(labels, len(x)).cpu()
    pixels = x.squeeze(1).clone()
    coarse = Digits((pixels * 255).round().to(torch.uint8), y.clone())
    return coarse if torch.equal(coarse.images(), x) else Digits(pixels, y.clone())


def as_tensor(value: Any, form: str) -> torch.Tensor:
    """A tensor or NumPy array as a tensor; DataError, which names the `form`, for anything else."""
    if isinstance(value, np.ndarray):
        try:
            return torch.from_numpy(value.copy())
        except TypeError as error:
            raise DataError(
                f"expected {form}, got an array of {value.dtype}; convert it"
            ) from error
    if isinstance(value, torch.Tensor):
        return value.detach()
    raise DataError(
        f"expected {form}, got {type(value).__name__}; pass a torch tensor or a NumPy array"
    )


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
