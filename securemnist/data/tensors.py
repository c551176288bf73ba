"""Images and labels in memory: their checks, and the data set that is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from securemnist.data.assembly import TOO_DARK, Splits, assembled
from securemnist.data.dataset import DataSet
from securemnist.data.samples import Samples, as_bytes
from securemnist.errors import DataError
from securemnist.input_spec import MOST_CHANNELS
from securemnist.types import Images, Labels

_FORM = "images as float32 (n, C, H, W) in [0, 1]"
_ANY_FORM = "images as float32 (n, C, H, W) in [0, 1], or uint8"


def data_set(
    images: Any,
    labels: Any,
    *,
    name: str,
    training: tuple[Any, Any] | None,
    classes: int | None,
    class_names: tuple[str, ...],
) -> DataSet:
    """The data set of tensors or arrays; see `DataSet.from_tensors`."""
    known = None if training is None else _samples(*training)
    splits = Splits(_samples(images, labels), known, class_names)
    return assembled(name, splits, classes=classes)


def checked_images(images: Any) -> Images:
    """Images (n, C, H, W) as a tensor; DataError in one sentence for another form, type or range."""
    x = as_tensor(images, _FORM)
    if x.dtype != torch.float32:
        advice = "divide by 255" if x.dtype == torch.uint8 else "convert with .float()"
        raise DataError(f"expected {_FORM}, got {dtype_of(x)}; {advice}")
    _check_shape(x, _FORM)
    check_range(x, _FORM)
    return x


def _check_shape(x: torch.Tensor, form: str) -> None:
    """DataError unless images are (n, C, H, W), with more pixels in a row than channels usually are."""
    if x.dim() != 4 or not x.numel():
        raise DataError(f"expected {form}, at least one, got {tuple(x.shape)}; reshape them")
    if x.shape[1] > MOST_CHANNELS >= x.shape[3]:
        raise DataError(
            f"expected {form}, got {tuple(x.shape)}, whose channels are last; permute to (0, 3, 1, 2)"
        )


def check_range(x: Images, form: str, where: str = "") -> None:
    """DataError unless all pixels are finite and in [0, 1]."""
    if not bool(torch.isfinite(x).all()):
        raise DataError(f"{where}expected {form}, got NaN or inf; remove or fix these images")
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 1:
        raise DataError(
            f"{where}expected {form}, got pixels from {low:g} to {high:g}; scale them to [0, 1], and "
            "put the model's normalisation into the model (securemnist.models.normalized)"
        )


def checked_labels(labels: Any, n: int, classes: int | None = None) -> Labels:
    """Labels of `n` images as int64 (n,), below `classes` if given; DataError in one sentence."""
    form = "labels as integers (n,) from 0" + ("" if classes is None else f" to {classes - 1}")
    y = as_tensor(labels, form)
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise DataError(f"expected {form}, got {dtype_of(y)}; convert with .long()")
    if tuple(y.shape) != (n,):
        raise DataError(f"expected {form} for {n:,} images, got shape {tuple(y.shape)}; fix them")
    low, high = int(y.min()), int(y.max())
    if low < 0 or (classes is not None and high >= classes):
        raise DataError(f"expected {form}, got labels from {low} to {high}; fix them")
    return y.long()


def _samples(images: Any, labels: Any) -> Samples:
    """The samples of checked tensors, as bytes where no pixel changes by that."""
    x = as_tensor(images, _ANY_FORM)
    if x.dtype not in (torch.float32, torch.uint8):
        raise DataError(f"expected {_ANY_FORM}, got {dtype_of(x)}; convert with .float()")
    _check_shape(x, _ANY_FORM)
    y = checked_labels(labels, len(x)).cpu().clone()
    x = x.cpu().contiguous()
    if x.dtype == torch.uint8:
        if int(x.max()) < 2:
            raise DataError(TOO_DARK)
        return Samples(x.clone(), y)
    check_range(x, _ANY_FORM)
    coarse, exact = as_bytes(x)
    return Samples(coarse if bool(exact.all()) else x.clone(), y)


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
        if value.layout is not torch.strided:
            raise DataError(f"expected {form}, got a sparse tensor; convert with .to_dense()")
        return value.detach()
    raise DataError(
        f"expected {form}, got {type(value).__name__}; pass a torch tensor or a NumPy array"
    )


def dtype_of(tensor: torch.Tensor) -> str:
    """The name of its type, such as float32."""
    return str(tensor.dtype).removeprefix("torch.")
