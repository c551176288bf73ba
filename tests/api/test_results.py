"""Results of the library: measurements, attacks and certificates, and how they are shown."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import securemnist as sm
from securemnist import assessing, errors
from securemnist.certificates import certify
from securemnist.evaluation.context import Context
from securemnist.models.loading import from_model
from securemnist.referee import rule
from tests.api.rows import CLEAN
from tests.api.test_inputs import X, Y
from tests.small_network import small_network


def test_public_names() -> None:
    """Every public name is there and documented, and no other name is invented."""
    for name in sm.__all__:
        assert getattr(sm, name).__doc__, name
        assert name in dir(sm)
    with pytest.raises(AttributeError, match="no attribute 'evaluate'"):
        sm.evaluate  # noqa: B018


def test_a_measurement_is_that_of_the_core(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """`measure` gives the number, the digests and the JSON that the core gives, for arrays as well."""
    net, (x, y) = small_network(), images
    found = sm.measure("clean_accuracy", net, (x.numpy(), y.numpy()), images=60, seed=3)
    context = Context(from_model(small_network(), name="it"), sm.DataSet.from_tensors(x, y))
    same = assessing.measure(context, "clean_accuracy", {"images": 60}, seed=3)
    assert (found.value, found.low, found.high, found.n) == (same.value, same.low, same.high, 60)
    assert found.subject["digest"] == context.subject.digest
    assert found.data == context.data.to_json()
    assert json.loads(json.dumps(found.to_json()))["value"] == same.value
    recorded = dataclasses.replace(same, seconds=found.seconds).to_json()
    assert found.result.to_json() == recorded
    assert found.to_json().items() >= recorded.items()
    assert net.training is False


def test_a_data_set_is_short(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """A data set and its splits are shown as one line with numbers of images."""
    data = sm.DataSet.from_tensors(*images, name="mine", training=(X, Y))
    n = len(images[1])
    assert repr(data.test) == f"<Samples: {n:,} images>"
    assert repr(data).startswith("<DataSet: mine, ")
    assert repr(data).endswith(f" {n:,} test images>")


def test_an_attack_is_refereed_and_repeats(
    baseline: Any, images: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """Success is what the referee says of the images, which are those of the ladder's own call."""
    x, y = images
    attack, threat = sm.PGD(steps=2), sm.Linf(0.2)
    found = attack(baseline.model, x, y.numpy(), threat=threat, seed=5)
    ruling = rule(baseline.model, x, y, found.images, norm="linf", eps=0.2)
    assert torch.equal(found.success, ruling.fooled)
    assert torch.equal(found.predictions, ruling.predictions)
    assert 0 < int(found.success.sum()) < len(x)
    assert torch.equal(attack("baseline", x, y, threat=threat, seed=5).images, found.images)
    assert not torch.equal(attack("baseline", x, y, threat=threat, seed=6).images, found.images)
    parts = assessing_seed(5, attack, threat)
    assert torch.equal(attack.propose(baseline.model, x, y, threat=threat, rng=parts), found.images)


def assessing_seed(seed: int, attack: Any, threat: Any) -> torch.Generator:
    """The generator of an attack's first stage in a ladder."""
    from securemnist._util.hashing import seed_from

    return torch.Generator().manual_seed(seed_from(seed, attack.to_json(), threat.to_json()))


def test_certificates_are_those_of_the_package(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    """`certify` gives the certificates of the package, and refuses a label that is no class."""
    x, y = images[0][:8], images[1][:8]
    net = small_network()
    found, same = sm.certify(net, x.numpy(), y, eps=0.01), certify(small_network(), x, y, eps=0.01)
    assert torch.equal(found.margins, same.margins)
    for labels, said in ((y + 10, "labels from 0 to 9"), (y.float(), "integer labels")):
        with pytest.raises(errors.DataError, match=said):
            sm.certify(net, x, labels, eps=0.01)
    with pytest.raises(
        errors.UsageError, match=r"eps as a number of 0 or more, got Linf\(eps=0.1\)"
    ):
        sm.certify(net, x, y, eps=sm.Linf(0.1))  # type: ignore[arg-type]
    with pytest.raises(errors.MeasureError, match=r"an eps of 0 or more, got -0\.1"):
        sm.certify(net, x, y, eps=-0.1)
    with pytest.raises(errors.MeasureError, match="images from 0 to 1"):
        sm.certify(net, x + 1, y, eps=0.1)


def test_results_are_short_and_escaped(
    images: tuple[torch.Tensor, torch.Tensor], policy: Path
) -> None:
    """Each result says itself in under 200 characters, and in HTML that no name can leave."""
    kind = type("<script>alert(1)</script>", (nn.Sequential,), {})
    net = kind(*small_network())
    policy.write_text(CLEAN)
    assessments = [sm.assess(model, images, policy=policy) for model in (net, small_network(1))]
    for result in (
        sm.measure("clean_accuracy", net, images),
        sm.measure("attack_accuracy", net, images, attack="FGSM", threat=sm.Linf(0.1)),
        assessments[0],
        sm.compare(*assessments),
        sm.certify(net, images[0][:2], images[1][:2], eps=0.01),
        sm.FGSM()(net, *images, threat=sm.Linf(0.1)),
    ):
        assert len(repr(result)) < 200
        assert "\n" not in repr(result)
        shown = result._repr_html_()
        assert "<div" in shown
        assert "<script" not in shown
    assert "data:image/png" in shown


def test_nothing_is_printed_of_a_short_measurement(
    images: tuple[torch.Tensor, torch.Tensor], capfd: pytest.CaptureFixture[str]
) -> None:
    """A measurement under two seconds shows no progress, and a function gets it instead."""
    stages: list[str] = []

    def note(what: str, _done: int, _total: int) -> None:
        stages.append(what)

    row = {"attack": "FGSM", "threat": "linf:0.1"}
    sm.measure("attack_accuracy", small_network(), images, images=20, **row)  # type: ignore[arg-type]
    assert capfd.readouterr() == ("", "")
    sm.measure("attack_accuracy", small_network(), images, images=20, progress=note, **row)  # type: ignore[arg-type]
    assert "FGSM" in stages
