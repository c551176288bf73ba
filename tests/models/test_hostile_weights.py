"""Damaged weight files: one WeightsError each."""

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
from torch import nn

from securemnist._util.hashing import sha256
from securemnist.errors import WeightsError
from securemnist.models import weight_file
from tests.error_form import one_sentence
from tests.pickle_trap import PickleTrap
from tests.small_network import same_weights, small_network

Header = dict[str, Any]


def valid_file() -> tuple[Header, bytes]:
    """The header and the tensor bytes of a valid file."""
    content = weight_file.dump(small_network())
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def put_together(header: object, payload: bytes) -> bytes:
    """A file of this header (as JSON, or as its text) and these tensors."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text)) + text + payload


def with_header(change: Callable[[Header], object]) -> bytes:
    """A valid file with a change of its header."""
    header, payload = valid_file()
    change(header)
    return put_together(header, payload)


def with_text(old: str, new: str) -> bytes:
    """A valid file with a replacement in the text of its header."""
    header, payload = valid_file()
    text = json.dumps(header)
    assert old in text
    return put_together(text.replace(old, new, 1), payload)


def with_weight(number: float) -> bytes:
    """A valid file with one weight set to this value."""
    model = small_network()
    model.state_dict()["2.weight"][3, 4] = number
    return weight_file.dump(model)


def entry(**changes: Any) -> bytes:
    """A good file with other facts about its first tensor, `2.bias`."""
    return with_header(lambda header: header["2.bias"].update(changes))


GOOD = weight_file.dump(small_network())
START, STOP = valid_file()[0]["2.bias"]["data_offsets"]
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
    "a header that is a list": (put_together([], b""), "expected JSON, got list, not an object"),
    "a deep header": (put_together("[" * 100_000, b""), "expected JSON"),
    "a pickle": (pickle.dumps({"2.bias": [0.0] * 99}), "is this a pickle"),
    "duplicate keys": (with_text("{", '{"2.bias": {}, '), "duplicate key '2.bias'"),
    "duplicate facts": (
        with_text('"dtype"', '"dtype": "F16", "dtype"'),
        "duplicate key 'dtype'",
    ),
    "NaN": (with_weight(torch.nan), "expected finite weights, got NaN or inf in '2.weight'"),
    "infinity": (with_weight(-torch.inf), "expected finite weights, got NaN or inf in '2.weight'"),
    "a tensor missing": (with_header(lambda h: h.pop("2.bias")), "differs in 2.bias"),
    "a tensor more": (
        with_header(lambda h: h.update({"9.bias": h["2.bias"]})),
        "differs in 9.bias",
    ),
    "a tensor renamed": (with_text('"2.bias"', '"2.Bias"'), "differs in 2.Bias, 2.bias"),
    "a tensor that is a number": (
        with_header(lambda h: h.update({"2.bias": 7})),
        "F32 [10], got 7",
    ),
    "another dtype": (entry(dtype="I32"), "as F32 [10], got ('I32', [10])"),
    "no dtype": (entry(dtype=None), "as F32 [10], got (None, [10])"),
    "another shape": (entry(shape=[5, 2]), "as F32 [10], got ('F32', [5, 2])"),
    "a transposed shape": (with_text("[10, 16]", "[16, 10]"), "as F32 [10, 16], got"),
    "overlapping": (entry(data_offsets=[START, STOP + 4]), f"or an overlap at byte {STOP}"),
    "a gap": (entry(data_offsets=[START, STOP - 4]), f"a gap or an overlap at byte {STOP}"),
    "a late start": (entry(data_offsets=[START + 4, STOP]), f"or an overlap at byte {START + 4}"),
    "negative offsets": (entry(data_offsets=[-40, STOP]), "or an overlap at byte -40"),
    "offsets the wrong way": (entry(data_offsets=[STOP, START]), "expected contiguous tensors"),
    "three offsets": (entry(data_offsets=[START, STOP, STOP]), "expected two offsets"),
    "no offsets": (entry(data_offsets=None), "expected two offsets, got None"),
    "offsets of fractions": (entry(data_offsets=[0.0, 40.0]), "expected two offsets"),
    "offsets of truth values": (entry(data_offsets=[False, 40]), "expected two offsets"),
    "metadata of no texts": (
        with_text("{", '{"__metadata__": {"a": [1]}, '),
        "expected safetensors",
    ),
    "names of a megabyte": (
        with_header(lambda h: h.update({"x" * 900_000: 7})),
        "differs in ",
    ),
    "duplicate names of it": (
        with_text("{", "{" + 2 * f'"{"x" * 400_000}": 0, '),
        "duplicate key 'xxx",
    ),
    "a shape of a megabyte": (entry(shape=[1] * 200_000), "as F32 [10], got ('F32', [1, 1"),
    "another network": (weight_file.dump(nn.Linear(16, 10)), "the tensors of the architecture"),
}


@pytest.mark.parametrize("with_manifest", [True, False])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_weight_file_refused(name: str, with_manifest: bool, tmp_path: Path) -> None:
    """Each kind of damage is one WeightsError with the path, also if the manifest has its digest."""
    content, words = HOSTILE[name]
    path = tmp_path / "net.safetensors"
    manifest = weight_file.save(small_network(), path, {"architecture": "tiny"})
    path.write_bytes(content)
    manifest["sha256"] = sha256(content)
    model = small_network(1)
    with pytest.raises(WeightsError) as caught:
        weight_file.load_into(model, path, manifest if with_manifest else None)
    text = one_sentence(caught.value)
    assert text.startswith(f"{path}: ")
    assert words in text
    assert same_weights(model, small_network(1))


def test_truncated_weight_file_refused(tmp_path: Path) -> None:
    """A file truncated at any byte is refused, also without a manifest."""
    path = tmp_path / "net.safetensors"
    for length in range(0, len(GOOD), 7):
        path.write_bytes(GOOD[:length])
        with pytest.raises(WeightsError):
            weight_file.load_into(small_network(1), path, None)


def test_pickle_never_loaded(tmp_path: Path) -> None:
    """A pickle and a torch archive with the suffix safetensors are refused without running code."""
    marker, path = tmp_path / "sprung", tmp_path / "net.safetensors"
    archive = io.BytesIO()
    torch.save({"2.bias": PickleTrap(marker)}, archive)
    pickles = [pickle.dumps(PickleTrap(marker), protocol=p) for p in (0, 2, 5)]
    for content in (*pickles, archive.getvalue()):
        path.write_bytes(content)
        for manifest in (None, {"sha256": sha256(content), "canary": []}):
            with pytest.raises(WeightsError):
                weight_file.load_into(small_network(), path, manifest)
        path.with_suffix(".json").write_bytes(content)
        with pytest.raises(WeightsError):
            weight_file.read_manifest(path)
    assert not marker.exists()
    pickle.loads(pickles[0])
    assert marker.exists(), "the trap itself must work"
