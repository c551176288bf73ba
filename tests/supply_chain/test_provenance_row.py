"""The row of provenance: what a manifest has to say, and whether it speaks of this model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from securemnist._util import resources
from securemnist._util.hashing import sha256
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures import bind
from securemnist.models import loading
from securemnist.results.findings import Verdict
from tests.models.formats.onnx_graphs import external, linear
from tests.small_network import small_network
from tests.supply_chain.contexts import checks, judge, wrong

MEASURE = "unknown_provenance"


@pytest.fixture
def context(mnist: DataSet, tmp_path: Path) -> Context:
    """A factory's model, with its weights and their manifest in the folder of the project."""
    for suffix in ("safetensors", "json"):
        shutil.copy(resources.WEIGHTS / f"baseline.{suffix}", tmp_path / f"model.{suffix}")
    subject = loading.from_model(loading.resolve("baseline").model, name="factory")
    return Context(subject, mnist, project=tmp_path)


def change(context: Context, **entries: Any) -> None:
    """Change entries of the manifest; None removes one."""
    path = context.project / "model.json"
    manifest = json.loads(path.read_text()) | entries
    kept = {key: value for key, value in manifest.items() if value is not None}
    path.write_text(json.dumps(kept))


def found_wrong(context: Context) -> list[str]:
    """What does not hold for the weights of the project."""
    return wrong(judge(context, MEASURE, files=["model.safetensors"]))


@pytest.mark.parametrize("spec", ["baseline", "certified"])
def test_a_reference_model_has_a_provenance(mnist: DataSet, spec: str) -> None:
    """The weights that a SPEC names are checked without further settings."""
    found = judge(Context(loading.resolve(spec), mnist), MEASURE)
    assert found.verdict is Verdict.PASS
    assert len(checks(found)) == 6


def test_a_factory_needs_its_files_named(context: Context) -> None:
    """A model without a known file fails; with the file that it was loaded from it passes."""
    assert wrong(judge(context, MEASURE)) == ["weight file"]
    assert found_wrong(context) == []


@pytest.mark.parametrize(
    ("entries", "name"),
    [
        ({"sha256": "0" * 64}, "SHA-256 of the weights"),
        ({"sha256": None}, "SHA-256 of the weights"),
        ({"recipe": None, "seed": 0}, "recipe"),
        ({"recipe": {}}, "recipe"),
        ({"recipe": {"epochs": 1}, "seed": None}, "seed"),
        ({"seed": True}, "seed"),
        ({"data": None}, "training data"),
        ({"data": {"name": "MNIST", "digests": {}}}, "training data"),
        ({"data": {"digests": {"a": "b"}}}, "training data"),
    ],
)
def test_each_fact_is_needed(context: Context, entries: dict[str, Any], name: str) -> None:
    """The saboteurs: a manifest without one fact, or with another digest, fails the row."""
    change(context, **entries)
    assert found_wrong(context) == [name]


def test_damaged_files_fail(context: Context) -> None:
    """A changed byte, a manifest that is no JSON, and files that are missing are all found."""
    weights = context.project / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert found_wrong(context) == ["SHA-256 of the weights", "tensors"]
    (context.project / "model.json").write_text("{")
    assert found_wrong(context) == ["manifest", "tensors"]
    weights.write_bytes(b"no tensors")
    assert "no safetensors file" in checks(judge(context, MEASURE, files=[weights.name]))[1].found
    header = (
        b'{"w":{"dtype":"F8_E8M0","shape":[1],"data_offsets":[0,1]}}'  # a type that torch lacks
    )
    weights.write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
    assert "F8_E8M0" in checks(judge(context, MEASURE, files=[weights.name]))[1].found
    weights.unlink()
    (context.project / "model.json").unlink()
    assert found_wrong(context) == ["manifest", "tensors"]


def test_the_file_has_to_be_the_models(context: Context) -> None:
    """A file of other weights with a whole manifest of its own does not vouch for the model."""
    content = safetensors.torch.save(small_network().state_dict())
    (context.project / "model.safetensors").write_bytes(content)
    change(context, sha256=sha256(content))
    assert found_wrong(context) == ["tensors"]
    safetensors.torch.save_file({"a": torch.zeros(1)}, context.project / "model.safetensors")
    assert "tensors" in found_wrong(context)


