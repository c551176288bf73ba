"""Thresholds, margins and eps of a first policy."""

from __future__ import annotations

import dataclasses
import datetime
import math
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from securemnist import initial_policy, measures
from securemnist.comparison import regression_limits
from securemnist.comparison.difference import PairedDifference
from securemnist.comparison.intervals import Paired
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from securemnist.initial_policy import Proposal, Row, margins, measured
from securemnist.measures.base import share_measurement
from securemnist.results import policy
from securemnist.results.findings import Measurement, Requirement, Verdict

EPS = (0.1, 0.05, 0.025, 0.0125, 0.00625, round(1 / 255, 5))
TODAY = datetime.datetime.now(datetime.UTC).date()


def text_of(data: DataSet, *rows: Row) -> str:
    """The policy of these rows."""
    return initial_policy.policy(rows, "net", data, TODAY)


def row_of(name: str, measurement: Measurement, *, samples: int = 2_000) -> Row:
    """The row of a proposal with a first measurement."""
    proposal = next(p for p in initial_policy.PROPOSALS if p.id == name)
    good = proposal.measure != "backdoor_success"
    bound = margins.of_share(measurement, samples, whole=False, high_is_good=good)
    settings = dict(proposal.settings)
    if proposal.evasion:
        settings["threat"] = {"norm": "linf", "eps": 0.1}
    return Row(proposal=proposal, settings=settings, measurement=measurement, bound=bound)


@pytest.mark.parametrize(
    ("name", "hits", "threshold"),
    [("ADV-01", 44, 0.5), ("BACKDOOR-01", 400, 0.1), ("BACKDOOR-01", 111, 0.1)],
)
def test_row_that_the_model_cannot_meet_is_waived(
    mnist: DataSet, name: str, hits: int, threshold: float
) -> None:
    """A weak model's row has a meaningful threshold, fails, and is waived for 90 days."""
    measurement = share_measurement(hits, 500, complete=False, seed=0)
    (row,) = policy.parse(text_of(mnist, row_of(name, measurement)), "p").requirements
    assert row.threshold == threshold
    assert row.waiver is not None
    assert row.waiver.expires == (TODAY + datetime.timedelta(days=90)).isoformat()
    assert f"{hits / 500:.4f}" in row.waiver.reason
    assert row.waiver.worst is not None
    lost = row.waiver.worst - hits / 500 if name == "BACKDOOR-01" else hits / 500 - row.waiver.worst
    assert 0.02 < lost < 0.2  # a version that is worse by more is not waived


def test_threshold_is_four_standard_errors_away(mnist: DataSet) -> None:
    """A threshold is four standard errors plus the sample's interval from the measurement."""
    robust = share_measurement(400, 500, complete=False, seed=0)
    steered = share_measurement(5, 2_000, complete=False, seed=0)
    text = text_of(mnist, row_of("ADV-01", robust), row_of("BACKDOOR-01", steered))
    one, two = policy.parse(text, "p").requirements
    assert (one.waiver, two.waiver) == (None, None)
    p = 402 / 504
    spread = math.sqrt(p * (1 - p))
    room = 4 * spread * math.sqrt(1 / 500 + 1 / 2_000) + 1.96 * spread * math.sqrt(1 / 2_000)
    assert one.threshold == pytest.approx(0.8 - room, abs=0.001)
    assert 0.0025 < two.threshold < 0.02


def test_head_of_a_policy_explains_each_key_in_a_line(mnist: DataSet) -> None:
    """Comments come first; each key has a line of its own, and the samples of the measurement, too."""
    row = row_of("ADV-01", share_measurement(400, 500, complete=False, seed=0))
    head = text_of(mnist, row).split("\n\n")[0].splitlines()
    assert all(line.startswith("#") for line in head)
    explained = [line.split()[1] for line in head if re.match(r"# \w+ {2,}\w", line)]
    assert explained == ["tier", "max_drop", "waiver", "families", "data"]
    assert any(line.startswith("# the tuning split") for line in head)


