"""Hints in errors about common mistakes with data and weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

from securemnist import data
from securemnist.certificates import certify
from securemnist.data import idx_files
from securemnist.errors import DataError, NoCertificate, WeightsError
from securemnist.models import weight_file
from tests.data.small import small_set


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the four files under their usual names."""
    for name, content in small_set().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("inside", ["MNIST/raw", "raw"])
def test_hint_for_the_root_of_torchvision_data(files: Path, inside: str) -> None:
    """The root of torchvision's data set is answered with the folder of its files."""
    (files / inside).mkdir(parents=True)
    for name in data.PINNED:
        (files / name).rename(files / inside / name)
    with pytest.raises(DataError, match=f"{inside}: pass that folder"):
        data.load(files)


@pytest.mark.parametrize("nested", [False, True])
def test_hint_for_kaggle_file_names(files: Path, nested: bool) -> None:
    """Files with a dot instead of a hyphen, also in folders of their name, are to be renamed."""
    for name in data.PINNED:
        dotted = files / name.replace("-idx", ".idx")
        (files / name).rename(files / "kept")
        if nested:
            dotted.mkdir()
            dotted = dotted / dotted.name
        (files / "kept").rename(dotted)
    with pytest.raises(DataError, match=r"rename .*train-images.idx3-ubyte to train-images-idx3"):
        data.load(files)


def test_hint_for_csv_files(tmp_path: Path) -> None:
    """A folder of CSV files is answered with docs/data.md; an empty one is not."""
    name = next(iter(data.PINNED))
    with pytest.raises(DataError, match=idx_files.ADVICE):
        idx_files.read(tmp_path, name)
    (tmp_path / "train.csv").write_text("label,pixel0\n")
    with pytest.raises(DataError, match=r"docs/data.md"):
        idx_files.read(tmp_path, name)


def test_dataparallel_weights_are_read(tmp_path: Path) -> None:
    """Weights whose names all begin with `module.`, as DataParallel saves them, are read."""
    net, path = nn.Linear(2, 2), tmp_path / "w.safetensors"
    state = {f"module.{name}": tensor.clone() + 1 for name, tensor in net.state_dict().items()}
    path.write_bytes(safetensors.torch.save(state))
    weight_file.load_into(net, path, None)
    assert torch.equal(net.weight, state["module.weight"])
    for wrong in ({"other": torch.ones(2)}, {**state, "bias": torch.ones(2)}):
        path.write_bytes(safetensors.torch.save(wrong))
        with pytest.raises(WeightsError, match="differs in"):
            weight_file.load_into(net, path, None)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("normalise", [parametrizations.weight_norm, weight_norm])
def test_weight_normalisation_has_equal_certificates(
    normalise: Callable[[nn.Module], nn.Module],
) -> None:
    """A network with weight normalisation has the certificates of one with the weights' values."""
    torch.manual_seed(0)
    plain = nn.Linear(784, 10)
    model = nn.Sequential(nn.Flatten(), normalise(copy.deepcopy(plain))).eval()
    model.requires_grad_(False)
    x = torch.rand(4, 1, 28, 28)
    y = model(x).argmax(1)
    other = nn.Sequential(nn.Flatten(), plain).eval().requires_grad_(False)
    margins = [certify(each, x, y, eps=0.001).margins for each in (model, other)]
    assert torch.allclose(*margins, atol=1e-5)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_hint_for_weights_that_cannot_be_copied() -> None:
    """Weights that are computed with gradients are refused with the advice to store their value."""
    model = nn.Sequential(nn.Flatten(), weight_norm(nn.Linear(784, 10))).eval()
    model(torch.rand(1, 1, 28, 28))
    with pytest.raises(NoCertificate, match=r"torch.nn.utils.remove_weight_norm"):
        certify(model, torch.rand(1, 1, 28, 28), torch.zeros(1).long(), eps=0.001)


@pytest.mark.filterwarnings("ignore:Implicit dimension")
def test_softmax_without_a_dimension_is_certified() -> None:
    """Softmax of logits (n, 10) without a dimension is over the classes, and has its bounds."""
    plain = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    x = torch.rand(3, 1, 28, 28)
    y = plain(x).argmax(1)
    models = [nn.Sequential(plain, nn.LogSoftmax(dim)).eval() for dim in (None, 1)]
    margins = [certify(each.requires_grad_(False), x, y, eps=0.001).margins for each in models]
    assert torch.equal(*margins)
