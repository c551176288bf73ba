"""Statistics: how a scan compares with those of networks without a backdoor."""

from __future__ import annotations

import pytest
import torch

from securemnist.backdoor.scan import validity
from securemnist.backdoor.scan.statistics import judged, weakness


def references(count: int = 12) -> list[dict[str, torch.Tensor]]:
    """Sizes of four classes and of any other class, each with its own mean, and 10 % spread."""
    rng = torch.Generator().manual_seed(1)
    means = torch.tensor([50.0, 70.0, 40.0, 60.0, 150.0])
    return [{"mask": means * (0.1 * torch.randn(5, generator=rng)).exp()} for _ in range(count)]


@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
def test_larger_and_smaller_networks_are_no_anomaly(scale: float) -> None:
    """Sizes that are all larger or all smaller by one factor are those of a clean network."""
    *known, own = references()
    first = judged({"mask": scale * own["mask"]}, known)[0]
    assert first.probability > 0.01


@pytest.mark.parametrize("small", [2, 3, 4])
def test_triggers_for_half_of_the_classes_are_seen(small: int) -> None:
    """Small sizes for half of the classes or all of them are no anomaly, and the reason is said."""
    *known, own = references()
    sizes = own["mask"].clone()
    sizes[:small] = sizes[:small] / 5
    assert "of the usual size change the prediction" in weakness({"mask": sizes}, known)


def test_clean_networks_are_not_weak() -> None:
    """No reference is weaker than the others, and one of 70 % of their sizes is not either."""
    known = references()
    for place, own in enumerate(known):
        others = known[:place] + known[place + 1 :]
        assert not weakness(own, others)
        assert not weakness({"mask": own["mask"] * 0.7}, others)


@pytest.mark.parametrize("place", range(5))
def test_one_small_size_is_an_anomaly(place: int) -> None:
    """A twentieth of the size for one map is improbable, and the map is named."""
    *known, own = references()
    sizes = own["mask"].clone()
    sizes[place] /= 20
    first = judged({"mask": sizes}, known)[0]
    assert first.place == place
    assert first.is_anomaly
    assert 0.02 < first.ratio < 0.15


def test_class_that_is_easy_everywhere_is_no_anomaly() -> None:
    """A class whose size is small in every reference is compared with these."""
    known = references()
    for one in known:
        one["mask"][1] /= 8
    own = references(13)[-1]["mask"]
    own[1] /= 8
    assert judged({"mask": own}, known)[0].probability > 0.01


def test_probabilities_are_corrected_for_their_number() -> None:
    """Two kinds have four statistics, in ascending order, and none is above 1."""
    *known, own = references()
    both = [{"mask": one["mask"], "addition": one["mask"]} for one in known]
    alone = judged(own, known)
    together = judged({"mask": own["mask"], "addition": own["mask"]}, both)
    assert len(together) == 4
    assert together[0].probability == pytest.approx(min(1.0, 2 * alone[0].probability))
    assert [s.probability for s in together] == sorted(s.probability for s in together)
    assert together[-1].probability <= 1


def test_small_spread_alone_is_no_anomaly() -> None:
    """Where references hardly vary, a size of 70 % of the usual one is improbable, but no anomaly."""
    known = [{"mask": one["mask"] ** 0.02} for one in references()]
    own = known[0]["mask"].clone()
    own[1] *= 0.7
    first = judged({"mask": own}, known[1:])[0]
    assert first.probability < 1e-4
    assert not first.is_doubtful


def test_size_between_the_limits_is_doubtful() -> None:
    """60 % of the usual size is improbable, but no anomaly: the doubt names the share of networks."""
    *known, own = references()
    sizes = own["mask"].clone()
    sizes[2] *= 0.6
    first = judged({"mask": sizes}, known)[0]
    assert first.place == 2
    assert first.is_doubtful
    assert not first.is_anomaly
    assert "fewer than 3 of 1,000 networks" in first.doubt


@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_limit_is_the_ratio_of_the_first_anomaly(spread: float) -> None:
    """Ratios below `limit` are anomalies, and others are none."""
    *known, own = ({"mask": 60 * (one["mask"] / 60) ** spread} for one in references())
    found = []
    for shrunk in torch.logspace(0, -2, 60):
        sizes = own["mask"].clone()
        sizes[1] *= shrunk
        found.append(next(one for one in judged({"mask": sizes}, known) if one.place != 4))
    assert all(one.is_anomaly == (one.ratio < one.limit) for one in found)
    assert {one.is_anomaly for one in found} == {True, False}


def test_references_without_a_likeness_pass_nothing() -> None:
    """Where references differ by factors, no small size is improbable, and that is said."""
    rng = torch.Generator().manual_seed(1)
    known = [{"mask": (1.5 * torch.randn(5, generator=rng)).exp()} for _ in range(10)]
    own = {"mask": torch.tensor([0.01, 1.0, 1.0, 1.0, 1.0])}
    statistics = judged(own, known)
    assert not statistics[0].is_anomaly
    assert "differ so much that a mask is found" in validity.unlike(statistics)
    assert not validity.unlike(judged(references()[0], references()[1:]))
