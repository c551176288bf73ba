"""The import of honest checkpoints: every tensor arrives bit for bit, and no file is overwritten."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import safetensors.torch
import torch

from securemnist.errors import SecureMnistError, UsageError, WeightsError
from securemnist.foreign import fitting, importing, loading, mappings, process
from securemnist.foreign.outcome import Outcome
from securemnist.foreign.triage import judge
from securemnist.models import weight_file
from securemnist.models.architectures import ConvNetA
from securemnist.models.loading import resolve
from tests.commands import run
from tests.foreign.checkpoints import checkpoint, saved
from tests.foreign.honest import CHECKPOINTS, arrays, network, state
from tests.foreign.hostile_archives import BAD


def same(found: torch.Tensor, expected: torch.Tensor) -> bool:
    """Whether two tensors have the same type, shape and bits."""
    alike = (found.dtype, found.shape) == (expected.dtype, expected.shape)
    return alike and found.numpy(force=True).tobytes() == expected.contiguous().numpy().tobytes()


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_honest_checkpoint_arrives_bit_for_bit(name: str) -> None:
    """A checkpoint of each form is clean, and its tensors are read with type, shape and every bit."""
    content, expected = CHECKPOINTS[name]()
    judged = judge(content)
    assert judged.outcome is Outcome.CLEAN, judged.reasons
    packed, _ = loading.read(content, judged.kind, None, 1 << 20)
    found = process.checked(packed)
    assert set(found) == set(expected)
    short = (torch.bfloat16,)  # which NumPy does not have
    for key, value in expected.items():
        if value.dtype in short:
            assert same(found[key].view(torch.int16), value.view(torch.int16))
        else:
            assert same(found[key], value), key


@pytest.fixture
def folder(cwd: Path) -> Path:
    """An empty folder, in which commands start."""
    return cwd


def test_imported_architecture_is_a_model(folder: Path) -> None:
    """A training checkpoint behind DataParallel becomes weights and a manifest, which load as a SPEC."""
    torch.manual_seed(3)
    net = ConvNetA()
    stored = {"state_dict": torch.nn.DataParallel(net).state_dict(), "epoch": 3}
    (folder / "net.pt").write_bytes(saved(stored))
    done = run("import", "net.pt", "--architecture", "A")
    assert done.exit_code == 0, done.output
    assert "net.safetensors: 8 tensors, 421,642 values of state_dict" in done.output
    assert "without the prefix 'module.'" in done.output
    assert "left out: epoch" in done.output
    subject = resolve("net.safetensors")
    loaded = subject.model.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in net.state_dict().items())
    origin = subject.recipe["imported"]
    assert origin["triage"] == "clean"
    assert origin["entry"] == ["state_dict"]
    assert "namespace of its own" in origin["confined"]
    assert "the rights of" in origin["confined"]
    assert origin["sha256"] == judge((folder / "net.pt").read_bytes()).sha256
    assert sorted(path.name for path in folder.iterdir()) == [
        "net.json",
        "net.pt",
        "net.safetensors",
    ]


def test_import_without_an_architecture(folder: Path) -> None:
    """Without an architecture names and types stay; --float32 keeps every value of 16 bits."""
    expected = network().half().state_dict()
    (folder / "net.bin").write_bytes(saved(expected, zipped=False))
    done = run("import", "net.bin", "-o", "a/new.safetensors", "--float32")
    assert done.exit_code == 0, done.output
    found = safetensors.torch.load_file("a/new.safetensors")
    assert set(found) == set(expected)
    assert found["0.weight"].dtype is torch.float32
    assert all(
        torch.equal(found[name], each.to(found[name].dtype)) for name, each in expected.items()
    )
    manifest = json.loads((folder / "a" / "new.json").read_text())
    assert manifest["recipe"]["imported"]["format"] == "legacy torch checkpoint"
    assert "architecture" not in manifest
    assert "--architecture SPEC keeps its names" in done.output
    with pytest.raises(WeightsError, match=r"load new\.safetensors in a factory of your own"):
        weight_file.read_manifest(Path("a/new.safetensors"))


def test_import_of_arrays(folder: Path) -> None:
    """An `.npz` of arrays passes the confined process, too, which ends at compiled code."""
    content, expected = arrays()
    (folder / "net.npz").write_bytes(content)
    done = run("import", "net.npz")
    assert done.exit_code == 0, done.output
    found = safetensors.torch.load_file("net.safetensors")
    assert set(found) == set(expected)
    assert all(same(found[name], each) for name, each in expected.items())


def request(folder: Path, content: bytes, **options: object) -> importing.Request:
    """The request for a file of these bytes."""
    path = folder / "net.pt"
    path.write_bytes(content)
    return importing.Request(path, folder / "new.safetensors", **options)  # type: ignore[arg-type]


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader of the confined process, in this one, which saves its start."""

    def read(content: bytes, kind: str, key: str | None) -> process.Answer:
        return process.Answer(*loading.read(content, kind, key, 1 << 24))

    monkeypatch.setattr(process, "read", read)


