"""Services that answer an image like an earlier one which is near to it."""

from __future__ import annotations

import numpy as np
import pytest

from securemnist.data import DataSet
from securemnist.measures import bind, find
from securemnist.measures.endpoints import expected_queries
from securemnist.results.findings import Verdict
from tests.endpoint.rows import context_of, judged
from tests.endpoint.service import Classify, Service, by_brightness

EPS = 0.1
ROW = {
    "threat": {"norm": "linf", "eps": EPS},
    "attack": {"use": "Square", "queries": 40},
    "images": 30,
}


class Store:
    """Answers like `classify`, but to an image within `radius` of an earlier one like to that one."""

    def __init__(self, classify: Classify, radius: float) -> None:
        self.classify, self.radius = classify, radius
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.stack([self.one(image) for image in x])

    def one(self, image: np.ndarray) -> np.ndarray:
        """The scores (K,) of one image."""
        for known, scores in self.seen:
            if np.abs(known - image).max() <= self.radius:
                return scores
        self.seen.append((image, self.classify(image[None])[0]))
        return self.seen[-1][1]


@pytest.fixture(scope="module")
def patterns() -> DataSet:
    """60 images of black and white pixels, far from each other; the class is the brightness."""
    rng = np.random.default_rng(0)
    share = (np.arange(60) % 10 + 0.5) / 10
    x = (rng.uniform(size=(60, 1, 8, 8)) < share[:, None, None, None]).astype(np.float32)
    return DataSet.from_tensors(x, by_brightness(x).argmax(1), classes=10, name="patterns")


@pytest.mark.parametrize(("radius", "decimals"), [(0.12, None), (0.3, 3), (0.3, 2)])
def test_a_store_of_similar_images_does_not_pass(
    service: Service, patterns: DataSet, radius: float, decimals: int | None
) -> None:
    """Every image survives the search, and the row is undecided."""
    service.decimals = decimals
    service.classify = Store(service.classify, radius)
    context = context_of(service, patterns, uint8=False)
    found = judged(context, **ROW, at_least=0.8)
    assert found.verdict is Verdict.INCONCLUSIVE, str(found)
    assert found.measurement is not None
    assert found.measurement.value > 0.9
    assert [doubt.name for doubt in found.measurement.doubts] == ["memory"]
    remote, measure = context.subject.remote, find("robust_accuracy")
    assert remote is not None
    assert measure is not None
    settings = bind("robust_accuracy", ROW)
    assert remote.counts.queries <= expected_queries(measure, settings, context)


def test_a_store_does_not_pass_rows_of_corruptions(service: Service, patterns: DataSet) -> None:
    """A brighter image near to a clean one, which another row has asked about, is answered like it."""
    service.classify = Store(service.classify, 0.3)
    context = context_of(service, patterns, uint8=False)
    context.subject.model(patterns.test.images())
    more = {"kinds": ["brightness"], "severities": [1]}
    found = judged(context, measure="corruption_accuracy", at_least=0.8, **more)
    assert found.verdict is Verdict.INCONCLUSIVE, str(found)
    assert "memory" in found.reason
    assert found.measurement is not None
    assert found.measurement.value > 0.9


@pytest.mark.parametrize("decimals", [None, 3, 2, 1])
def test_a_service_without_a_store_is_not_doubted(
    service: Service, patterns: DataSet, decimals: int | None
) -> None:
    """However its scores are rounded; the same search breaks its images."""
    service.decimals = decimals
    found = judged(context_of(service, patterns, uint8=False), **ROW, at_least=0.8)
    assert found.verdict is Verdict.FAIL, str(found)
    assert found.measurement is not None
    assert "memory" not in [doubt.name for doubt in found.measurement.doubts]
