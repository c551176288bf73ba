"""Hostile inputs by kind: files with the right structure and something wrong in them.

Each kind's `damage` changes a good file where the structure matters: JSON values and keys, lengths,
offsets, counts, members. `attacks` are files that every reader has to refuse.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import pickle
import random
import struct
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import torch

from securemnist import data
from securemnist._util.resources import POLICY
from securemnist.data import picture
from securemnist.evaluation import example_store
from securemnist.evaluation.examples import Examples
from securemnist.history import record, trend
from securemnist.measures import check_policy
from securemnist.models import weight_file
from securemnist.project import settings
from securemnist.report import markdown, page
from securemnist.results import policy
from securemnist.results.assessment import Assessment
from securemnist.static import baseline
from tests.data.pictures import npz, png, random_pixels
from tests.data.small import TEST_IMAGES, small_set
from tests.pickle_trap import PickleTrap
from tests.report.example import assessment
from tests.small_network import small_network

NASTY = (
    *(
        "null",
        "true",
        "-1",
        "0",
        "1e308",
        "-1e308",
        "1e999",
        "5e-324",
        "NaN",
        "-Infinity",
        "9" * 40,
    ),
    *("9" * 5_000, '""', '"x"', '"' + "x" * 20_000 + '"', "[]", "{}", "[[]]", '{"a": 1, "a": 2}'),
    *('"\\ud800"', '"\\u0000\\u001b[2J"', '"../../etc/passwd"', '"{{ 7 * 7 }}"', "[" * 2_000),
    *('"<script>alert(1)</script>"', '"\\u202e"', "2.5", "1e-400", "-0.0", '{"__class__": "os"}'),
)
TOML_NASTY = (
    *("nan", "inf", "-1", "0", "1e308", "true", '""', "[]", "{}", "9" * 40, "0x" + "f" * 5_000),
    *("[" * 500 + "]" * 500, "{a = " * 300 + "1" + "}" * 300, "1979-05-27", '"\\u0000"', "'../..'"),
    *("'''", '"""', "[[[", '"' + "x" * 3_000 + '"', "[1, 'a', {b = 2}]", "0.1.2", "a." * 9_000),
)
_GOOD_NPZ = Examples(np.arange(5), np.zeros((5, 1, 28, 28), np.float32)).dumps()
_EXAMPLES = {"places": np.arange(5), "images": np.zeros((5, 1, 28, 28), "f4")}
_ARRAYS = {"x_test": random_pixels(5, 9, 9), "y_test": np.arange(5)}
_PICTURE = png(random_pixels(9, 9, 3))
_ENTRY = {"kind": "assessment", "schema": 1, "model": "m", "exit_code": 0, "day": "2026-01-01"}
_ENTRY |= {"rows": {"R": {"value": 0.5, "threshold": 0.4, "relation": ">=", "verdict": "PASS"}}}


@dataclass(frozen=True)
class InputKind:
    """One kind of input: a good file, how to damage it, and its reader."""

    file: str
    good: bytes
    damage: Callable[[bytes, random.Random], bytes]
    read: Callable[[Path], object]


def _json_damage(good: bytes, rng: random.Random) -> bytes:
    """One to three values or keys of a JSON text replaced, removed or doubled, or its bytes damaged."""
    if rng.random() < 0.2:
        return _byte_damage(good, rng)
    value = json.loads(good)
    marks: dict[str, str] = {}
    for number in range(rng.randint(1, 3)):
        at, places = value, []
        while isinstance(at, dict | list) and at and (not places or rng.random() < 0.8):
            key = rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
            places.append((at, key))
            at = at[key]
        if not places:
            continue
        holder, key = places[-1]
        mark = f"@mark{number}@"
        marks[f'"{mark}"'] = rng.choice(NASTY)
        what = rng.random()
        if what < 0.2:
            del holder[key]
        elif what < 0.3 and isinstance(holder, dict):
            holder[mark] = holder.pop(key)
            marks[f'"{mark}"'] = '"\\u001b]0;x' + "k" * rng.choice([1, 200, 20_000]) + '"'
        elif what < 0.4 and isinstance(holder, list):
            holder += [at] * rng.choice([1, 50])
        else:
            holder[key] = mark
    text = json.dumps(value)
    for mark, nasty in marks.items():
        text = text.replace(mark, nasty)
    return text.encode()


