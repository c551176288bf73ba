"""The row of data: poisoned, swapped, repeated and brightened data are found, another draw is not."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from securemnist._util import resources
from securemnist.data import DataSet
from securemnist.data.recording import record
from securemnist.data.samples import Samples
from securemnist.errors import MeasureError, PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures import bind
from securemnist.models import loading
from securemnist.results.findings import Finding, Verdict
from securemnist.supply_chain import data_digests, data_record, data_statistics
from tests.supply_chain.contexts import BUNDLED, judge, wrong

MEASURE = "data_changes"
N = 3_000  # images of a split here


def part(samples: Samples, places: torch.Tensor) -> Samples:
    """These images."""
    return Samples(samples.pixels[places].clone(), samples.labels[places].clone())


@functools.cache
def draws() -> tuple[DataSet, DataSet]:
    """Two data sets without a common image, drawn from the bundled training images."""
    mnist = DataSet.load()
    order = torch.randperm(len(mnist.train), generator=torch.Generator().manual_seed(0))
    first, second = (
        dataclasses.replace(
            mnist,
            test=part(mnist.train, order[start : start + N]),
            tuning=part(mnist.train, order[:0]),
            train=part(mnist.train, order[start + N : start + 2 * N]),
        )
        for start in (0, 2 * N)
    )
    return first, second


@functools.cache
def recorded() -> data_record.DataRecord:
    """The record of the first draw."""
    return record(draws()[0])


def copied(data: DataSet) -> DataSet:
    """The data set with a test split of its own."""
    return dataclasses.replace(data, test=part(data.test, torch.arange(len(data.test))))


def flipped(data: DataSet, share: float = 0.01) -> None:
    """Give a share of the images the next class."""
    places = torch.arange(0, len(data.test), round(1 / share))
    data.test.labels[places] = (data.test.labels[places] + 1) % 10


def swapped(data: DataSet) -> None:
    """Exchange the labels of two classes that look alike."""
    labels = data.test.labels
    four, nine = labels == 4, labels == 9
    labels[four], labels[nine] = 9, 4


def repeated(data: DataSet) -> None:
    """Put copies of some images in the place of others of their class."""
    for label in range(10):
        places = (data.test.labels == label).nonzero().squeeze(1)
        data.test.pixels[places[:5]] = data.test.pixels[places[5:10]]


def leaked(data: DataSet) -> None:
    """Put training images into the test split, in the place of others of their class."""
    for label in range(10):
        places, others = (
            (s.labels == label).nonzero().squeeze(1)[:5] for s in (data.test, data.train)
        )
        data.test.pixels[places] = data.train.pixels[others]


def brightened(data: DataSet) -> None:
    """Brighten the images of one class by a quarter."""
    pixels = data.test.pixels
    chosen = data.test.labels == 3
    pixels[chosen] = (pixels[chosen].float() * 1.25).clamp(max=255).to(torch.uint8)


def marked(data: DataSet) -> None:
    """Put a trigger into a corner of a hundredth of the images, all of one class."""
    chosen = (data.test.labels == 7).nonzero().squeeze(1)[: N // 100]
    data.test.pixels[chosen, :, -4:, -4:] = 255


CHANGES = (flipped, swapped, repeated, leaked, brightened, marked)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_digests_find_every_change(change: Callable[[DataSet], None]) -> None:
    """The saboteurs: each change of the recorded data is found, and named by its kind."""
    data = copied(draws()[0])
    change(data)
    names = {
        c.name
        for c in data_digests.checks(recorded(), record(data, neighbours=False))
        if not c.holds
    }
    assert ("labels (SHA-256)" in names) is (change in (flipped, swapped))
    assert ("pixels (SHA-256)" in names) is (change not in (flipped, swapped))
    assert ("repeated images" in names) is (change is repeated)
    assert ("equal images" in names) is (change is leaked)
    assert ("images a class" in names) is (change in (flipped, swapped))


def test_the_same_data_hold() -> None:
    """A record of the same data is equal, and survives its file."""
    again = record(copied(draws()[0]))
    assert again == recorded()
    assert all(check.holds for check in data_digests.checks(recorded(), again))
    assert all(check.holds for check in data_statistics.checks(recorded(), again))


def test_another_honest_draw_holds_by_statistics() -> None:
    """Another draw of the same data passes by statistics, and not by digests."""
    other = record(draws()[1])
    wrong_ones = [c for c in data_statistics.checks(recorded(), other) if not c.holds]
    assert wrong_ones == []
    assert not all(check.holds for check in data_digests.checks(recorded(), other))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (functools.partial(flipped, share=0.05), "labels unlike the nearest image's"),
        (swapped, "mean image"),
        (repeated, "repeated images"),
        (leaked, "images of both splits"),
        (brightened, "mean image"),
        (marked, "mean image"),
    ],
    ids=["flipped", "swapped", "repeated", "leaked", "brightened", "marked"],
)
def test_statistics_find_changes_of_another_draw(
    change: Callable[[DataSet], None], name: str
) -> None:
    """The saboteurs: what a poisoned draw has and an honest one has not is found by its test."""
    data = copied(draws()[1])
    change(data)
    names = {c.name for c in data_statistics.checks(recorded(), record(data)) if not c.holds}
    assert name in names


def test_a_missing_class_or_split_is_found() -> None:
    """Data without the images of a class, or without a recorded split, do not hold by statistics."""
    second = draws()[1]
    kept = (second.test.labels != 5).nonzero().squeeze(1)
    without = dataclasses.replace(second, test=part(second.test, kept))
    found = data_statistics.checks(recorded(), record(without, neighbours=False))
    assert "shares of the classes" in {check.name for check in found if not check.holds}
    empty = dataclasses.replace(second, train=part(second.train, torch.arange(0)))
    for module in (data_statistics, data_digests):
        found = module.checks(recorded(), record(empty, neighbours=False))
        assert any(not check.holds and check.place == "training" for check in found)


def test_a_record_without_compared_labels_does_not_hold() -> None:
    """A record that was made, or edited, to compare no labels leaves no test out: that one fails."""
    old = recorded()
    splits = {
        name: dataclasses.replace(split, compared=0, disagreeing=0.0)
        for name, split in old.splits.items()
    }
    found = data_statistics.checks(dataclasses.replace(old, splits=splits), old)
    named = {check.place for check in found if not check.holds and check.name.startswith("labels")}
    assert named == {"test", "training"}


def context(data: DataSet, folder: Path) -> Context:
    """A row's context; the network is not used."""
    return Context(loading.resolve("baseline"), data, project=folder)


