"""Rows of patches and single pixels with proofs: exact numbers, refusals, and an attack on the proofs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist.certificates import Certificates
from securemnist.data import DataSet
from securemnist.errors import MeasureError, PolicyError
from securemnist.evaluation import certificate_stage
from securemnist.evaluation.context import Context
from securemnist.evaluation.pace import measure_pace
from securemnist.measures import bind, take_measurement
from securemnist.measures.certification import CERTIFIED_ACCURACY
from securemnist.models import loading
from securemnist.results.findings import Measurement
from securemnist.threats import Linf, Patch

IMAGES = 6


@pytest.fixture(scope="module")
def context(mnist: DataSet) -> Context:
    """A network for a few test images that was trained for a moment, and for no proof."""
    torch.manual_seed(0)
    convolution = nn.Conv2d(1, 4, 4, stride=4)
    model = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(196, 10))
    x, y = mnist.train[:4000].images(), mnist.train[:4000].labels
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    for part in torch.randperm(len(y)).repeat(4).split(200):
        optimizer.zero_grad()
        F.cross_entropy(model(x[part]), y[part]).backward()
        optimizer.step()
    few = dataclasses.replace(mnist, test=mnist.tuning[:IMAGES])
    return Context(loading.from_model(model.eval(), name="one layer"), few)


def measured(context: Context, measure: str, **settings: Any) -> Measurement:
    """The measurement of a row on all images."""
    return take_measurement(context, measure, bind(measure, settings), 0)


@pytest.mark.parametrize("threat", [{"norm": "l0", "eps": 1}, {"norm": "patch", "eps": 2}], ids=str)
def test_proofs_make_the_number_exact(context: Context, threat: dict[str, Any]) -> None:
    """Attacks leave images, proofs decide all of them, and no image is proved that an attack breaks."""
    attack = {"use": "SparseRS", "queries": 100}
    attacked = measured(context, "robust_accuracy", threat=threat, attack=attack)
    found = measured(context, "robust_accuracy", threat=threat, attack=attack, proof_seconds=120.0)
    assert 0 < found.value <= attacked.value
    assert found.certified == found.value
    certified = measured(context, "certified_accuracy", threat=threat)
    assert 0 < certified.value <= found.value
    assert certified.certified == certified.value


@pytest.mark.parametrize("measure", ["certified_accuracy", "robust_accuracy"])
@pytest.mark.parametrize("threat", [{"norm": "l0", "eps": 2}, {"norm": "l1", "eps": 1.0}], ids=str)
def test_threats_without_certificates_are_refused(measure: str, threat: dict[str, Any]) -> None:
    """Two pixels, or L1, with proofs end with a sentence that names what has certificates."""
    settings = {"threat": threat, "proof_seconds": 1.0}
    if measure == "robust_accuracy":
        settings["attack"] = {"use": "APGD"}
    with pytest.raises(PolicyError, match="linf, l2, a patch or one pixel of l0"):
        bind(measure, settings)


@pytest.mark.parametrize("threat", [{"norm": "l0", "eps": 1}, {"norm": "patch", "eps": 8}], ids=str)
def test_attacks_contradict_wrong_certificates(
    context: Context, threat: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attack that breaks an image with a certificate ends in MeasureError, not in a number."""

    def generous(_model: nn.Module, x: torch.Tensor, _y: torch.Tensor, **_: object) -> Certificates:
        return Certificates(torch.ones(len(x)), torch.zeros(len(x), dtype=torch.long))

    monkeypatch.setattr(certificate_stage, "certify", generous)
    with pytest.raises(MeasureError, match="error of the certificates"):
        measured(context, "certified_accuracy", threat=threat)


def test_a_network_that_intervals_prove_is_estimated_to_be_quicker(mnist: DataSet) -> None:
    """The estimate of a patch row is larger than that of a ball, and falls where intervals prove much."""
    threats = [Patch(3), Linf(0.1)]
    named = [{"norm": threat.norm, "eps": threat.eps} for threat in threats]
    rows = [bind("certified_accuracy", {"threat": threat, "images": 10}) for threat in named]
    passes = {}
    for name in ("certified", "baseline"):
        pace = measure_pace(Context(loading.resolve(name), mnist), threats)
        passes[name] = [CERTIFIED_ACCURACY.estimate(row, pace) / pace.seconds for row in rows]
        # Every stage of a ladder of patches processes the survivors, since no proof precedes it.
        assert pace.shares(threats[0]).undecided == pace.shares(threats[0]).surviving
    (patches, balls), (without, _) = passes["certified"], passes["baseline"]
    assert without > 4 * patches > 16 * balls