@pytest.mark.usefixtures("in_process")
def test_differences_to_an_architecture_are_named(folder: Path) -> None:
    """Tensors that do not fit are named with both shapes, exit code 2, and nothing is written."""
    wrong = ConvNetA().state_dict()
    wrong["fc2.bias"] = torch.zeros(7)
    wrong["fc1.bias"] = wrong["fc1.bias"].half()
    wrong["more"] = wrong.pop("fc2.weight")
    asked = request(folder, saved(wrong), architecture="A")
    with pytest.raises(UsageError) as error:
        importing.run(asked, *importing.judge(asked))
    for words in (
        "fc2.bias is float32 [7], not float32 [10]",
        "fc2.weight is missing",
        "more is left",
        "; add --float32, name another",
    ):
        assert words in str(error.value)
    assert os.listdir(folder) == ["net.pt"]


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("existing", ["new.safetensors", "new.json"])
def test_no_file_is_overwritten(
    folder: Path, existing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An existing file is kept, also one that appears during the import, and no half remains."""
    asked = request(folder, saved(state()))
    judged, content = importing.judge(asked)
    (folder / existing).write_text("mine")
    with pytest.raises(UsageError, match="expected a new file, got an existing one"):
        importing.judge(asked)
    with pytest.raises(UsageError, match="expected a new file, got an existing one"):
        importing.run(asked, judged, content)
    assert sorted(os.listdir(folder)) == sorted(["net.pt", existing])
    assert (folder / existing).read_text() == "mine"


@pytest.mark.usefixtures("in_process")
def test_file_that_is_not_clean_is_never_read(folder: Path) -> None:
    """The import of a malicious file stops before the confined process, however it is called."""
    asked = request(folder, BAD)
    judged, content = importing.judge(asked)
    with pytest.raises(UsageError, match="expected a clean file, got malicious"):
        importing.run(asked, judged, content)
    assert os.listdir(folder) == ["net.pt"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": state(), "b": state()}, "got a, b; name one with --key"),
        ({"model": state(), "state_dict": state()}, "got model, state_dict; name one with --key"),
        ({"epoch": 3}, "expected 1 to 20,000 tensors in a state dict, got 0"),
        ([1], "expected a state dict, got list"),
        ({"a b": torch.zeros(1)}, "expected names of letters, digits and dots, got 'a b'"),
        ({3: torch.zeros(1)}, "expected names of letters, digits and dots, got 3"),
        (
            {"w": torch.zeros(1).expand(1 << 20)},
            "expected at most 1024 bytes of tensors, got 4194304",
        ),
    ],
)
def test_mapping_without_one_state_dict_refused(value: object, words: str) -> None:
    """No state dict, several, odd names and views of too many bytes are each one sentence."""
    with pytest.raises(ValueError, match="expected") as error:
        mappings.find(value, None, 1 << 10)
    assert words in str(error.value)


def test_key_selects_a_state_dict() -> None:
    """With a key the entry of this name is read, and another name is refused."""
    stored = {"model": {"w": torch.zeros(1)}, "ema": {"w": torch.ones(1)}}
    found = mappings.find(stored, "ema", 1 << 10)
    assert (found.path, found.tensors["w"].item()) == (["ema"], 1.0)
    with pytest.raises(ValueError, match="expected an entry none, got model, ema; name one"):
        mappings.find(stored, "none", 1 << 10)


def test_attributes_of_a_mapping_do_not_hide_its_content() -> None:
    """An OrderedDict whose attributes replace its methods is read by the methods of dict."""
    mapping = torch.nn.Linear(1, 1).state_dict()
    mapping.__dict__["items"] = mapping.__dict__["values"] = 3
    assert list(mappings.find(mapping, None, 1 << 10).tensors) == ["weight", "bias"]


@pytest.mark.parametrize(
    ("found", "wanted", "prefix"),
    [
        (["module.a", "module.b"], [], "module."),
        (["module._orig_mod.model.a"], [], "module._orig_mod.model."),
        (["module.model.a", "module.model.b"], ["model.a", "model.b"], "module."),
        (["module.a", "b"], [], ""),
        (["model.a"], ["model.a"], ""),
        (["module."], [], ""),
    ],
)
def test_common_prefixes(found: list[str], wanted: list[str], prefix: str) -> None:
    """Known prefixes of all names are removed, as far as the wanted names ask for."""
    assert fitting.common_prefix(found, wanted) == prefix


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_refused(value: float) -> None:
    """NaN and infinities are refused with the name of the tensor (exit code 3)."""
    packed = safetensors.torch.save({"w": torch.tensor([1.0, value])})
    with pytest.raises(SecureMnistError, match="NaN or inf in 'w'; nothing was imported") as error:
        process.checked(packed)
    assert error.value.exit_code == 3


def test_other_types_of_tensors_refused() -> None:
    """A type outside the list, and bytes that are no safetensors, are refused."""
    packed = safetensors.torch.save({"w": torch.zeros(2, dtype=torch.float8_e5m2)})
    with pytest.raises(SecureMnistError, match="expected a type of F64, F32"):
        process.checked(packed)
    with pytest.raises(SecureMnistError, match="nothing was imported"):
        process.checked(b"\x80\x02.")
    assert checkpoint() != packed
