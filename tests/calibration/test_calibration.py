"""Limits of the doubts on other data: honest networks raise none, and impostors keep theirs."""

from __future__ import annotations

import dataclasses
import types

import pytest
import torch
from torch import nn

from securemnist import calibration
from securemnist.calibration import impostors, measured, references
from securemnist.calibration.honest import Honest
from securemnist.calibration.impostors import IMPOSTORS, Impostor
from securemnist.calibration.measured import DOUBTS
from securemnist.data import DataSet
from securemnist.errors import DataError, UsageError
from securemnist.evaluation.calibration import FACTORS, Calibration, Limits
from securemnist.evaluation.doubts import MODEL_CHECKS, PREDICTION_CHECKS, SEARCH_CHECKS
from securemnist.models import loading
from securemnist.models.loading import Subject
from tests.tasks import as_images, small_digits, trained


@pytest.fixture(scope="module")
def data() -> DataSet:
    """Scanned digits of 8x8."""
    arrays = small_digits()
    train, test = (as_images(arrays[f"x_{part}"]) for part in ("train", "test"))
    return DataSet.from_tensors(
        test[:200], arrays["y_test"][:200], training=(train, arrays["y_train"]), name="digits"
    )


@pytest.fixture(scope="module")
def honest(data: DataSet) -> list[Subject]:
    """Two small networks that are trained as usual."""
    images, labels = data.train.images(), data.train.labels

    def network(width: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

    return [
        loading.from_model(
            trained(lambda width=width: network(width), images, labels, 15),
            name=f"width {width}",
            input_spec=data.spec,
        )
        for width in (48, 64)
    ]


@pytest.fixture(scope="module")
def network(honest: list[Subject], data: DataSet) -> Honest:
    """The first one at its eps."""
    return measured._reference(honest[0], dataclasses.replace(data, test=data.tuning))[0]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attack instead of the ladder, and two impostors, one of which is none."""
    monkeypatch.setattr(
        measured, "_LADDER", {"use": "PGD", "steps": 20, "restarts": 2, "loss": "margin"}
    )
    unchanged = Impostor("honest", ("convergence",), lambda network, _threat, _images: network)
    few = [one for one in IMPOSTORS if one.name == "rounded pixels"]
    monkeypatch.setattr(measured, "IMPOSTORS", [*few, unchanged])


@pytest.mark.parametrize("impostor", IMPOSTORS, ids=lambda impostor: impostor.name)
def test_largest_factor_catches_impostors(impostor: Impostor, network: Honest) -> None:
    """Even at the largest factor that a file may have, every known impostor raises its doubts."""
    assert not network.missed(impostor, Limits(dict.fromkeys(DOUBTS, max(FACTORS))))


def test_every_doubt_has_an_impostor() -> None:
    """No doubt is calibrated without a network or search that has to raise it."""
    bundled = {*PREDICTION_CHECKS, *MODEL_CHECKS, *SEARCH_CHECKS, "planted examples"}
    assert set(DOUBTS) == bundled


def test_an_unknown_doubt_of_an_impostor_is_an_error(network: Honest) -> None:
    """The doubts of an impostor are those of the tables: an unknown name never counts as raised."""
    impostor = Impostor("honest", ("no such doubt",), lambda network, _threat, _images: network)
    with pytest.raises(KeyError, match="no such doubt"):
        network.missed(impostor, Limits())


def test_higher_limit_misses_an_impostor(network: Honest) -> None:
    """A factor is what a check compares with: at a hundred times the limit an impostor is missed."""
    short = next(one for one in IMPOSTORS if one.doubts == ("convergence",))
    assert network.missed(short, Limits({"convergence": 100.0})) == {"convergence"}


@pytest.mark.usefixtures("quick")
def test_honest_networks_calibrate(honest: list[Subject], data: DataSet) -> None:
    """Honest networks keep the limits of MNIST; a doubt whose impostor is missed has no limit."""
    found = calibration.calibrate(honest, data, seconds=100)
    assert found.factors == dict.fromkeys(set(DOUBTS) - {"convergence"}, 1.0)
    assert found.data == {"test": data.test.digest, "tuning": data.tuning.digest}
    assert [reference.name for reference in found.references] == ["width 48", "width 64"]


@pytest.mark.usefixtures("quick")
def test_what_was_measured_in_time_is_kept(
    honest: list[Subject], data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time a calibration has the doubts whose impostors were all tried, and names the rest."""
    again = Impostor("honest", ("gradients",), lambda network, _threat, _images: network)
    monkeypatch.setattr(measured, "IMPOSTORS", [*measured.IMPOSTORS, again])

    def found(steps: int) -> Calibration:
        clock = iter([0.0] * (1 + steps) + [100.0] * 9)
        monkeypatch.setattr(measured, "time", types.SimpleNamespace(monotonic=lambda: next(clock)))
        return calibration.calibrate(honest, data, seconds=1)

    # Network, limits, and the first impostor, of "gradients" and two others; then the time is over.
    early = found(steps=3)
    assert "gradients" not in early.factors
    assert set(early.untried) == {"gradients", "convergence"}
    assert early.factors == dict.fromkeys(set(DOUBTS) - set(early.untried), 1.0)
    in_time = found(steps=5)
    assert not in_time.untried
    assert set(in_time.factors) == set(DOUBTS) - {"gradients", "convergence"}
    for late in (0, 1):
        with pytest.raises(UsageError, match=rf"within the given time, got {late} of 5 steps"):
            found(steps=late)


@pytest.mark.parametrize("count", [13, 99])
def test_few_images_are_refused(count: int, data: DataSet) -> None:
    """A limit is not chosen on a handful of images, be they tuning or test images."""
    few = dataclasses.replace(data, tuning=data.tuning[:count])
    with pytest.raises(UsageError, match=f"at least 100 tuning images .*, got {count}; add images"):
        calibration.check_data(few)
    alone = dataclasses.replace(data, tuning=data.tuning[:0], test=data.test[:count])
    with pytest.raises(UsageError, match=f"at least 100 test images .*, got {count}; add images"):
        calibration.check_data(alone)


@pytest.mark.usefixtures("quick")
def test_doubted_reference_leaves_the_doubt_uncalibrated(
    honest: list[Subject], data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference that hides its gradients does not excuse others: no factor is large enough."""
    monkeypatch.setattr(measured, "FACTORS", (1.0, 2.0))
    hidden = impostors._Changed(honest[0].model, lambda network, x: network((15 * x).round() / 15))
    liar = loading.from_model(hidden, name="rounded", input_spec=data.spec)
    found = calibration.calibrate([honest[1], liar], data, seconds=100)
    assert "gradients" not in found.factors
    assert found.factors["variation"] == 1.0


def test_references_are_checked(honest: list[Subject], data: DataSet, mnist: DataSet) -> None:
    """One network twice, a network near chance, MNIST, and too little time are refused."""
    with pytest.raises(UsageError, match="two different honest networks"):
        calibration.calibrate([honest[0], honest[0]], data, seconds=100)
    guessing = loading.from_model(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), name="guess", input_spec=data.spec
    )
    with pytest.raises(UsageError, match="clearly better than guessing, got guess of accuracy"):
        calibration.calibrate([honest[0], guessing], data, seconds=100)
    with pytest.raises(UsageError, match="expected data other than MNIST"):
        calibration.calibrate(honest, mnist, seconds=100)
    with pytest.raises(UsageError, match="within the given time, got 0 of"):
        calibration.calibrate(honest, data, seconds=-1)


def test_training_needs_images_and_time(data: DataSet) -> None:
    """Data without training images, and too little time, end in one sentence with the way out."""
    alone = DataSet.from_tensors(data.test.images(), data.test.labels, name="alone")
    with pytest.raises(DataError, match=r"alone: .*got none; .*--calibrate-with SPEC SPEC"):
        calibration.trained(alone, seconds=100)
    with pytest.raises(UsageError, match="raise --calibrate-minutes"):
        calibration.trained(data, seconds=0.01)


def test_networks_are_trained_within_the_time(
    data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two different networks learn the task, in as many batches as asked for."""
    monkeypatch.setattr(references, "_BATCHES", 60)
    monkeypatch.setattr(references, "_EPOCHS", 3)
    both = calibration.trained(data, seconds=600)
    x, y = data.test.images(), data.test.labels
    with torch.no_grad():
        accuracies = [float((one.model(x).argmax(1) == y).float().mean()) for one in both]
    assert min(accuracies) > 0.7
    assert both[0].digest != both[1].digest
