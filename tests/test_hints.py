"""Where people stumble on the first day the error says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, weight_norm

from securemnist import artifacts, data, idx_files
from securemnist.certify.layers import rule_of, softmax
from securemnist.errors import DataError, NoCertificate, WeightsError
from tests.data.small import small_set


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the four files under their usual names."""
    for name, content in small_set().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("inside", ["MNIST/raw", "raw"])
def test_torchvision_s_root(files: Path, inside: str) -> None:
    """The root of torchvision's data set leads to the folder of its files."""
    (files / inside).mkdir(parents=True)
    for name in data.PINNED:
        (files / name).rename(files / inside / name)
    with pytest.raises(DataError, match=f"{inside}: name that folder"):
        data.load(files)


@pytest.mark.parametrize("nested", [False, True])
def test_kaggle_s_names(files: Path, nested: bool) -> None:
    """Files with a dot for a hyphen, also each in a folder of its name, are to be renamed."""
    for name in data.PINNED:
        dotted = files / name.replace("-idx", ".idx")
        (files / name).rename(files / "kept")
        if nested:
            dotted.mkdir()
            dotted = dotted / dotted.name
        (files / "kept").rename(dotted)
    with pytest.raises(DataError, match=r"rename .*train-images.idx3-ubyte to train-images-idx3"):
        data.load(files)


def test_tables_of_pixels(tmp_path: Path) -> None:
    """A folder of CSV files leads to the page on one's own digits; an empty one does not."""
    name = next(iter(data.PINNED))
    with pytest.raises(DataError, match=idx_files.ADVICE):
        idx_files.read(tmp_path, name)
    (tmp_path / "train.csv").write_text("label,pixel0\n")
    with pytest.raises(DataError, match=r"docs/data.md"):
        idx_files.read(tmp_path, name)


def test_weights_of_dataparallel(tmp_path: Path) -> None:
    """Names that begin with `module.` are said to come from DataParallel."""
    net, path = nn.Linear(2, 2), tmp_path / "w.safetensors"
    state = {f"module.{name}": tensor.clone() for name, tensor in net.state_dict().items()}
    path.write_bytes(safetensors.torch.save(state))
    with pytest.raises(WeightsError, match=r"DataParallel.*save model.module.state_dict"):
        artifacts.load_into(net, path, None)
    path.write_bytes(safetensors.torch.save({"other": state["module.bias"]}))
    with pytest.raises(WeightsError, match="differs in"):
        artifacts.load_into(net, path, None)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weights_that_are_computed() -> None:
    """Certificates name the call that keeps the present value of a normalised weight."""
    new = parametrizations.weight_norm(nn.Linear(4, 2))
    with pytest.raises(NoCertificate, match=r"remove_parametrizations.layer, 'weight'"):
        rule_of(new, (2,))
    with pytest.raises(NoCertificate, match=r"torch.nn.utils.remove_weight_norm"):
        rule_of(weight_norm(nn.Linear(4, 2)), (2,))


@pytest.mark.filterwarnings("ignore:Implicit dimension")
def test_softmax_without_a_dimension() -> None:
    """Softmax of logits (n, 10) without a dimension is over the classes, and has its bounds."""
    logits = torch.rand(3, 10)
    assert torch.equal(F.log_softmax(logits), F.log_softmax(logits, dim=1))
    assert softmax(None, (10,), exponential=False) == softmax(1, (10,), exponential=False)
    with pytest.raises(NoCertificate, match="over the classes"):
        softmax(None, (1, 28, 28), exponential=False)
