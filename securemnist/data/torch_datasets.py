"""Data set of a `torch.utils.data.Dataset`: every item is read once and stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from securemnist.data import picture
from securemnist.data.assembly import MOST_IMAGES, TOO_DARK, Splits, assembled
from securemnist.data.dataset import DataSet
from securemnist.data.samples import Samples
from securemnist.data.storage import Storage
from securemnist.data.tensors import check_range, dtype_of
from securemnist.errors import DataError
from securemnist.input_spec import MOST_CHANNELS, MOST_CLASSES
from securemnist.types import Progress
from securemnist.view.progress import shown

_FORM = "an image as tensor (C, H, W), float32 in [0, 1] or uint8, or as PIL image"
_TO_TENSOR = "convert it, as ToTensor of torchvision does"


def data_set(
    test: Any,
    training: Any,
    *,
    name: str,
    classes: int | None,
    class_names: tuple[str, ...],
    progress: Callable[..., None] | bool,
) -> DataSet:
    """The data set of one or two datasets; see `DataSet.from_dataset`."""
    with shown(progress) as display:
        known = None if training is None else _samples(training, "training", display)
        splits = Splits(_samples(test, "test", display), known, class_names)
        splits = splits.in_equal_channels()
        return assembled(name, splits, classes=classes, progress=display)


def _samples(items: Any, split: str, progress: Progress) -> Samples:
    try:
        n = len(items)
    except (TypeError, NotImplementedError) as error:
        raise DataError(
            f"expected a dataset with a length, got {type(items).__name__}; pass a map-style dataset"
        ) from error
    if not hasattr(items, "__getitem__"):  # a DataLoader
        raise DataError(
            f"expected a dataset with numbered items, got {type(items).__name__}; pass its `dataset`"
        )
    if not 0 < n <= MOST_IMAGES:
        raise DataError(f"expected 1 to {MOST_IMAGES:,} {split} images, got {n:,}; pass others")
    storage, labels, bright = Storage(n), list[int](), False
    for place in range(n):
        where = f"item {place} ({split})"
        item = items[place]
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise DataError(
                f"{where}: expected (image, label), got {type(item).__name__}; wrap the dataset"
            )
        image = _image(item[0], where)
        bright = bright or image.is_floating_point() or int(image.max()) > 1
        storage.add(image, where)
        labels.append(_label(item[1], where))
        progress(f"reading {split}", storage.filled, n)
    if not bright:
        raise DataError(f"{split} images: {TOO_DARK}")
    return storage.samples(torch.tensor(labels))


def _image(value: Any, where: str) -> torch.Tensor:
    """One image as uint8 or float32 (1, C, H, W)."""
    if not isinstance(value, torch.Tensor):
        if hasattr(value, "getextrema"):
            return picture.converted(value, where, None)
        raise DataError(f"{where}: expected {_FORM}, got {type(value).__name__}; {_TO_TENSOR}")
    x = value.detach().cpu()
    x = x[None] if x.ndim == 2 else x
    if x.ndim != 3 or not x.numel() or x.dtype not in (torch.float32, torch.uint8):
        got = f"{dtype_of(x)} {tuple(x.shape)}"
        raise DataError(f"{where}: expected {_FORM}, got {got}; {_TO_TENSOR}")
    if x.shape[0] > MOST_CHANNELS >= x.shape[2]:
        raise DataError(
            f"{where}: expected {_FORM}, got {tuple(x.shape)}, whose channels are last; permute to "
            "(2, 0, 1)"
        )
    if x.is_floating_point():
        check_range(x, _FORM, f"{where}: ")
    return x[None]


def _label(value: Any, where: str) -> int:
    if isinstance(value, torch.Tensor | np.ndarray) and value.ndim == 0:
        value = value.item()
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not 0 <= value < MOST_CLASSES:
        advice = "number the classes from 0" if isinstance(value, str) else "convert it"
        raise DataError(
            f"{where}: expected a whole label from 0 to {MOST_CLASSES - 1}, got {value!r:.60}; {advice}"
        )
    return int(value)
