"""Replay: stored examples run first, pass the referee, and serve both versions."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import MeasureError
from securemnist.evaluation.certificate_stage import certify_and_attack, check_against_replay
from securemnist.evaluation.context import Context
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.ladders import make_ladder
from securemnist.evaluation.replay import Replay
from securemnist.measures import bind, take_measurement
from securemnist.measures.cross_replay import rejudge_with_replay
from securemnist.models import loading
from securemnist.referee import rule
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict
from securemnist.results.per_image import CERTIFIED, SURVIVED
from securemnist.threats import Linf
from tests.outcome_text import decoded

IMAGES = 80
SMALL, LARGE = Linf(0.1), Linf(0.2)


def searched(context: Context, threat: Linf, steps: int, *sets: Examples) -> LadderRun:
    """PGD on some images, starting with these examples if there are any."""
    attacks = make_ladder({"use": "PGD", "steps": steps}).attacks
    replay = Replay(sets) if sets else None
    return evaluate(context, context.sample(IMAGES, 0), attacks, threat, 0, replay=replay)


def replayed_first(found: LadderRun) -> int:
    """Number of images that the replay broke, which is the first stage."""
    first = found.outcomes.waterfall[0]
    assert first.stage == "replay"
    return first.fell


@pytest.fixture(scope="module")
def stored(context: Context) -> Examples:
    """Examples of PGD-10 at eps 0.1, read from a file."""
    examples = searched(context, SMALL, 10).examples()
    assert len(examples) > 10
    return Examples.loads(examples.dumps(), name="a.npz", total=10_000, shape=(1, 28, 28))


def test_replay_breaks_every_image_again(context: Context, stored: Examples) -> None:
    """Every example breaks its image again, before any attack, and is stored again."""
    again = searched(context, SMALL, 10, stored)
    first, second = again.outcomes.waterfall
    assert (first.stage, first.fell) == ("replay", len(stored))
    assert second.entered == first.entered - len(stored)
    assert set(stored.places) <= set(again.examples().places)


def test_replay_keeps_examples_of_other_attack(context: Context, stored: Examples) -> None:
    """A weaker search counts the examples found before."""
    alone = searched(context, SMALL, 2).outcomes.unbroken
    assert searched(context, SMALL, 2, stored).outcomes.unbroken < alone


def test_replay_respects_threat(context: Context, stored: Examples) -> None:
    """Examples outside the threat break nothing; those within it count."""
    large = searched(context, LARGE, 10).examples()
    assert replayed_first(searched(context, SMALL, 2, large)) == 0
    assert replayed_first(searched(context, LARGE, 2, stored)) == len(stored)


@pytest.mark.parametrize("number", [np.nan, np.inf, -3.0, 2.0])
def test_replay_ignores_invalid_pixels(context: Context, stored: Examples, number: float) -> None:
    """Stored values that are not pixels are not proposed, and are not an error of the attack."""
    images = stored.images.copy()
    images[:, 0, 3, 4] = number
    assert replayed_first(searched(context, SMALL, 2, Examples(stored.places, images))) == 0


def test_replay_tries_every_set(context: Context, stored: Examples) -> None:
    """Where an example of one set fails, the example of another set is tried."""
    clean = context.sample(10_000, 0).x[torch.tensor(stored.places)].numpy()
    harmless = Examples(stored.places, clean)
    assert replayed_first(searched(context, SMALL, 2, harmless, stored)) == len(stored)


def row(measure: str, threat: Linf = SMALL, images: int = IMAGES) -> Requirement:
    """A row of a short search, or of one attack."""
    attack = {"use": "PGD", "steps": 2}
    settings = {"attack": attack, "threat": threat.to_json(), "images": images}
    return Requirement(id="R", measure=measure, because="of it", at_least=0.5, settings=settings)


def finding(context: Context, asked: Requirement) -> Finding:
    """The finding of the row."""
    measurement = take_measurement(context, asked.measure, bind(asked.measure, asked.settings), 0)
    return asked.judge(measurement, claim="Images stand.", family="adversarial")


def with_replay(context: Context, *sets: Examples) -> Context:
    """The same context, whose searches start with these examples."""
    return Context(context.subject, context.data, replay=Replay(sets))


def measurement_of(found: Finding) -> Measurement:
    """The measurement of a finding."""
    assert found.measurement is not None
    return found.measurement


@pytest.fixture(scope="module")
def weak(context: Context) -> Finding:
    """The finding of a short search as attack_accuracy, which has fewer doubts."""
    found = finding(context, row("attack_accuracy"))
    return dataclasses.replace(found, requirement=row("robust_accuracy"))


def test_replay_affects_robust_accuracy_only(context: Context, stored: Examples) -> None:
    """robust_accuracy starts with the replay; attack_accuracy does not."""
    replaying, large = with_replay(context, stored), Linf(0.4)  # no survivors, so no doubts
    stages = {
        measure: measurement_of(finding(replaying, row(measure, large, 8))).evidence.outcomes.stages
        for measure in ("robust_accuracy", "attack_accuracy")
    }
    assert stages == {"robust_accuracy": ["replay", "PGD-2"], "attack_accuracy": ["PGD-2"]}


def test_rejudged_finding_equals_search_with_replay(
    context: Context, weak: Finding, stored: Examples
) -> None:
    """Value, outcomes and matrix after the replay equal those of a search that started with it."""
    after = rejudge_with_replay(context, weak, Replay((stored,)))
    measurement, held = measurement_of(after), searched(context, SMALL, 2, stored).outcomes
    assert (
        round(measurement.value * measurement.n)
        == held.unbroken
        < round(measurement_of(weak).value * measurement.n)
    )
    assert measurement.low < measurement.value < measurement.high
    table, matrix = measurement.evidence.outcomes, measurement.evidence.confusion
    assert table.stages == ["PGD-2", "replay"]
    assert measurement.evidence.waterfall[-1].fell == decoded(table.codes).count("1") > 0
    assert np.array_equal(matrix, held.evidence().confusion)
    assert (after.claim, after.family) == (weak.claim, weak.family)
    assert (
        measurement_of(rejudge_with_replay(context, weak, Replay(()))).value
        == measurement_of(weak).value
    )


def test_broken_certificate_is_error(context: Context, weak: Finding, stored: Examples) -> None:
    """A stored example that breaks a certified image makes the row an ERROR."""
    measurement = measurement_of(weak)
    table = measurement.evidence.outcomes
    codes = np.where(table.codes == SURVIVED, CERTIFIED, table.codes)
    claimed = dataclasses.replace(
        measurement.evidence, outcomes=dataclasses.replace(table, codes=codes)
    )
    wrong = dataclasses.replace(measurement, evidence=claimed)
    after = rejudge_with_replay(
        context, dataclasses.replace(weak, measurement=wrong), Replay((stored,))
    )
    assert after.verdict is Verdict.ERROR
    assert "certified images" in after.reason


@pytest.mark.parametrize(("name", "eps"), [("baseline", 0.06), ("certified", 0.3)])
def test_broken_images_are_never_certified(mnist: DataSet, name: str, eps: float) -> None:
    """No image that a stored example breaks is certified, by intervals or by CROWN."""
    context, threat = Context(loading.resolve(name), mnist), Linf(eps)
    sample = context.sample(100, 0)
    attack = make_ladder({"use": "PGD", "steps": 20, "loss": "margin"}).attacks
    stored = evaluate(context, sample, attack, threat, 0).examples()
    assert len(stored) >= 3
    chosen = mnist.test[torch.from_numpy(stored.places)]
    x, y = chosen.images(), chosen.labels
    images = torch.from_numpy(stored.images)
    assert bool(rule(context.subject.model, x, y, images, norm="linf", eps=eps).fooled.all())
    found = certify_and_attack(context, x, y, threat, crown=True, seed=0)
    assert not bool(found.proved.any())


def test_certified_accuracy_checks_replay(context: Context, stored: Examples) -> None:
    """A certificate that a stored example contradicts stops the measurement."""
    asked = bind("certified_accuracy", {"threat": {"norm": "linf", "eps": 0.01}, "images": 32})
    assert take_measurement(with_replay(context, stored), "certified_accuracy", asked, 0).value > 0
    sample = context.sample(IMAGES, 0)
    everything = torch.ones(IMAGES, dtype=torch.bool)
    with pytest.raises(MeasureError, match="an error of the certificates"):
        check_against_replay(context, Replay((stored,)), sample, everything, SMALL)
