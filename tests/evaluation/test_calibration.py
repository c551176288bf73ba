"""The file of a calibration: for which data it holds, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import DataError
from securemnist.evaluation.calibration import FILE, UNCALIBRATED, Calibration, limits_of
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import prediction_doubts
from securemnist.models.loading import from_model
from tests.stubs import FunctionModel


def images(seed: int) -> DataSet:
    """Grey images of 8x8 in two classes."""
    rng = torch.Generator().manual_seed(seed)
    return DataSet.from_tensors(torch.rand((60, 1, 8, 8), generator=rng), torch.arange(60) % 2)


def write(folder: Path, images: DataSet, **changes: Any) -> None:
    """A calibration for these data, with changes of its JSON."""
    found = Calibration(
        data={"test": images.digest}, references=(), factors={"variation": 1.0, "weak attack": 1.5}
    )
    (folder / FILE).parent.mkdir(exist_ok=True)
    (folder / FILE).write_text(json.dumps(found.to_json() | changes))


def reasons(folder: Path, data: DataSet) -> list[str]:
    """The reasons of the doubts about a model whose outputs vary."""
    varying = FunctionModel(lambda x: torch.randn(len(x), 2))
    subject = from_model(varying, name="varying", input_spec=data.spec)
    return [doubt.reason for doubt in prediction_doubts(Context(subject, data, project=folder))]


def test_doubt_names_the_calibration(tmp_path: Path) -> None:
    """A doubt on these data names the calibration, and one without a limit stays uncalibrated."""
    data = images(0)
    assert all(reason.endswith(f"({UNCALIBRATED})") for reason in reasons(tmp_path, data))
    write(tmp_path, data)
    (varying,) = reasons(tmp_path, data)
    assert varying.endswith(f"(limits of MNIST times 1, calibrated on these data: {FILE})")
    write(tmp_path, data, factors={})
    (varying,) = reasons(tmp_path, data)
    assert UNCALIBRATED in varying
    assert "none that separates" in varying
    write(tmp_path, data, factors={}, untried=["variation"])
    (varying,) = reasons(tmp_path, data)
    assert "was over before its impostors were tried" in varying


def test_factor_scales_the_limit(tmp_path: Path) -> None:
    """A check uses the limit of MNIST times the factor of the data."""
    data = images(0)
    write(tmp_path, data)
    assert limits_of(tmp_path, data).factors["weak attack"] == 1.5


def test_calibration_for_other_data_is_not_used(tmp_path: Path) -> None:
    """A file for other images changes no limit, and the reason says so."""
    write(tmp_path, images(1))
    assert not limits_of(tmp_path, images(0)).factors
    assert all(f"{FILE} is for other data" in reason for reason in reasons(tmp_path, images(0)))


def test_mnist_needs_no_calibration(mnist: DataSet, tmp_path: Path) -> None:
    """On MNIST the file is not even read."""
    write(tmp_path, mnist, factors={"weak attack": 99})
    assert limits_of(tmp_path, mnist).missing == ""


def test_an_assessment_records_its_calibration(tmp_path: Path) -> None:
    """The data's entry in an assessment has the digest of the calibration, or that there is none."""
    data = images(0)
    subject = from_model(
        FunctionModel(lambda x: x.flatten(1)[:, :2]), name="it", input_spec=data.spec
    )
    assert Context(subject, data, project=tmp_path).data_record["calibration"] == "none"
    write(tmp_path, data)
    assert len(Context(subject, data, project=tmp_path).data_record["calibration"]) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"factors": {"weak attack": 2.5}},
        {"factors": {"weak attack": 0}},
        {"factors": {"weak attack": True}},
        {"factors": {"weak attack": "2"}},
        {"factors": []},
        {"schema": 2},
        {"data": {"test": 7}},
        {"more": 1},
    ],
    ids=str,
)
def test_damaged_calibration_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    """A factor above 2, another type and an unknown key are refused before anything is measured."""
    data = images(0)
    write(tmp_path, data, **changes)
    with pytest.raises(DataError, match=r"expected a calibration, got .*init --calibrate"):
        reasons(tmp_path, data)


@pytest.mark.parametrize("content", [b"", b"[" * 10_000, b'{"a": 1, "a": 2}', b"\xff" * 100_000])
def test_file_that_is_no_json(content: bytes, tmp_path: Path) -> None:
    """Bytes that are no small JSON object are refused in one sentence."""
    write(tmp_path, images(0))
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(DataError, match="expected a calibration"):
        limits_of(tmp_path, images(0))
