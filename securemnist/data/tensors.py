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
    if tuple(y.shape) != (n,):
        raise DataError(
            f"expected {form} for {n:,} images, got shape {tuple(y.shape)}; pass one label an image"
            f"{', one-hot labels as y.argmax(1)' if y.dim() == 2 else ''}"
        )
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise DataError(f"expected {form}, got {dtype_of(y)}; convert with .long()")
    check_label_range(y, form, classes)
    return y.long()


def check_label_range(y: Labels, form: str, classes: int | None) -> None:
    """DataError unless labels are from 0 and below `classes`, if that is known."""
    low, high = int(y.min()), int(y.max())
    if low < 0 or (classes is not None and high >= classes):
        advice = (
            "subtract 1, since labels start at 0" if low == 1 and high == classes else "fix them"
        )
        raise DataError(f"expected {form}, got labels from {low} to {high}; {advice}")


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


def as_numbers(kind: np.dtype[Any]) -> str:
    """The advice for an array of a type that is not read."""
    if kind.kind in "US":
        return "number the classes from 0, as numpy.unique(labels, return_inverse=True)[1] does"
    return "convert it to whole numbers with .astype(int)" if kind.kind in "bf" else "convert it"


def as_tensor(value: Any, form: str) -> torch.Tensor:
    """A tensor or NumPy array as a tensor; DataError, which names the `form`, for anything else."""
    if isinstance(value, np.ndarray):
        try:
            return torch.from_numpy(value.copy())
        except TypeError as error:
            raise DataError(
                f"expected {form}, got an array of {value.dtype}; {as_numbers(value.dtype)}"
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