def test_a_part_of_the_weights_does_not_stand_for_all(context: Context) -> None:
    """The saboteur: a file with one tensor of the model fails the row, two files with all pass it."""
    whole = safetensors.torch.load_file(context.project / "model.safetensors")
    parts = dict([whole.popitem()]), whole
    for name, part in zip(("one", "rest"), parts, strict=True):
        content = safetensors.torch.save(part)
        change(context, sha256=sha256(content))
        shutil.copy(context.project / "model.json", context.project / f"{name}.json")
        (context.project / f"{name}.safetensors").write_bytes(content)
    assert wrong(judge(context, MEASURE, files=["one.safetensors"])) == ["parameters"]
    assert wrong(judge(context, MEASURE, files=["rest.safetensors"])) == ["parameters"]
    assert wrong(judge(context, MEASURE, files=["one.safetensors", "rest.safetensors"])) == []


class WithoutParameters(nn.Module):
    """A network whose weights are a buffer, or an attribute, beside a constant."""

    def __init__(self, *, registered: bool) -> None:
        super().__init__()
        weight = torch.arange(7840.0).reshape(10, 784) / 7840
        self.register_buffer("mean", torch.tensor([0.5]))
        if registered:
            self.register_buffer("weight", weight)
        else:
            self.weight = weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.flatten(1) - self.mean) @ self.weight.T


@pytest.mark.parametrize("registered", [True, False])
def test_weights_that_are_no_parameters_need_a_file(
    context: Context, mnist: DataSet, registered: bool
) -> None:
    """The saboteur: a file with the constant of a network without parameters does not vouch for it."""
    model = WithoutParameters(registered=registered)
    subject = loading.from_model(model, name="factory")
    other = Context(subject, mnist, project=context.project)
    part = {"mean": model.mean}
    for tensors, expected in ((part, ["parameters"]), (part | {"weight": model.weight}, [])):
        content = safetensors.torch.save(tensors)
        (context.project / "model.safetensors").write_bytes(content)
        change(context, sha256=sha256(content))
        assert found_wrong(other) == expected


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*quantized tensor:UserWarning")
def test_a_quantised_model_is_compared(context: Context, mnist: DataSet) -> None:
    """Packed weights, which are no tensors of a state dict, are no error: no file has them."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    content = safetensors.torch.save(net.state_dict())
    (context.project / "model.safetensors").write_bytes(content)
    change(context, sha256=sha256(content))
    packed = torch.ao.quantization.quantize_dynamic(net, {nn.Linear})
    subject = loading.from_model(packed, name="factory")
    assert found_wrong(Context(subject, mnist, project=context.project)) == ["tensors"]


def test_another_format_is_not_taken_for_the_models(context: Context) -> None:
    """A pickle that a factory may load cannot be compared with the model, so that it fails."""
    content = b"a pickle, which is not read"
    (context.project / "model.pt").write_bytes(content)
    change(context, sha256=sha256(content))
    assert wrong(judge(context, MEASURE, files=["model.pt"])) == ["tensors"]


def test_each_file_of_an_onnx_model_needs_a_manifest(context: Context, mnist: DataSet) -> None:
    """External data without a manifest, and files that were replaced after loading, fail the row."""
    path = external(linear(), context.project / "net.onnx", "net.onnx.data")
    names = [path.name, "net.onnx.data"]

    def write_manifests() -> None:
        for name in names:
            change(context, sha256=sha256((context.project / name).read_bytes()))
            manifest = (context.project / name).with_suffix(".json")
            shutil.copy(context.project / "model.json", manifest)

    write_manifests()
    of_file = Context(loading.resolve(str(path)), mnist, project=context.project)
    assert wrong(judge(of_file, MEASURE)) == ["weight file"]
    assert wrong(judge(of_file, MEASURE, files=names)) == []
    (context.project / names[1]).write_bytes(b"other weights")
    write_manifests()
    assert wrong(judge(of_file, MEASURE, files=names)) == ["tensors"]


def test_files_are_inside_the_project() -> None:
    """A row that names another place is refused."""
    with pytest.raises(PolicyError, match="inside the project's folder"):
        bind(MEASURE, {"files": ["../model.safetensors"]})
