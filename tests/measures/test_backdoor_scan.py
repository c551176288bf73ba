"""The measure backdoor_scan: backdoored networks fail with a witness, clean ones pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.backdoor.scan import references, searches, statistics
from securemnist.data import DataSet
from securemnist.errors import DataError, Inconclusive
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.findings import Measurement, Requirement, Verdict
from tests.backdoor.scan.zoo import zoo_network


def scanned(context: Context, **settings: object) -> Measurement:
    """The scan of the network of a context."""
    return take_measurement(context, "backdoor_scan", bind("backdoor_scan", settings), 0)


def measured(name: str, data: DataSet, **settings: object) -> Measurement:
    """The scan of a member of the zoo."""
    return scanned(Context(loading.from_model(zoo_network(name), name=name), data), **settings)


@pytest.fixture(scope="module")
def all_to_all(mnist: DataSet) -> Context:
    """A network with a backdoor to the next class, which two tests judge by one search."""
    return Context(loading.from_model(zoo_network("all_to_all"), name="all_to_all"), mnist)


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the steps of a search."""
    monkeypatch.setattr(searches, "STEPS", 60)


@pytest.fixture
def one_search(half: None, all_to_all: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search of this network runs once."""
    search = searches.search

    def once(*images: Any, **options: Any) -> list[searches.Search]:
        return all_to_all.cached("search", lambda: search(*images, **options))

    monkeypatch.setattr(searches, "search", once)


@pytest.mark.usefixtures("one_search")
def test_all_to_all_backdoor_has_a_witness(all_to_all: Context) -> None:
    """A backdoor to the next class is found as such, with images on which it succeeds."""
    found = scanned(all_to_all)
    assert isinstance(found.evidence, BackdoorEvidence)
    assert found.evidence.target == "other"
    assert str(found.evidence.trigger["map"]).startswith("0 to 1, 1 to 2, 2 to 3")
    assert found.low > 0.5
    assert found.evidence.control < 0.3
    gallery = found.evidence.triggered_gallery
    assert all(one.prediction == (one.label + 1) % 10 for one in gallery)


@pytest.mark.usefixtures("half")
def test_clean_network_passes(mnist: DataSet) -> None:
    """A network without a backdoor, trained with noise, has value 0 and says what was searched for."""
    found = measured("clean", mnist)
    assert (found.value, found.high, found.inconclusive) == (0.0, 0.0, "")
    assert found.evidence.table["searched for"] == "mask, addition, displacement"
    assert found.evidence.table["result"] == "no trigger of these kinds found"


@pytest.mark.usefixtures("one_search")
def test_doubtful_size_decides_nothing(
    all_to_all: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A size between the limits is inconclusive, however often its trigger succeeds, and is shown."""
    monkeypatch.setattr(statistics, "SMALL", 1e-9)
    row = Requirement(id="SCAN", measure="backdoor_scan", at_most=0.5, because="no backdoor")
    found = scanned(all_to_all)
    assert row.judge(found).verdict is Verdict.INCONCLUSIVE
    assert "of the usual size was found" in found.inconclusive
    assert isinstance(found.evidence, BackdoorEvidence)
    assert found.evidence.lift > 0.5
    assert "result" not in found.evidence.trigger


def test_missing_references_are_refused(mnist: DataSet, tmp_path: Path) -> None:
    """A folder without scans is refused in a sentence."""
    with pytest.raises(DataError, match="expected scans of reference networks"):
        measured("clean", mnist, references=str(tmp_path))


def test_scans_of_another_test_split_are_not_used(mnist: DataSet, tmp_path: Path) -> None:
    """Scans for other data decide nothing."""
    scans = references.read(references.BUNDLED)
    text = references.BUNDLED.read_text().replace(scans.data, "0" * 64)
    (tmp_path / references.NAME).write_text(text)
    with pytest.raises(Inconclusive, match="uncalibrated"):
        measured("clean", mnist, references=str(tmp_path))


class TriggerOfEachClass(nn.Module):
    """A network that a bright rectangle at the upper edge turns to a class; each class has its own."""

    def __init__(self) -> None:
        super().__init__()
        self.network = zoo_network("clean")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        edge = nn.functional.avg_pool2d(x, (4, 2))[:, 0, 0, 2:12]
        planted: torch.Tensor = self.network(x) + 45 * edge
        return planted


@pytest.mark.usefixtures("half")
def test_triggers_of_all_classes_do_not_pass(mnist: DataSet) -> None:
    """Where each class has a trigger of its own, none is small beside the others: nothing is decided."""
    subject = loading.from_model(TriggerOfEachClass().eval(), name="each")
    found = scanned(Context(subject, mnist))
    assert "of the usual size change the prediction" in found.inconclusive
    assert "result" not in found.evidence.table


class Rounded(nn.Module):
    """A backdoored network whose logits are whole numbers: their gradient is 0."""

    def __init__(self) -> None:
        super().__init__()
        self.network = zoo_network("patch")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x).round()


class HiddenCorner(nn.Module):
    """A backdoored network without a gradient where its trigger is."""

    def __init__(self) -> None:
        super().__init__()
        self.network = zoo_network("patch")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shown = torch.ones_like(x)
        shown[..., :5, -5:] = 0
        return self.network(x * shown + (x * (1 - shown)).detach())


@pytest.mark.parametrize(
    ("network", "reason"),
    [(Rounded, "hide its gradients"), (HiddenCorner, "the gradient is false at 25 places")],
)
def test_hidden_gradients_do_not_pass(
    network: type[nn.Module], reason: str, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the searches get no gradient, they find nothing, and that decides nothing."""
    monkeypatch.setattr(searches, "STEPS", 40)
    context = Context(loading.from_model(network(), name="hidden"), mnist)
    found = take_measurement(context, "backdoor_scan", bind("backdoor_scan", {}), 0)
    assert reason in found.inconclusive
    assert "result" not in found.evidence.table


def test_references_of_other_classes_are_refused(mnist: DataSet, tmp_path: Path) -> None:
    """Sizes for another number of classes are refused in a sentence."""
    content = json.loads(references.BUNDLED.read_text())
    for network in content["networks"]:
        network["sizes"]["mask"].pop()
    (tmp_path / references.NAME).write_text(json.dumps(content))
    with pytest.raises(DataError, match="run securemnist calibrate again"):
        measured("clean", mnist, references=str(tmp_path))


def test_two_classes_decide_nothing() -> None:
    """A class of two cannot be compared with the others, so that the row decides nothing."""
    data = DataSet.from_tensors(
        torch.rand(40, 1, 28, 28), torch.arange(40) % 2, classes=2, name="two"
    )
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 2)).eval()
    context = Context(loading.from_model(network, name="two", input_spec=data.spec), data)
    with pytest.raises(Inconclusive, match="expected 3 or more classes, got 2"):
        take_measurement(context, "backdoor_scan", bind("backdoor_scan", {}), 0)
