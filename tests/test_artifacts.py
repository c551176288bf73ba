"""Weight files are hostile until every check has passed; each check is one WeightsError."""

from __future__ import annotations

import io
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from securemnist import artifacts, resources, subjects
from securemnist.digests import sha256
from securemnist.errors import WeightsError
from tests.trap import Trap
from tests.wording import one_sentence

Header = dict[str, Any]


def tiny(seed: int = 0) -> nn.Module:
    """A small network with float and integer tensors."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.AvgPool2d(7), nn.Flatten(), nn.Linear(16, 10), nn.BatchNorm1d(10)
    ).eval()


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """A copy of the state of a model."""
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a: nn.Module, b: nn.Module) -> bool:
    """Whether two networks hold the same weights."""
    return all(torch.equal(v, b.state_dict()[k]) for k, v in a.state_dict().items())


def taken_apart() -> tuple[Header, bytes]:
    """The header and the tensors of a good file."""
    content = artifacts.dump(tiny())
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def put_together(header: object, payload: bytes) -> bytes:
    """A file of this header (as JSON, or as its text) and these tensors."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text)) + text + payload


def edited(change: Callable[[Header], object]) -> bytes:
    """A good file whose header was changed in place."""
    header, payload = taken_apart()
    change(header)
    return put_together(header, payload)


def retold(old: str, new: str) -> bytes:
    """A good file whose header's text was changed."""
    header, payload = taken_apart()
    text = json.dumps(header)
    assert old in text
    return put_together(text.replace(old, new, 1), payload)


def filled(number: float) -> bytes:
    """A good file with one weight that is no number."""
    model = tiny()
    model.state_dict()["2.weight"][3, 4] = number
    return artifacts.dump(model)


def entry(**changes: Any) -> bytes:
    """A good file with other facts about its first tensor, `2.bias`."""
    return edited(lambda header: header["2.bias"].update(changes))


