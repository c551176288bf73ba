"""Batches of certificates by the size of the network, so that memory has a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch
from torch import nn

from securemnist.certificates import certify
from securemnist.certificates.certificate import network_of
from securemnist.certificates.graph import network as networks
from securemnist.certificates.graph.export import Exported
from securemnist.certificates.graph.network import Network, Step
from securemnist.certificates.operations import activations
from securemnist.errors import NoCertificate
from tests.error_form import one_sentence
from tests.image_forms import FORMS, convolutional, images


def of_shapes(*shapes: Sequence[int]) -> Network:
    """A network whose steps have activations of these shapes."""
    relu = activations.leaky_relu(0.0)
    steps = [Step(str(k), relu, tuple(shape), (k,)) for k, shape in enumerate(shapes)]
    return Network(tuple(steps), cast("Exported", None))


@pytest.mark.parametrize(
    ("shapes", "samples", "margins"),
    [
        # The largest bundled one: C on MNIST.
        ([(64, 24, 24), (64, 24, 24), (64, 12, 12), (128,), (10,)], 100, 32),
        ([(64, 112, 112)] * 10 + [(10,)], 2, 4),
        ([(64, 512, 512)] * 4 + [(10,)], 1, 1),
    ],
)
def test_batches_by_number_of_activations(
    shapes: list[tuple[int, ...]], samples: int, margins: int
) -> None:
    """100 samples and 32 margins at once for small networks; fewer for large ones, at least one."""
    network = of_shapes(*shapes)
    assert (network.samples_of_batch, network.rows_of_batch(32)) == (samples, margins)


def test_network_of_too_many_activations_refused() -> None:
    """A network whose bounds of one image need more than the limit is refused in one sentence."""
    of_shapes(*[(64, 512, 512)] * 5)
    with pytest.raises(NoCertificate, match="got 117,440,512; certify smaller") as caught:
        of_shapes(*[(64, 512, 512)] * 7)
    one_sentence(caught.value)


@pytest.mark.parametrize("trial", [0, 3])
def test_small_batches_have_equal_certificates(trial: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Margins and methods do not depend on the batches, with a trial and without."""
    spec = FORMS["wide"]
    model, x = convolutional(spec).requires_grad_(False), images(spec, n=7)
    y = model(x).argmax(1)
    whole = certify(model, x, y, eps=0.005, trial=trial)
    assert 0 < whole.proved.sum() < len(x)
    sizes = recorded(model, x, monkeypatch)
    monkeypatch.setattr(networks, "_VALUES", 2 * network_of(model, x).activations)
    monkeypatch.setattr(networks, "_WEIGHTS", 1)
    parts = certify(model, x, y, eps=0.005, trial=trial)
    assert sizes == ([2, 1, 2, 2] if trial else [2, 2, 2, 1])
    assert torch.equal(parts.by, whole.by)
    torch.testing.assert_close(parts.margins, whole.margins)


def recorded(model: nn.Module, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of batches that get interval bounds from now on."""
    sizes: list[int] = []
    kind, intervals = type(network_of(model, x)), Network.intervals

    def counted(self: Network, image: Any) -> Any:
        sizes.append(len(image.lower))
        return intervals(self, image)

    monkeypatch.setattr(kind, "intervals", counted)
    return sizes