def _toml_damage(good: bytes, rng: random.Random) -> bytes:
    """Values and lines of a TOML text replaced, doubled or removed."""
    lines = good.decode().splitlines()
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        what = rng.random()
        if what < 0.6 and "=" in lines[at]:
            lines[at] = f"{lines[at].split('=')[0]}= {rng.choice(TOML_NASTY)}"
        elif what < 0.7:
            lines.insert(at, lines[at])
        elif what < 0.8:
            lines.insert(at, f"{rng.choice(TOML_NASTY)} = 1")
        else:
            del lines[at]
            lines = lines or [""]
    content = "\n".join(lines).encode()
    return _byte_damage(content, rng) if rng.random() < 0.2 else content


def _byte_damage(good: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, cut, inserted or repeated."""
    content = bytearray(good)
    for _ in range(rng.randint(1, 4)):
        at, what = rng.randrange(len(content) + 1), rng.random()
        if what < 0.4 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif what < 0.6:
            del content[at:]
        elif what < 0.8:
            content[at:at] = rng.randbytes(rng.choice([1, 4, 100]))
        else:
            content += content[:at]
    return bytes(content)


def _header_damage(good: bytes, rng: random.Random) -> bytes:
    """The JSON header of safetensors damaged, its length, or the bytes of the file."""
    (length,) = struct.unpack("<Q", good[:8])
    header, tensors = good[8 : 8 + length], good[8 + length :]
    what = rng.random()
    if what < 0.6:
        header = _json_damage(header, rng)
        return struct.pack("<Q", len(header)) + header + tensors
    if what < 0.8:
        wrong = rng.choice([0, 1, 7, len(good), 2**31, 2**63 - 1, 2**64 - 1, rng.randrange(2**20)])
        return struct.pack("<Q", wrong) + good[8:]
    return _byte_damage(good, rng)


def _idx_damage(good: bytes, rng: random.Random) -> bytes:
    """A field of the IDX header replaced, or bytes damaged; half of them packed, some damaged then."""
    content = bytearray(good)
    if rng.random() < 0.6:
        field = 4 * rng.randrange(4)
        wrong = rng.choice([0, 1, 27, 2049, 2051, 2**31 - 1, 2**32 - 1, rng.randrange(2**32)])
        content[field : field + 4] = struct.pack(">I", wrong)
    else:
        content = bytearray(_byte_damage(good, rng))
    if rng.random() < 0.5:
        packed = gzip.compress(bytes(content), 1, mtime=0)
        return _byte_damage(packed, rng) if rng.random() < 0.5 else packed
    return bytes(content)


def _npz_damage(good: bytes, rng: random.Random, arrays: dict[str, Any] = _EXAMPLES) -> bytes:
    """Members of the archive with another name, header or content, or bytes of it damaged."""
    if rng.random() < 0.4:
        return _byte_damage(good, rng)
    file = io.BytesIO()
    name = rng.choice(list(arrays))
    wrong: list[Any] = [
        np.array([{"a": 1}], dtype=object),
        np.zeros((0,)),
        np.full((5,), np.nan),
        np.arange(5)[::-1],
        np.arange(5) + rng.choice([-3, 2**40]),
        np.zeros((5, 28, 28), "f4"),
        np.array("x" * 100),
        np.zeros((5_000_000,), "i1"),
    ]
    with zipfile.ZipFile(file, "w", rng.choice([0, 8])) as archive:
        for member, array in arrays.items():
            content = io.BytesIO()
            np.save(content, rng.choice(wrong) if member == name else array, allow_pickle=True)
            archive.writestr(f"{member}.npy", content.getvalue())
        if rng.random() < 0.2:
            archive.writestr(rng.choice(["../x", "places.npy", "y.npy"]), b"x")
    return file.getvalue()


def _line_damage(good: bytes, rng: random.Random) -> bytes:
    """Damaged entries between good ones."""
    lines = good.splitlines()
    lines.insert(rng.randrange(len(lines) + 1), _json_damage(lines[0], rng).replace(b"\n", b" "))
    return b"\n".join(lines) + b"\n"


def _read_weights(path: Path) -> None:
    model = small_network(1)
    weight_file.load_into(model, path, None)
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


def _read_images(path: Path) -> None:
    folder = path.with_suffix(".set")
    folder.mkdir(exist_ok=True)
    for name, content in small_set().items():
        (folder / name).write_bytes(content)
    content = path.read_bytes()
    packed = content[:2] == b"\x1f\x8b"
    if packed:
        (folder / TEST_IMAGES).unlink()
    (folder / f"{TEST_IMAGES}.gz").unlink(missing_ok=True)
    (folder / (f"{TEST_IMAGES}.gz" if packed else TEST_IMAGES)).write_bytes(content)
    found = data.load(folder)
    assert found.test.pixels.shape == (len(found.test.labels), *found.spec.shape)


def _read_data(path: Path) -> None:
    found = data.load(path)
    assert found.test.images().shape == (len(found.test.labels), *found.spec.shape)


def _read_description(path: Path) -> None:
    npz(path.with_name("set.npz"), **_ARRAYS)
    _read_data(path)


def _arrays() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return npz(Path(folder) / "set.npz", **_ARRAYS).read_bytes()


def _parquet() -> bytes:
    file = io.BytesIO()
    columns = {"image": [png(random_pixels(9, 9, seed=i)) for i in range(5)], "label": range(5)}
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def _read_assessment(path: Path) -> None:
    made = Assessment.load(path)
    page.render(made), markdown.render(made)
    assert Assessment.from_json(json.loads(made.dumps())).dumps() == made.dumps()


def _read_policy(path: Path) -> None:
    found = policy.load(path)
    check_policy(found)
    assert policy.parse(found.text, found.path) == found


def _read_examples(path: Path) -> None:
    found = Examples.loads(example_store._read(path), name=str(path), total=10)
    assert len(found.places) == len(found.images) <= 10


INPUT_KINDS = {
    "weight file": InputKind(
        "x.safetensors", weight_file.dump(small_network()), _header_damage, _read_weights
    ),
    "manifest": InputKind(
        "x.json",
        b'{"schema": 1, "sha256": "00", "architecture": "A", "canary": [[0.5]], "recipe": {"a": 1}}',
        _json_damage,
        lambda path: weight_file.read_manifest(path),
    ),
    "policy": InputKind("p.toml", POLICY.read_bytes(), _toml_damage, _read_policy),
    "settings": InputKind(
        "pyproject.toml",
        b'[project]\nname = "x"\n\n[tool.securemnist]\nmodel = "a:b"\npolicy = "p"\ndata = "d"\n',
        _toml_damage,
        lambda path: settings.load(path.parent),
    ),
    "data file": InputKind("images", small_set()[TEST_IMAGES], _idx_damage, _read_images),
    "arrays": InputKind(
        "x.npz", _arrays(), functools.partial(_npz_damage, arrays=_ARRAYS), _read_data
    ),
    "picture": InputKind("x.png", _PICTURE, _byte_damage, lambda path: picture.read(path, None)),
    "Parquet file": InputKind("x.parquet", _parquet(), _byte_damage, _read_data),
    "description of data": InputKind(
        "x.toml",
        b'path = "set.npz"\nlayout = "hw"\nclass_names = ["a", "b", "c", "d", "e"]\nnoun = "x"\n',
        _toml_damage,
        _read_description,
    ),
    "assessment": InputKind(
        "assessment.json", assessment().dumps(), _json_damage, _read_assessment
    ),
    "history": InputKind(
        "h.jsonl",
        (json.dumps(_ENTRY) + "\n").encode() * 3,
        _line_damage,
        lambda path: trend.render(record.read(path)),
    ),
    "accepted notices": InputKind(
        "b.json",
        b'{"schema_version": 1, "accepted": [{"tool": "t", "rule": "r", "file": "f", "code": "c"}]}',
        _json_damage,
        baseline.load,
    ),
    "stored examples": InputKind("r.npz", _GOOD_NPZ, _npz_damage, _read_examples),
}


def attacks(marker: Path) -> list[bytes]:
    """Files that would create `marker` where anything unpickled or evaluated them, and bombs."""
    archive, objects = io.BytesIO(), io.BytesIO()
    torch.save({"2.bias": PickleTrap(marker)}, archive)
    np.savez(objects, places=np.array([PickleTrap(marker)], dtype=object), images=np.zeros(1))
    text = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    pickles = [pickle.dumps(PickleTrap(marker), protocol=p) for p in range(6)]
    within = [struct.pack("<Q", len(p)) + p for p in pickles]
    code = [text.encode(), f"!!python/object/apply:eval [{text!r}]".encode(), f"({text})".encode()]
    bombs = [b"[" * 200_000, b'{"a":' * 100_000, b"\0" * 100_000, b'"' * 100_000, b"1" * 100_000]
    bombs += [".".join(["a"] * 20_000).encode() + b" = 1", b"\x1f\x8b" + b"\0" * 99, b"PK\5\6"]
    return [*pickles, *within, archive.getvalue(), objects.getvalue(), *code, *bombs]