GOOD = artifacts.dump(tiny())
START, STOP = taken_apart()[0]["2.bias"]["data_offsets"]
HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "expected a safetensors header, got 0 bytes"),
    "half a length": (GOOD[:7], "expected a safetensors header, got 7 bytes"),
    "length alone": (GOOD[:8], "expected a header inside the file"),
    "cut in the header": (GOOD[:100], "expected a header inside the file"),
    "cut in the tensors": (GOOD[:-100], "truncated, or bytes added"),
    "a byte short": (GOOD[:-1], "truncated, or bytes added"),
    "a byte more": (GOOD + b"\0", "truncated, or bytes added"),
    "twice": (GOOD + GOOD, "truncated, or bytes added"),
    "a header of 2^63 bytes": (struct.pack("<Q", 1 << 63) + GOOD[8:], "a length of 92233720368547"),
    "a header of no bytes": (struct.pack("<Q", 0) + GOOD[8:], "expected JSON"),
    "a header over the cap": (put_together(" " * (2 << 20) + "{}", b""), "a length of 2097154"),
    "a header that is no JSON": (put_together("{", b""), "expected JSON"),
    "a header that is no text": (struct.pack("<Q", 2) + b"\xff\xfe", "expected JSON"),
    "a header that is a list": (put_together([], b""), "expected a JSON object, got list"),
    "a deep header": (put_together("[" * 100_000, b""), "expected JSON"),
    "a pickle": (pickle.dumps({"2.bias": [0.0] * 99}), "is this a pickle"),
    "duplicate keys": (retold("{", '{"2.bias": {}, '), "duplicate key '2.bias'"),
    "duplicate facts": (retold('"dtype"', '"dtype": "F16", "dtype"'), "duplicate key 'dtype'"),
    "NaN": (filled(torch.nan), "expected finite weights, got NaN or inf in '2.weight'"),
    "infinity": (filled(-torch.inf), "expected finite weights, got NaN or inf in '2.weight'"),
    "a tensor missing": (edited(lambda h: h.pop("2.bias")), "differs in 2.bias"),
    "a tensor more": (edited(lambda h: h.update({"9.bias": h["2.bias"]})), "differs in 9.bias"),
    "a tensor renamed": (retold('"2.bias"', '"2.Bias"'), "differs in 2.Bias, 2.bias"),
    "a tensor that is a number": (edited(lambda h: h.update({"2.bias": 7})), "F32 [10], got 7"),
    "another dtype": (entry(dtype="I32"), "as F32 [10], got ('I32', [10])"),
    "no dtype": (entry(dtype=None), "as F32 [10], got (None, [10])"),
    "another shape": (entry(shape=[5, 2]), "as F32 [10], got ('F32', [5, 2])"),
    "a transposed shape": (retold("[10, 16]", "[16, 10]"), "as F32 [10, 16], got"),
    "overlapping": (entry(data_offsets=[START, STOP + 4]), f"or an overlap at byte {STOP}"),
    "a gap": (entry(data_offsets=[START, STOP - 4]), f"a gap or an overlap at byte {STOP}"),
    "a late start": (entry(data_offsets=[START + 4, STOP]), f"or an overlap at byte {START + 4}"),
    "negative offsets": (entry(data_offsets=[-40, STOP]), "or an overlap at byte -40"),
    "offsets the wrong way": (entry(data_offsets=[STOP, START]), "expected contiguous tensors"),
    "three offsets": (entry(data_offsets=[START, STOP, STOP]), "expected two offsets"),
    "no offsets": (entry(data_offsets=None), "expected two offsets, got None"),
    "offsets of fractions": (entry(data_offsets=[0.0, 40.0]), "expected two offsets"),
    "offsets of truth values": (entry(data_offsets=[False, 40]), "expected two offsets"),
    "metadata of no texts": (retold("{", '{"__metadata__": {"a": [1]}, '), "expected safetensors"),
    "names of a megabyte": (edited(lambda h: h.update({"x" * 900_000: 7})), "differs in "),
    "duplicate names of it": (
        retold("{", "{" + 2 * f'"{"x" * 400_000}": 0, '),
        "duplicate key 'xxx",
    ),
    "a shape of a megabyte": (entry(shape=[1] * 200_000), "as F32 [10], got ('F32', [1, 1"),
    "another network": (artifacts.dump(nn.Linear(16, 10)), "the tensors of the architecture"),
}


@pytest.mark.parametrize("with_manifest", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name: str, with_manifest: bool, tmp_path: Path) -> None:
    """Each damage is one WeightsError naming the file, also where the manifest vouches for it."""
    content, words = HOSTILE[name]
    path = tmp_path / "net.safetensors"
    manifest = artifacts.save(tiny(), path, {"architecture": "tiny"})
    path.write_bytes(content)
    manifest["sha256"] = sha256(content)
    model = tiny(1)
    with pytest.raises(WeightsError) as caught:
        artifacts.load_into(model, path, manifest if with_manifest else None)
    text = one_sentence(caught.value)
    assert text.startswith(f"{path}: ")
    assert words in text
    assert same(model, tiny(1))


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    """A file cut off anywhere at all is refused, even without a manifest."""
    path = tmp_path / "net.safetensors"
    for length in range(0, len(GOOD), 7):
        path.write_bytes(GOOD[:length])
        with pytest.raises(WeightsError):
            artifacts.load_into(tiny(1), path, None)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    """A pickle and a torch archive that call themselves safetensors are refused without being run."""
    marker, path = tmp_path / "sprung", tmp_path / "net.safetensors"
    archive = io.BytesIO()
    torch.save({"2.bias": Trap(marker)}, archive)
    pickles = [pickle.dumps(Trap(marker), protocol=p) for p in (0, 2, 5)]
    for content in (*pickles, archive.getvalue()):
        path.write_bytes(content)
        for manifest in (None, {"sha256": sha256(content), "canary": []}):
            with pytest.raises(WeightsError):
                artifacts.load_into(tiny(), path, manifest)
        path.with_suffix(".json").write_bytes(content)
        with pytest.raises(WeightsError):
            artifacts.read_manifest(path)
    assert not marker.exists()
    pickle.loads(pickles[0])
    assert marker.exists(), "the trap itself must work"