def test_row_of_a_few_images_is_a_policy_that_is_accepted(mnist: DataSet) -> None:
    """Where four standard errors exceed 1, the limit of a drop is a fifth."""
    row = row_of("CLEAN-02", share_measurement(3, 5, complete=True, seed=0), samples=4)
    read = policy.parse(text_of(mnist, row), "p")
    measures.check_policy(read)
    assert read.requirements[0].max_drop == 0.2


def test_inconclusive_measurement_is_waived_with_its_reason(mnist: DataSet) -> None:
    """A row with an inconclusive first measurement is written, and waived with the reason."""
    measurement = share_measurement(
        99, 100, complete=False, seed=0, inconclusive="no image of class 3 was measured"
    )
    (row,) = policy.parse(text_of(mnist, row_of("CLEAN-02", measurement)), "p").requirements
    assert row.waiver is not None
    assert "no image of class 3 was measured" in row.waiver.reason


def test_policy_names_its_data(mnist: DataSet) -> None:
    """The policy contains name and digest of the data; other data is refused."""
    read = policy.parse(
        text_of(mnist, row_of("CLEAN-01", share_measurement(99, 100, complete=True, seed=0))), "p"
    )
    read.refuse_other_data(mnist.name, mnist.digest)
    with pytest.raises(UsageError, match="expected the data it was written for, MNIST"):
        read.refuse_other_data("others", "0" * 64)


def test_a_class_of_one_sample_may_fail() -> None:
    """A class whose only sample is right is not said to fail: its lower bound is below the threshold."""
    right = dataclasses.replace(share_measurement(1, 1, complete=False, seed=0), low=0.025)
    bound = margins.of_low(right, 5, whole=True, classes=100)
    assert bound.close
    assert bound.problem.startswith("1.0000 meets 0.5, but 0.0250 does not")
    wrong = dataclasses.replace(right, value=0.0, low=0.0)
    assert not margins.of_low(wrong, 5, whole=True, classes=100).close


def row_function(values: dict[float, float], tried: list[tuple[str, float]]) -> Callable[..., Row]:
    """Stands for one measurement: the share that each eps leaves, whatever the attack is."""

    def row(context: object, proposal: Proposal, settings: dict[str, Any], *_: int) -> Row:
        eps = settings["threat"]["eps"]
        tried.append((proposal.measure, eps))
        measurement = share_measurement(round(values[eps] * 500), 500, complete=False, seed=0)
        bound = margins.of_share(measurement, 500, whole=False, high_is_good=True)
        return Row(proposal=proposal, settings=settings, measurement=measurement, bound=bound)

    return row


def evasion(values: list[float], monkeypatch: pytest.MonkeyPatch) -> tuple[list[Row], list[Any]]:
    """The evasion rows of a model that leaves `values` at the eps of the search."""
    tried: list[tuple[str, float]] = []
    known = dict(zip(EPS, values, strict=True))
    monkeypatch.setattr(measured, "_row", row_function(known, tried))
    searches = [p for p in initial_policy.PROPOSALS if p.evasion]
    sizes = measured.Sizes(images=500, test=10_000, design=1.0)
    local = cast(Context, SimpleNamespace(subject=SimpleNamespace(remote=None)))
    return measured._evasion(local, searches, sizes, EPS), tried