def test_the_row_compares_with_its_record(tmp_path: Path) -> None:
    """The recorded data pass, changed ones fail, and statistics are compared where the row says so."""
    first, second = draws()
    (tmp_path / "record.json").write_bytes(data_record.dumps(recorded()))

    def judged(data: DataSet, **settings: str) -> Finding:
        return judge(context(data, tmp_path), MEASURE, record="record.json", **settings)

    assert judged(first).verdict is Verdict.PASS
    assert judged(second).verdict is Verdict.FAIL
    assert judged(second, compare="statistics").verdict is Verdict.PASS
    changed = copied(first)
    flipped(changed)
    assert "labels (SHA-256)" in wrong(judged(changed))


def test_the_bundled_record_is_that_of_mnist(mnist: DataSet) -> None:
    """The record beside the bundled policy holds for the bundled data."""
    bundled = dataclasses.replace(context(mnist, Path("/")), policy=BUNDLED)
    assert judge(bundled, MEASURE).verdict is Verdict.PASS
    stored = data_record.load(resources.SUITES / data_record.NAME)
    assert all(0.03 < s.disagreeing < 0.05 for s in stored.splits.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"schema": 1', b'"schema": 2', "expected schema 1, got 2"),
        (b'"schema": 1', b'"schema": true', "schema"),
        (b'"repeated": 0', b'"repeated": -1', "repeated"),
        (b'"splits"', b'"parts"', "splits"),
        (b"{", b"[", "expected JSON"),
        (b'"disagreeing": 0', b'"disagreeing": 7', "disagreeing"),
    ],
)
def test_a_wrong_record_is_an_error(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    """A record of another form, and one that is missing, never pass."""
    content = data_record.dumps(recorded())
    assert old in content
    (tmp_path / "record.json").write_bytes(content.replace(old, new, 1))
    with pytest.raises(MeasureError, match=message):
        judge(context(draws()[0], tmp_path), MEASURE, record="record.json")
    with pytest.raises(MeasureError, match="expected a record of data"):
        judge(context(draws()[0], tmp_path), MEASURE, record="absent.json")


def test_a_row_without_a_record_is_an_error(tmp_path: Path) -> None:
    """Without a policy the row has to name its record, inside the project."""
    with pytest.raises(MeasureError, match="expected `record` to name a record"):
        judge(context(draws()[0], tmp_path), MEASURE)
    with pytest.raises(PolicyError, match="inside the project's folder"):
        bind(MEASURE, {"record": "../record.json"})
