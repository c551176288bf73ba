"""Samples and data sets of any shape: digests, classes, copies, tensors and torch datasets."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from securemnist.data import DataSet, Samples, samples, storage
from securemnist.errors import DataError, ModelError
from securemnist.evaluation.context import Context
from securemnist.models.loading import Subject
from tests.data.pictures import random_pixels
from tests.error_form import one_sentence

N, SIDE = 24, 9
COLOUR = torch.from_numpy(random_pixels(N, 3, SIDE, SIDE + 1))
Y = torch.arange(N) % 4


def test_digest_of_mnist(mnist: DataSet) -> None:
    """The digest of the test split of MNIST, which policies hold, does not change."""
    assert mnist.digest == "910db85cbbd7f129babf844daa92f5e41b6fd6f84e458393d176c9afeea4c3d5"


@pytest.mark.parametrize(
    ("channels", "kind", "highest"), [(1, "uint8", 9), (1, "float32", 9), (3, "uint8", 299)]
)
def test_form_of_digests(
    channels: int, kind: str, highest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest is that of shape, pixels and labels, in whatever chunks and layout they are read."""
    pixels = random_pixels(5, channels, SIDE, SIDE)
    values = pixels if kind == "uint8" else pixels.astype(np.float32) / np.float32(256)
    y = np.arange(5) * (highest // 4)
    shape = [5, SIDE, SIDE] if channels == 1 else [5, channels, SIDE, SIDE]
    form = str(shape).replace(" ", "")
    form = form if kind == "uint8" else form.replace("]", ',"float32"]')
    labels = y.astype(np.uint8 if highest < 256 else "<i8")
    wanted = hashlib.sha256(form.encode() + values.tobytes() + labels.tobytes()).hexdigest()
    monkeypatch.setattr(samples, "_CHUNK", 300)
    found = Samples(torch.from_numpy(values), torch.from_numpy(y))
    assert found.digest == wanted
    last = torch.from_numpy(values).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert Samples(last, torch.from_numpy(y)).digest == wanted
    assert len(found[:0].digest) == 64


def test_spread_samples() -> None:
    """Samples at even distances include the first and the last; of fewer all are taken."""
    found = Samples(COLOUR, torch.arange(N)).spread(4)
    assert found.labels.tolist() == [0, 8, 15, 23]
    assert torch.equal(found.pixels, COLOUR[found.labels])
    assert Samples(COLOUR, Y).spread(64).labels.tolist() == Y.tolist()
    assert len(Samples(COLOUR, Y).spread(1)) == 1


def test_images_of_every_spec() -> None:
    """Images are contiguous float32 (n, C, H, W), and changing them does not change the pixels."""
    for pixels in (COLOUR, COLOUR / 255, COLOUR.permute(0, 1, 3, 2)):
        colour = Samples(pixels, Y)
        images = colour.images()
        assert images.is_contiguous()
        assert images.shape == pixels.shape
        images.zero_()
        assert int(colour.pixels.max()) > 0


@pytest.mark.parametrize(
    ("options", "classes"),
    [({}, 6), ({"classes": 9}, 9), ({"class_names": "abcdefg"}, 7)],
    ids=["highest label", "classes", "names"],
)
def test_number_of_classes(options: Any, classes: int) -> None:
    """Classes are those named, else up to the highest label of both splits."""
    training = (COLOUR, Y + 2)
    data = DataSet.from_tensors(COLOUR[:4] // 2, Y[:4], training=training, **options)
    assert data.spec.classes == classes
    assert data.spec.shape == (3, SIDE, SIDE + 1)
    assert (len(data.train), len(data.tuning), len(data.test)) == (22, 2, 4)


def test_classes_of_grey_28x28() -> None:
    """Grey 28x28 images have ten classes unless a label is above 9 or another number is named."""
    x = torch.rand(5, 1, 28, 28)
    for y, options, classes in (
        ([0, 1, 2, 3, 4], {}, 10),
        ([0, 1, 2, 3, 46], {}, 47),
        ([0, 1, 0, 1, 0], {"classes": 2}, 2),
    ):
        assert DataSet.from_tensors(x, torch.tensor(y), **options).spec.classes == classes


WRONG = {
    "three dimensions": (COLOUR[:, 0], Y, {}),
    "half precision": (COLOUR.half(), Y, {}),
    "five channels": (torch.cat([COLOUR, COLOUR], 1), Y, {}),
    "small": (COLOUR[..., :4], Y, {}),
    "above the named classes": (COLOUR, Y, {"classes": 3}),
    "more names than classes": (COLOUR, Y, {"classes": 5, "class_names": "abcd"}),
    "floats as bytes": ((COLOUR // 128), Y, {}),
    "grey training": (COLOUR, Y, {"training": (COLOUR[:, :1], Y)}),
    "one class": (COLOUR, Y * 0, {}),
    "training of another size": (COLOUR, Y, {"training": (COLOUR[:, :, 1:], Y)}),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_tensors_refused(name: str) -> None:
    """Tensors that break an input specification are one DataError."""
    x, y, options = WRONG[name]
    with pytest.raises(DataError) as caught:
        DataSet.from_tensors(x, y, **options)
    one_sentence(caught.value)


def test_copies_across_types() -> None:
    """A training image is found in a test split of floats, where one test image is no byte image."""
    x = COLOUR / 255
    x[0] *= 0.999
    data = DataSet.from_tensors(x[:6], Y[:6], training=(COLOUR[4:], Y[4:]))
    assert data.test.pixels.is_floating_point()
    assert not data.train.pixels.is_floating_point()
    assert data.copies.of_training == 2


def test_data_that_does_not_fit_the_model_are_refused(baseline: Subject) -> None:
    """A model is not measured on data of another shape or number of classes, in one sentence."""
    x, y = torch.rand(9, 1, 28, 28), torch.arange(9)
    for data in (DataSet.from_tensors(COLOUR, Y), DataSet.from_tensors(x, y, classes=9)):
        with pytest.raises(ModelError, match=r"^baseline: expected logits") as caught:
            Context(baseline, data)
        one_sentence(caught.value)


class Items(Dataset[Any]):
    """A map-style dataset of these items."""

    def __init__(self, *items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> Any:
        return self.items[place]


class Stream(IterableDataset[Any]):
    """A dataset without a length."""

    def __iter__(self) -> Any:
        yield IMAGE, 0


@pytest.mark.parametrize("limit", [100, 1 << 20])
def test_torch_datasets(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items as tensors or PIL images give the set of the same tensors, also above the memory limit."""
    monkeypatch.setattr(storage, "IN_MEMORY", limit)
    wanted = DataSet.from_tensors(COLOUR, Y, training=(COLOUR[:5] // 3, Y[:5]))
    known = TensorDataset(COLOUR[:5] // 3, Y[:5])
    arrays = COLOUR.permute(0, 2, 3, 1).numpy()
    pictures = [(Image.fromarray(x), int(y)) for x, y in zip(arrays, Y, strict=True)]
    for test in (TensorDataset(COLOUR, Y), TensorDataset(COLOUR / 255, Y), Items(*pictures)):
        data = DataSet.from_dataset(test, known, progress=False)
        assert (data.digests, data.spec) == (wanted.digests, wanted.spec)
        assert (data.test.mapping is None) is (limit > 100)


def test_floats_among_bytes_are_kept() -> None:
    """An item that bytes cannot represent makes the split float32, without a change of the others."""
    x = COLOUR / 255
    x[5] *= 0.999
    data = DataSet.from_dataset(TensorDataset(x, Y), progress=False)
    assert torch.equal(data.test.images(), x)


IMAGE = COLOUR[0]
WRONG_ITEMS: dict[str, tuple[Any, str]] = {
    "no length": (Stream(), "with a length"),
    "no dataset": (3, "with a length"),
    "a loader": (DataLoader(TensorDataset(COLOUR, Y)), "got DataLoader; pass its `dataset`"),
    "channels last": (Items((IMAGE.permute(1, 2, 0), 0)), "channels are last; permute"),
    "empty": (Items(), "1 to 10,000,000 test images"),
    "no label": (Items(IMAGE), "item 0 .*expected .image, label."),
    "text label": (Items((IMAGE, 1), (IMAGE, "cat")), "item 1 .*got 'cat'; number the classes"),
    "a negative label": (Items((IMAGE, -1)), "got -1"),
    "a huge label": (Items((IMAGE, 2**80)), "whole label from 0 to 999"),
    "a boolean label": (Items((IMAGE, True)), "got True"),
    "another size": (Items((IMAGE, 0), (IMAGE[:, 1:], 1)), "like the images before it"),
    "doubles": (Items((IMAGE.double(), 0)), "got float64"),
    "floats to 255": (Items((IMAGE.float(), 0)), "got pixels from"),
    "NaN": (Items((IMAGE * torch.nan, 0)), "NaN"),
    "floats as bytes": (Items((IMAGE // 128, 0), (IMAGE // 128, 1)), "none above 1"),
    "an array": (Items((IMAGE.numpy(), 0)), "got ndarray; convert it, as ToTensor"),
    "16 bits": (Items((Image.fromarray(IMAGE[0].numpy().astype(np.uint16)), 0)), "got mode I;16"),
}


@pytest.mark.parametrize("name", WRONG_ITEMS)
def test_wrong_items_refused(name: str) -> None:
    """A dataset without a length, or with another kind of item, is one DataError that names the item."""
    items, words = WRONG_ITEMS[name]
    with pytest.raises(DataError, match=words) as caught:
        DataSet.from_dataset(items, progress=False)
    one_sentence(caught.value)