def test_a_saved_network_comes_back(tmp_path: Path) -> None:
    """Weights survive the file bit by bit; the manifest says what was saved, and nothing else is left."""
    path = tmp_path / "folder" / "net.safetensors"
    manifest = artifacts.save(tiny(), path, {"architecture": "tiny", "seed": 7})
    model = tiny(1)
    artifacts.load_into(model, path, artifacts.read_manifest(path))
    assert same(model, tiny())
    assert artifacts.read_manifest(path) == manifest
    assert (manifest["seed"], manifest["size"]) == (7, path.stat().st_size)
    assert sorted(p.name for p in path.parent.iterdir()) == ["net.json", "net.safetensors"]


def test_equal_weights_give_equal_bytes() -> None:
    """The bytes of a file depend on the weights alone, not on their layout in memory."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
    plain = artifacts.dump(model)
    assert artifacts.dump(model.to(memory_format=torch.channels_last)) == plain  # type: ignore[call-overload]


def test_canary_inputs_are_fixed() -> None:
    """The canary images are eight different ones in [0, 1], the same on every machine."""
    images = artifacts.canary_inputs()
    assert (images.dtype, tuple(images.shape)) == (torch.float32, (8, 1, 28, 28))
    assert len({tuple(image.flatten().tolist()) for image in images}) == 8
    assert (images.min(), images.max()) == (0, 1)
    pixels = (images * 255).round().to(torch.uint8).numpy().tobytes()
    assert sha256(pixels)[:16] == "15288876b95420b6"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"canary": []}, "expected the logits that its manifest records"),
        ({"canary": [[0.0] * 10] * 8}, "expected the logits that its manifest records"),
        ({"canary": [[float("nan")] * 10] * 8}, "expected the logits that its manifest records"),
        ({"canary": [[0.0], [0.0, 1.0]]}, "expected canary logits"),
        ({"canary": [["a"] * 10] * 8}, "expected canary logits"),
        ({"canary": [None]}, "expected canary logits"),
        ({"canary": [{}]}, "expected canary logits"),
        ({"canary": [10**400]}, "expected canary logits"),
        ({"sha256": "0" * 64}, "expected SHA-256 000000000000... of its manifest"),
    ],
)
def test_the_manifest_must_fit(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    """A digest or canary logits that are not those of the weights refuse the file."""
    path = tmp_path / "net.safetensors"
    manifest = artifacts.save(tiny(), path, {"architecture": "tiny"})
    with pytest.raises(WeightsError, match=words) as caught:
        artifacts.load_into(tiny(1), path, {**manifest, **change})
    one_sentence(caught.value)


def test_other_weights_with_their_digest_are_noticed(tmp_path: Path) -> None:
    """Who replaces the weights and mends the digest still has the canary logits against him."""
    path = tmp_path / "net.safetensors"
    manifest = artifacts.save(tiny(), path, {"architecture": "tiny"})
    path.write_bytes(artifacts.dump(tiny(1)))
    manifest["sha256"] = sha256(path.read_bytes())
    with pytest.raises(WeightsError, match="canary inputs"):
        artifacts.load_into(tiny(), path, manifest)


GOOD_MANIFEST = '%s, "sha256": "", "architecture": "A", "canary": []}'
MANIFESTS = {
    "missing": (None, "expected a manifest, got No such file"),
    "empty": ("", "expected JSON"),
    "no JSON": ("{", "expected JSON"),
    "a list": ("[]", "expected a JSON object, got list"),
    "deep": ("[" * 100_000, "expected JSON"),
    "a huge number": ('{"schema": ' + "9" * 5_000 + "}", "expected JSON"),
    "duplicate keys": ('{"schema": 1, "schema": 1}', "duplicate key 'schema'"),
    "no schema": ("{}", "expected 'schema' as int, got None"),
    "schema 2": (GOOD_MANIFEST % '{"schema": 2', "expected schema 1, got 2"),
    "no digest": ('{"schema": 1}', "expected 'sha256' as str"),
    "no architecture": ('{"schema": 1, "sha256": ""}', "expected 'architecture' as str"),
    "no canary": ('{"schema": 1, "sha256": "", "architecture": "A"}', "expected 'canary' as list"),
    "a schema of figures": (GOOD_MANIFEST % ('{"schema": 1' + "0" * 4_000), "schema 1, got 1000"),
    "a recipe that is a text": (GOOD_MANIFEST % '{"recipe": "A", "schema": 1', "'recipe' as dict"),
    "too large": (" " * (artifacts.MAX_MANIFEST + 1), "expected at most 1048576 bytes"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_is_none(name: str, tmp_path: Path) -> None:
    """A missing or ill-formed manifest is one WeightsError that names it."""
    content, words = MANIFESTS[name]
    path = tmp_path / "net.safetensors"
    if content is not None:
        artifacts.manifest_path(path).write_text(content)
    with pytest.raises(WeightsError) as caught:
        artifacts.read_manifest(path)
    text = one_sentence(caught.value)
    assert text.startswith(str(tmp_path / "net.json"))
    assert words in text


def test_a_file_over_the_cap_is_not_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the cap is read of a weight file."""
    path = tmp_path / "net.safetensors"
    path.write_bytes(GOOD)
    monkeypatch.setattr(artifacts, "MAX_WEIGHTS", len(GOOD) - 1)
    with pytest.raises(WeightsError, match="expected at most"):
        artifacts.load_into(tiny(), path, None)
    with pytest.raises(WeightsError, match="expected a weight file, got Is a directory"):
        artifacts.load_into(tiny(), tmp_path, None)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file with its manifest."""
    path = tmp_path_factory.mktemp("saved") / "net.safetensors"
    artifacts.save(tiny(), path, {"architecture": "tiny"})
    return path


@settings(max_examples=100)
@given(place=st.integers(0, len(GOOD) - 1), mask=st.integers(1, 255))
def test_a_flipped_byte_is_noticed(saved: Path, place: int, mask: int) -> None:
    """With its manifest no file loads in which any one byte was changed."""
    content = bytearray(GOOD)
    content[place] ^= mask
    path = saved.with_name("flipped.safetensors")
    path.write_bytes(content)
    with pytest.raises(WeightsError):
        artifacts.load_into(tiny(1), path, artifacts.read_manifest(saved))


@settings(max_examples=100)
@given(data=st.data(), mask=st.integers(1, 255))
def test_a_flipped_byte_of_the_manifest_changes_no_weight(
    saved: Path, data: st.DataObject, mask: int
) -> None:
    """With one byte of the manifest changed a file is refused, or its own weights load."""
    content = bytearray(artifacts.manifest_path(saved).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= mask
    beside = saved.with_name("other.json")
    beside.write_bytes(content)
    model = tiny(1)
    try:
        manifest = artifacts.read_manifest(beside.with_suffix(".safetensors"))
        artifacts.load_into(model, saved, manifest)
    except WeightsError:
        return
    assert same(model, tiny())


def test_a_reference_model_is_guarded(tmp_path: Path) -> None:
    """The baseline's own file, altered in one weight, loads neither by its manifest nor bare."""
    content = bytearray((resources.WEIGHTS / "baseline.safetensors").read_bytes())
    content[-4:] = struct.pack("<f", float("nan"))
    path = tmp_path / "baseline.safetensors"
    path.write_bytes(content)
    manifest = (resources.WEIGHTS / "baseline.json").read_bytes()
    path.with_suffix(".json").write_bytes(manifest)
    with pytest.raises(WeightsError, match="expected SHA-256"):
        subjects.resolve(str(path))
    with pytest.raises(WeightsError, match="expected finite weights"):
        subjects.resolve(f"A@{path}")