def test_evasion_rows_use_the_largest_meaningful_eps(
    mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is broken at 0.1 gets the largest eps that leaves half, with the curve beside it."""
    rows, tried = evasion([0.0, 0.2, 0.9, 0.95, 0.97, 0.98], monkeypatch)
    # Without doubts where the eps may be rejected.
    assert tried == [
        *[("attack_accuracy", eps) for eps in (0.1, 0.05, 0.025)],
        *[("robust_accuracy", 0.025)] * 2,
    ]
    assert [row.proposal.measure for row in rows] == ["robust_accuracy"] * 2
    text = text_of(mnist, *rows)
    for row in policy.parse(text, "p").requirements:
        assert row.settings["threat"]["eps"] == 0.025
        assert row.waiver is None
    assert "# robust accuracy at eps 0.1: 0.0000" in text
    assert "# robust accuracy at eps 0.025: 0.9000" in text
    assert policy.parse(text, "p").requirements[0].settings["curve"] == [0.0, 0.025, 0.05, 0.1]


def test_evasion_rows_without_a_meaningful_eps_are_waived(
    mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is broken at 1/255 gets its rows at that eps, failing and waived."""
    rows, _ = evasion([0.0] * 6, monkeypatch)
    read = policy.parse(text_of(mnist, *rows), "p")
    measures.check_policy(read)
    assert [row.id for row in read.requirements] == ["ADV-01", "ADV-02"]
    for row in read.requirements:
        assert row.settings["threat"]["eps"] == pytest.approx(1 / 255, abs=1e-5)
        assert row.waiver is not None
        assert row.threshold == 0.5


def test_design_effect_widens_the_margin() -> None:
    """Samples that are right or wrong together count for less than independent ones."""
    scattered, together = "0123456789" * 50, "5" * 450 + "1" * 50
    assert margins.design_effect("1" * 500, scattered.replace("1", "5").replace("0", "1")) == 1
    assert margins.design_effect("5" * 500, together) > 10
    assert margins.design_effect("5" * 500, "5" * 500) == 1
    measurement = share_measurement(450, 500, complete=False, seed=0)
    narrow = margins.margin(measurement, 500, whole=True)
    assert margins.margin(measurement, 500, whole=True, design=4) == pytest.approx(2 * narrow)


def test_threshold_that_is_met_by_too_little(mnist: DataSet) -> None:
    """A row met by less than the margin is waived; the reason says so, and where the margin is from."""
    close = row_of("ADV-01", share_measurement(300, 500, complete=False, seed=0))
    assert close.bound.close
    room = margins.margin(close.measurement, 2_000, whole=False)
    assert close.bound.problem == (
        f"0.6000 meets 0.5, but not by the margin of {room:.3f} (4 standard errors of the difference "
        "between the 500 measured samples and the 2,000 of the row, and the half-width of its 95 % "
        "interval)"
    )
    assert "not surely met" in text_of(mnist, close)
    assert not row_of("ADV-01", share_measurement(200, 500, complete=False, seed=0)).bound.close


def test_few_samples_do_not_excuse_a_large_drop() -> None:
    """Between two versions a row never allows a drop of more than a fifth."""
    few = row_of("BACKDOOR-02", share_measurement(1, 15, complete=False, seed=0), samples=40)
    assert few.bound.max_drop == 0.2


@pytest.mark.parametrize("measured", [60, 300, 3_000])
def test_limit_of_a_drop_is_that_of_equal_samples(measured: int) -> None:
    """It depends on the samples of the row, on which both versions are measured, alone."""
    share = share_measurement(3 * measured // 4, measured, complete=False, seed=0)
    bound = row_of("ADV-01", share, samples=500).bound
    assert bound.max_drop == pytest.approx(4 * math.sqrt(0.75 * 0.25 / 500), abs=0.003)


@pytest.mark.parametrize(
    ("newly_broken", "newly_safe", "verdict"),
    [(40, 40, Verdict.PASS), (56, 24, Verdict.INCONCLUSIVE), (100, 10, Verdict.FAIL)],
)
def test_limit_of_a_drop_on_versions(newly_broken: int, newly_safe: int, verdict: Verdict) -> None:
    """Of 500 images an equal version passes, a loss of 6 points is undecided, and one of 18 fails."""
    row = row_of("ADV-01", share_measurement(225, 300, complete=False, seed=0), samples=500)
    read = Requirement(
        id="ADV-01",
        measure="robust_accuracy",
        settings={},
        at_least=row.bound.threshold,
        max_drop=row.bound.max_drop,
        because="a test",
    )
    pair = Paired(gained=newly_safe, lost=newly_broken, both=200, n=500)
    low, high = pair.interval()
    change = PairedDifference(paired="by image", difference=pair.difference, low=low, high=high)
    (bound,) = regression_limits.judge(read, change, 0.75)
    assert bound.verdict is verdict
