"""A Parquet file in the form of Hugging Face's data sets, from `data inspect` to the report."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from securemnist.data import DataSet
from securemnist.initial_policy import PROPOSALS, measured
from tests.commands import run
from tests.data.pictures import png
from tests.other_tasks.test_gate import assess, document, verdicts
from tests.tasks import TASKS

pa = pytest.importorskip("pyarrow", reason="pyarrow (extra parquet) is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow (extra parquet) is not installed")

NAMES = [f"digit {number}" for number in range(10)]
FEATURES: dict[str, Any] = {
    "image": {"_type": "Image"},
    "label": {"names": NAMES, "_type": "ClassLabel"},
}


def write(path: Path, images: np.ndarray[Any, Any], labels: Iterable[int]) -> None:
    """The columns `image` and `label`, and the class names, as that library writes them."""
    pictures = [
        {"bytes": png(image), "path": f"{number}.png"} for number, image in enumerate(images)
    ]
    table = pa.table({"image": pictures, "label": [int(label) for label in labels]})
    metadata = {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    pq.write_table(table.replace_schema_metadata(metadata), path)


@pytest.mark.timeout(600)
def test_from_parquet_to_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data are inspected, a first policy is written and met, and the report names the classes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    smoke = tuple(row for row in PROPOSALS if row.tier == "smoke")
    monkeypatch.setattr(measured, "PROPOSALS", smoke)
    task = TASKS["small_digits"]
    task.write(tmp_path)
    arrays = {name: array[: 300 if "train" in name else 100] for name, array in task.make().items()}
    folder = tmp_path / "digits"
    folder.mkdir()
    for split in ("train", "test"):
        file = folder / f"{split}-00000-of-00001.parquet"
        write(file, arrays[f"x_{split}"], arrays[f"y_{split}"])
    np.savez("same.npz", **arrays)
    digest = DataSet.load("same.npz").digest

    inspected = run("data", "inspect", "digits", "--out", "grid.png")
    assert inspected.exit_code == 0, inspected.output
    for words in ("digits: 1x8x8, 10 classes", "test: 100 images", "digit 9: ", digest):
        assert words in inspected.output
    model = "small_digits_net:factory"
    done = run("init", "--model", model, "--data", "digits", "--images", "50")
    assert done.exit_code == 0, done.output
    assert assess(model, "out") == 0
    assert verdicts("out")["CLEAN-01"] == "PASS"
    data = document("out/assessment.json")["subject"]["data"]
    assert (data["sha256"], data["spec"]["class_names"]) == (digest, NAMES)
    assert "digit 9" in Path("out/index.html").read_text()

    # One file is the test split: the same images, which the policy accepts.
    alone = "digits/test-00000-of-00001.parquet"
    again = run("assess", "--model", model, "--data", alone, "--row", "CLEAN-01", "--out", "alone")
    assert again.exit_code == 0, again.output
    write(Path("other.parquet"), arrays["x_test"][:50], arrays["y_test"][:50])
    refused = run("assess", "--model", model, "--data", "other.parquet", "--row", "CLEAN-01")
    assert refused.exit_code == 2
    assert "expected the data it was written for, digits" in refused.output
