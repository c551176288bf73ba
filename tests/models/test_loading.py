"""Loading of models by SPEC."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from securemnist._util import resources
from securemnist._util.hashing import sha256
from securemnist.errors import ModelError, SecureMnistError, UsageError, WeightsError
from securemnist.models import loading
from securemnist.models.architectures import ConvNetA
from securemnist.models.loading import Subject, from_model, resolve
from securemnist.models.wrappers import normalized
from tests.error_form import one_sentence

TOYS = """
from torch import nn

class Nets:
    inner = nn.Flatten

def good():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))

def raising():
    raise RuntimeError("no weights here\\nand a second line")

def leaving():
    raise SystemExit(0)

def lacking():
    import torchvision.models

    return good()

def none():
    pass

def built_from(path):
    pass

number = 3
ready = good()
"""


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with modules of toy networks."""
    (tmp_path / "toys_here.py").write_text(TOYS)
    (tmp_path / "toys_odd.py").write_text("import nowhere_to_be_found")
    (tmp_path / "toys_raising.py").write_text("1 / 0")
    (tmp_path / "toys_slip.py").write_text("import torch; torch.no_such_thing")
    (tmp_path / "toys_double.py").write_text(
        f"import torch; torch.set_default_dtype(torch.float64)\n{TOYS}"
    )
    (tmp_path / "toys_package").mkdir()
    (tmp_path / "toys_package" / "nets.py").write_text(TOYS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("toys_")]:
        del sys.modules[name]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the baseline's weight file, with its manifest."""
    for path in resources.WEIGHTS.glob("baseline.*"):
        shutil.copy(path, tmp_path)
    return tmp_path / "baseline.safetensors"


def test_resolve_reference_name(baseline: Subject) -> None:
    """NAME gives a reference model in eval mode with frozen weights, architecture and recipe."""
    assert (baseline.name, baseline.spec, baseline.architecture) == ("baseline", "baseline", "A")
    assert not baseline.model.training
    assert not any(p.requires_grad for p in baseline.model.parameters())
    assert baseline.recipe["architecture"] == "A"
    assert "baseline" in loading.reference_names()


def test_resolve_file(copy: Path, baseline: Subject) -> None:
    """FILE (with manifest) and ARCHITECTURE@FILE (without) give the saved model."""
    found = resolve(str(copy))
    assert (found.name, found.architecture, found.digest) == ("baseline", "A", baseline.digest)
    assert found.recipe == baseline.recipe
    copy.with_suffix(".json").unlink()
    bare = resolve(f"A@{copy}")
    assert (bare.name, bare.architecture, bare.digest) == ("baseline", "A", baseline.digest)
    assert bare.recipe == {}
    assert bare.to_json()["files"] == {copy.name: sha256(copy.read_bytes())}
    with pytest.raises(WeightsError, match="name a bundled architecture, as A@"):
        resolve(str(copy))


@pytest.mark.parametrize("spec", ["toys_here:good", "toys_package.nets:good"])
def test_resolve_factory(spec: str, toys: Path) -> None:
    """pkg.module:factory is found from the current folder, called, and frozen in eval mode."""
    found = resolve(spec)
    assert (found.name, found.architecture) == (spec, "Sequential")
    assert not found.model.training
    assert not any(p.requires_grad for p in found.model.parameters())
    assert found.to_json()["parameters"] == 7850
    assert found.model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize(
    ("spec", "kind", "words"),
    [
        ("", UsageError, "expected a model as NAME, pkg.module:factory"),
        ("Baseline", UsageError, "expected a model as NAME"),
        ("no_such_model", UsageError, "no reference model (baseline"),
        ("toys_here", UsageError, "no reference model"),
        ("a b:c", UsageError, "expected a model as NAME"),
        ("toys_here:", UsageError, "expected a model as NAME"),
        ("missing.safetensors", WeightsError, "expected a weight file, got No such file"),
        ("A@missing.safetensors", WeightsError, "expected a weight file, got No such file"),
        ("A@", WeightsError, "expected a weight file, got Is a directory"),
        ("Z@missing.safetensors", UsageError, "expected an architecture of A"),
        ("@missing.safetensors", UsageError, "expected an architecture of A"),
        ("toys_nowhere:good", UsageError, "No module named 'toys_nowhere'"),
        ("toys_here.deeper:good", UsageError, "No module named 'toys_here.deeper'"),
        ("toys_here:missing", UsageError, "has no attribute 'missing'"),
        ("toys_odd:good", UsageError, "No module named 'nowhere_to_be_found'"),
        ("toys_slip:good", UsageError, "its import raised AttributeError"),
        (
            "toys_raising:good",
            UsageError,
            "its import raised ZeroDivisionError (division by zero) in toys_raising.py, line 1",
        ),
        ("toys_here:leaving", ModelError, "the factory raised SystemExit"),
        ("model.pt", UsageError, "a pickle can run code and is never read"),
        (
            "toys_here:raising",
            ModelError,
            "raised RuntimeError (no weights here) in toys_here.py, line 11",
        ),
        ("toys_here:number", ModelError, "the factory raised TypeError"),
        ("toys_here:built_from", ModelError, "name a function without arguments"),
        ("toys_here:ready", ModelError, "the factory raised TypeError"),
        ("toys_here:none", ModelError, "to return an nn.Module, got NoneType"),
        ("toys_here:Nets", ModelError, "to return an nn.Module, got Nets"),
    ],
)
def test_resolve_invalid_spec(
    spec: str, kind: type[SecureMnistError], words: str, toys: Path
) -> None:
    """A SPEC without a model is one sentence that names the failed step."""
    with pytest.raises(SecureMnistError) as caught:
        resolve(spec)
    assert type(caught.value) is kind
    assert words in one_sentence(caught.value)


