"""Transfer: gradients of reference models only, and two queries an image."""

from __future__ import annotations

import torch

from securemnist.attacks.transfer import Transfer
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.threats import Linf
from tests.attacks.models import Recorder, misclassified, run


def test_transfer_asks_little(baseline: Subject, mnist: DataSet) -> None:
    """Each image costs the model one query for each source, and no gradient."""
    samples = mnist.tuning[:20]
    x, y = samples.images(), samples.labels
    recorder = Recorder(baseline.model)
    x_adv = run(Transfer(steps=10), recorder, x, y, Linf(0.3))
    assert not recorder.gradients
    assert sum(recorder.batches) <= Transfer().queries_per_image * len(x)
    assert misclassified(baseline.model, x_adv, y).sum() >= 15


def test_transfer_breaks_another_network(mnist: DataSet) -> None:
    """At a large eps images of the sources break a robust network that is none of them."""
    sources = loading.with_role("transfer")
    name = next(name for name in loading.reference_names() if name not in sources)
    samples, other = mnist.tuning[:30], loading.resolve(name).model
    x_adv = run(Transfer(steps=10), other, samples.images(), samples.labels, Linf(0.4))
    before = misclassified(other, samples.images(), samples.labels).sum()
    assert misclassified(other, x_adv, samples.labels).sum() > before


def test_transfer_without_sources_finds_nothing() -> None:
    """For images of another form there is no reference model: they are returned as they are."""
    x, y = torch.rand(3, 3, 8, 8), torch.tensor([0, 1, 2])
    assert torch.equal(run(Transfer(), lambda a: a.flatten(1)[:, :10], x, y, Linf(0.3)), x)
