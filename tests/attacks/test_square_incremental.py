"""Square's incremental search finds what the whole search finds, with fewer answers of the model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from securemnist.attacks import square_incremental
from securemnist.attacks.square import Square
from securemnist.data import DataSet
from securemnist.incremental import IncrementalForward
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.threats import L2, Linf
from tests.attacks.models import Recorder, misclassified, run


@pytest.fixture(autouse=True)
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches of few queries are incremental, too, and activations are renewed often."""
    monkeypatch.setattr(square_incremental, "_FEWEST", 0)
    monkeypatch.setattr(square_incremental, "_RENEWED", 64)


class Counted(torch.nn.Module):
    """Another model, with the number of its calls."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model, self.calls = model, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        logits: torch.Tensor = self.model(x)
        return logits


def whole(model: torch.nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """The same model as a function, which has no graph."""
    return lambda x: model(x)


@pytest.mark.parametrize(
    ("name", "eps", "ends_early"), [("baseline", 0.2, True), ("network_d", 0.16, False)]
)
def test_same_images(name: str, eps: float, ends_early: bool, mnist: DataSet) -> None:
    """Both searches break the same images, by the same pixels, where rounding decides nothing."""
    subject = loading.resolve(name)
    samples = mnist.tuning[:30]
    x, y = samples.images(), samples.labels
    attack = Square(queries=200, whole=not ends_early)
    mine = run(attack, subject.model, x, y, Linf(eps))
    theirs = run(attack, whole(subject.model), x, y, Linf(eps))
    equal = (mine == theirs).flatten(1).all(1)
    assert int((~equal).sum()) <= 1
    broken = misclassified(subject.model, mine, y)
    assert 5 < int(broken.sum()) < len(y)
    assert torch.equal(mine[~broken], x[~broken])


def test_model_answers_rarely(baseline: Subject, mnist: DataSet) -> None:
    """The model itself is asked about successes only, and at the start."""
    samples = mnist.tuning[:20]
    x, y = samples.images(), samples.labels
    model = Counted(baseline.model).eval()
    run(Square(queries=300, whole=True), model, x, y, Linf(0.05))
    assert model.calls < 100


def test_progress_within_a_batch(baseline: Subject, mnist: DataSet) -> None:
    """A batch takes many seconds, so that progress is reported while it runs, up to all images."""
    samples = mnist.tuning[:20]
    reports: list[tuple[str, int, int]] = []
    Square(queries=256, whole=True).propose(
        baseline.model,
        samples.images(),
        samples.labels,
        threat=Linf(0.02),
        rng=torch.Generator().manual_seed(0),
        progress=lambda *report: reports.append(report),
    )
    assert [done for _, done, _ in reports] == [4, 9, 14, 19, 20]
    assert {(name, total) for name, _, total in reports} == {("Square-256", 20)}


def test_result_does_not_depend_on_other_images(baseline: Subject, mnist: DataSet) -> None:
    """An image has the same result beside other images."""
    samples = mnist.tuning[:30]
    x, y = samples.images(), samples.labels
    others = torch.cat([x[:20], 1 - x[20:]])
    attack = Square(queries=100)
    first, second = (run(attack, baseline.model, each, y, Linf(0.2)) for each in (x, others))
    assert torch.equal(first[:20], second[:20])
    assert (first[:20] != x[:20]).any()


def test_successes_are_confirmed(
    baseline: Subject, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the incremental logits are wrong, no image counts that the model classifies correctly."""
    samples = mnist.tuning[:20]
    x, y = samples.images(), samples.labels
    change = IncrementalForward.change
    monkeypatch.setattr(IncrementalForward, "change", lambda *args: -change(*args))
    x_adv = run(Square(queries=30), baseline.model, x, y, Linf(0.02))
    wrong = misclassified(baseline.model, x_adv, y)
    changed = (x_adv != x).flatten(1).any(1)
    assert torch.equal(changed & ~misclassified(baseline.model, x, y), wrong & changed)


def test_l2_and_few_queries_are_whole(
    baseline: Subject, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In L2 every pixel changes; few queries do not repay the reading of the graph."""
    samples = mnist.tuning[:4]
    x, y = samples.images(), samples.labels
    for threat, fewest in ((L2(1.0), 0), (Linf(0.1), 1000)):
        monkeypatch.setattr(square_incremental, "_FEWEST", fewest)
        recorder = Recorder(baseline.model)
        run(Square(queries=6, whole=True), recorder, x, y, threat)
        assert recorder.batches == [len(x)] * 6