def test_resolve_cuda_without_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """--device cuda without a CUDA device is one UsageError."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="use --device cpu"):
        from_model(nn.Flatten(), name="net", device="cuda")


def test_resolve_unknown_device() -> None:
    """A misspelt device is one UsageError."""
    with pytest.raises(UsageError, match="use cpu, cuda or cuda:N"):
        from_model(nn.Flatten(), name="net", device="gpu")


class TrainReturnsNone(nn.Sequential):
    """Overrides `train` without returning itself."""

    def train(self, mode: bool = True) -> None:  # type: ignore[override]
        super().train(mode)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("wrap", [TrainReturnsNone, torch.jit.script], ids=["forgetful", "script"])
def test_from_model_freezes_unusual_models(wrap: Callable[[nn.Module], nn.Module]) -> None:
    """A model whose `train` returns None, and a scripted one, are frozen in eval mode."""
    found = from_model(wrap(nn.Sequential(nn.Flatten(), nn.Linear(784, 10))), name="net")
    assert not found.model.training
    assert not any(p.requires_grad for p in found.model.parameters())
    assert len(found.digest) == 64


def test_from_model_refuses_lazy_layers() -> None:
    """Lazy layers without weights are one ModelError."""
    lazy = nn.Sequential(nn.LazyConv2d(2, 3), nn.Flatten(), nn.LazyLinear(10))
    with pytest.raises(ModelError, match="expected a model that can be frozen") as caught:
        from_model(lazy, name="lazy")
    one_sentence(caught.value)


def test_resolve_path_with_at_sign(tmp_path: Path) -> None:
    """A weight file in a folder named job@2 is a file, not an architecture."""
    folder = tmp_path / "job@2"
    folder.mkdir()
    for name in ("baseline.safetensors", "baseline.json"):
        shutil.copy(resources.WEIGHTS / name, folder)
    assert resolve(str(folder / "baseline.safetensors")).architecture == "A"


def test_factory_may_import_torchvision(toys: Path) -> None:
    """In a fresh process a factory may import torchvision with a CPU build of torch."""
    run = "from securemnist.models import loading; "
    run += "print(loading.resolve('toys_here:lacking').architecture)"
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, cwd=toys)
    assert done.stdout.strip() == "Sequential", done.stderr


def test_factory_keeps_default_dtype(toys: Path) -> None:
    """A factory that sets another default dtype does not change that of the process."""
    resolve("toys_double:good")
    assert torch.get_default_dtype() == torch.float32


class FlattensByView(nn.Module):
    """Flattens feature maps with `view`, which fails in channels-last layout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(1, 8, 3), nn.Linear(8 * 26 * 26, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.conv(x).view(len(x), -1))


def test_from_model_layout() -> None:
    """A network that fails in channels-last layout keeps its own; others are converted."""
    viewing = from_model(FlattensByView(), name="viewing").model
    assert viewing(torch.rand(3, 1, 28, 28)).shape == (3, 10)
    convolutions = from_model(ConvNetA(), name="a").model
    assert convolutions.conv2.weight.is_contiguous(memory_format=torch.channels_last)


def test_normalized_network_takes_pixels() -> None:
    """A wrapped network computes (x - mean) / std first."""
    wrapped = from_model(normalized(nn.Flatten(), 0.5, 0.25), name="net").model
    assert torch.equal(wrapped(torch.full((1, 1, 1, 2), 0.75)), torch.ones(1, 2))
    with pytest.raises(ModelError, match="expected std > 0, got 0"):
        normalized(nn.Flatten(), 0.5, 0)
