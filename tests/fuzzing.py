"""Hostile inputs by kind: files with the right structure and something wrong in them.

Each kind's `damage` changes a good file where the structure matters: JSON values and keys, lengths,
offsets, counts, members. `attacks` are files that every reader has to refuse.
"""

from __future__ import annotations

import functools
import io
import json
import pickle
import random
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet
import torch

from securemnist import data, exports, threat_model
from securemnist._util.resources import POLICY, SUITES, THREATS
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
from securemnist.supply_chain import advisories, data_record
from tests.damage import (
    byte_damage,
    header_damage,
    idx_damage,
    json_damage,
    line_damage,
    npz_damage,
    toml_damage,
)
from tests.data.pictures import npz, png, random_pixels
from tests.data.small import TEST_IMAGES, small_set
from tests.pickle_trap import PickleTrap
from tests.report.example import assessment
from tests.small_network import small_network

_GOOD_NPZ = Examples(np.arange(5), np.zeros((5, 1, 28, 28), np.float32)).dumps()
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
    assessment = Assessment.load(path)
    page.render(assessment), markdown.render(assessment), exports.render(assessment)
    assert Assessment.from_json(json.loads(assessment.dumps())).dumps() == assessment.dumps()


def _read_policy(path: Path) -> None:
    found = policy.load(path)
    check_policy(found)
    assert policy.parse(found.text, found.path) == found


def _read_examples(path: Path) -> None:
    found = Examples.loads(example_store._read(path), name=str(path), total=10, shape=(1, 28, 28))
    assert len(found.places) == len(found.images) <= 10


INPUT_KINDS = {
    "weight file": InputKind(
        "x.safetensors", weight_file.dump(small_network()), header_damage, _read_weights
    ),
    "manifest": InputKind(
        "x.json",
        b'{"schema": 1, "sha256": "00", "architecture": "A", "canary": [[0.5]], "recipe": {"a": 1}}',
        json_damage,
        lambda path: weight_file.read_manifest(path),
    ),
    "threat model": InputKind("t.toml", THREATS.read_bytes(), toml_damage, threat_model.load),
    "policy": InputKind("p.toml", POLICY.read_bytes(), toml_damage, _read_policy),
    "settings": InputKind(
        "pyproject.toml",
        b'[project]\nname = "x"\n\n[tool.securemnist]\nmodel = "a:b"\npolicy = "p"\ndata = "d"\n',
        toml_damage,
        lambda path: settings.load(path.parent),
    ),
    "data file": InputKind("images", small_set()[TEST_IMAGES], idx_damage, _read_images),
    "arrays": InputKind(
        "x.npz", _arrays(), functools.partial(npz_damage, arrays=_ARRAYS), _read_data
    ),
    "picture": InputKind("x.png", _PICTURE, byte_damage, lambda path: picture.read(path, None)),
    "Parquet file": InputKind("x.parquet", _parquet(), byte_damage, _read_data),
    "description of data": InputKind(
        "x.toml",
        b'path = "set.npz"\nlayout = "hw"\nclass_names = ["a", "b", "c", "d", "e"]\n',
        toml_damage,
        _read_description,
    ),
    "assessment": InputKind("assessment.json", assessment().dumps(), json_damage, _read_assessment),
    "history": InputKind(
        "h.jsonl",
        (json.dumps(_ENTRY) + "\n").encode() * 3,
        line_damage,
        lambda path: trend.render(record.read(path)),
    ),
    "accepted notices": InputKind(
        "b.json",
        b'{"schema_version": 1, "accepted": [{"tool": "t", "rule": "r", "file": "f", "code": "c"}]}',
        json_damage,
        baseline.load,
    ),
    "data record": InputKind(
        "data-record.json",
        (SUITES / data_record.NAME).read_bytes(),
        json_damage,
        data_record.load,
    ),
    "advisories": InputKind(
        "advisories.toml",
        (SUITES / advisories.NAME).read_bytes(),
        toml_damage,
        advisories.load,
    ),
    "stored examples": InputKind("r.npz", _GOOD_NPZ, npz_damage, _read_examples),
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
