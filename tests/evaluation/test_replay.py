"""Replay: stored examples come first, are refereed as any other, and are tried on both or on neither."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import MeasureError
from securemnist.evaluation.certificate_stage import hold_against, prove
from securemnist.evaluation.context import Lab
from securemnist.evaluation.examples import Examples
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import Evaluation
from securemnist.evaluation.ladders import make_stages
from securemnist.evaluation.replay import Replay
from securemnist.measures import bind, take
from securemnist.measures.replayed import replayed
from securemnist.models import loading
from securemnist.referee import rule
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict
from securemnist.results.per_image import CERTIFIED, SURVIVED
from securemnist.threats import Linf
from tests.outcome_text import decoded

DIGITS = 120
SMALL, LARGE = Linf(0.1), Linf(0.2)


def searched(lab: Lab, threat: Linf, steps: int, *sets: Examples) -> Evaluation:
    """PGD on some digits, beginning with these examples where there are any."""
    attacks = make_stages({"use": "PGD", "steps": steps})
    replay = Replay(sets) if sets else None
    return evaluate(lab, lab.sample(DIGITS, 0), attacks, threat, 0, replay=replay)


def replayed_first(found: Evaluation) -> int:
    """How many digits fell to the replay, which is the first stage."""
    first = found.outcomes.waterfall[0]
    assert first.stage == "replay"
    return first.fell


@pytest.fixture(scope="module")
def kept(lab: Lab) -> Examples:
    """What ten steps of PGD break at eps 0.1, after a file."""
    examples = searched(lab, SMALL, 10).examples()
    assert len(examples) > 10
    return Examples.loads(examples.dumps(), name="a.npz", total=10_000)


def test_what_fell_falls_again(lab: Lab, kept: Examples) -> None:
    """Every example breaks its digit again, before any attack has run, and is kept again."""
    again = searched(lab, SMALL, 10, kept)
    first, second = again.outcomes.waterfall
    assert (first.stage, first.fell) == ("replay", len(kept))
    assert second.entered == first.entered - len(kept)
    assert set(kept.places) <= set(again.examples().places)


def test_a_witness_of_the_weaker_attack_counts(lab: Lab, kept: Examples) -> None:
    """A search that finds less alone is held to what was found before."""
    alone = searched(lab, SMALL, 2).outcomes.standing
    assert searched(lab, SMALL, 2, kept).outcomes.standing < alone


def test_examples_of_a_larger_ball_do_not_count(lab: Lab, kept: Examples) -> None:
    """What was made within another threat breaks nothing here; what fits in counts there."""
    large = searched(lab, LARGE, 10).examples()
    assert replayed_first(searched(lab, SMALL, 2, large)) == 0
    assert replayed_first(searched(lab, LARGE, 2, kept)) == len(kept)


@pytest.mark.parametrize("number", [np.nan, np.inf, -3.0, 2.0])
def test_images_that_are_none_break_nothing(lab: Lab, kept: Examples, number: float) -> None:
    """Stored numbers that are no pixels are proposed to nobody, and are no error of ours."""
    images = kept.images.copy()
    images[:, 0, 3, 4] = number
    assert replayed_first(searched(lab, SMALL, 2, Examples(kept.places, images))) == 0


def test_the_next_set_has_its_turn(lab: Lab, kept: Examples) -> None:
    """Where an example of one set does not break its digit, that of another set is tried."""
    clean = lab.sample(10_000, 0).x[torch.tensor(kept.places)].numpy()
    harmless = Examples(kept.places, clean)
    assert replayed_first(searched(lab, SMALL, 2, harmless, kept)) == len(kept)


def row(measure: str, digits: int = DIGITS) -> Requirement:
    """A row of a short search, or of one attack."""
    threat, attack = SMALL.to_json(), {"use": "PGD", "steps": 2}
    settings = {"attack": attack, "threat": threat, "digits": digits}
    return Requirement(id="R", measure=measure, because="of it", at_least=0.5, settings=settings)


def finding(lab: Lab, asked: Requirement) -> Finding:
    """What the row comes to."""
    seen = take(lab, asked.measure, bind(asked.measure, asked.settings), 0)
    return asked.judge(seen, claim="Digits stand.", family="adversarial")


def with_replay(lab: Lab, *sets: Examples) -> Lab:
    """The same lab, whose searches begin with these examples."""
    return Lab(lab.subject, lab.data, replay=Replay(sets))


def told(made: Finding) -> Measurement:
    """The measurement of a finding that has one."""
    assert made.measurement is not None
    return made.measurement


@pytest.fixture(scope="module")
def weak(lab: Lab) -> Finding:
    """The finding of a short search, as attack_accuracy, which asks fewer doubts."""
    made = finding(lab, row("attack_accuracy"))
    return dataclasses.replace(made, requirement=row("robust_accuracy"))


def test_only_searches_are_helped(lab: Lab, kept: Examples) -> None:
    """robust_accuracy begins with the replay; attack_accuracy speaks of its attack alone."""
    replaying = with_replay(lab, kept)
    stages = {
        measure: told(finding(replaying, row(measure, digits=20))).evidence.outcomes.stages
        for measure in ("robust_accuracy", "attack_accuracy")
    }
    assert stages == {"robust_accuracy": ["replay", "PGD-2"], "attack_accuracy": ["PGD-2"]}


def test_a_finding_is_judged_again(lab: Lab, weak: Finding, kept: Examples) -> None:
    """Value, table and matrix after the replay are those of a search that began with it."""
    after = replayed(lab, weak, Replay((kept,)))
    seen, held = told(after), searched(lab, SMALL, 2, kept).outcomes
    assert round(seen.value * seen.n) == held.standing < round(told(weak).value * seen.n)
    assert seen.low < seen.value < seen.high
    table, matrix = seen.evidence.outcomes, seen.evidence.confusion
    assert table.stages == ["PGD-2", "replay"]
    assert seen.evidence.waterfall[-1].fell == decoded(table.codes).count("1") > 0
    assert matrix == held.evidence().confusion
    assert (after.claim, after.family) == (weak.claim, weak.family)
    assert told(replayed(lab, weak, Replay(()))).value == told(weak).value


def test_a_proof_that_is_broken_is_an_error(lab: Lab, weak: Finding, kept: Examples) -> None:
    """Where a stored example breaks a digit that counts as certified, nothing passes any more."""
    seen = told(weak)
    table = seen.evidence.outcomes
    codes = np.where(table.codes == SURVIVED, CERTIFIED, table.codes)
    claimed = dataclasses.replace(seen.evidence, outcomes=dataclasses.replace(table, codes=codes))
    wrong = dataclasses.replace(seen, evidence=claimed)
    after = replayed(lab, dataclasses.replace(weak, measurement=wrong), Replay((kept,)))
    assert after.verdict is Verdict.ERROR
    assert "certified digits" in after.reason


@pytest.mark.parametrize(("name", "eps"), [("baseline", 0.06), ("certified", 0.3)])
def test_no_certificate_on_a_broken_digit(mnist: DataSet, name: str, eps: float) -> None:
    """No digit that a stored example breaks is ever certified, by intervals or by CROWN."""
    lab, threat = Lab(loading.resolve(name), mnist), Linf(eps)
    sample = lab.sample(300, 0)
    attack = make_stages({"use": "PGD", "steps": 20, "loss": "margin"})
    stored = evaluate(lab, sample, attack, threat, 0).examples()
    assert len(stored) >= 3
    chosen = mnist.test[torch.from_numpy(stored.places)]
    x, y = chosen.images(), chosen.labels
    images = torch.from_numpy(stored.images)
    assert bool(rule(lab.subject.model, x, y, images, norm="linf", eps=eps).fooled.all())
    found = prove(lab, x, y, threat, crown=True, seed=0)
    assert not bool(found.proved.any())


def test_certificates_are_held_against_what_is_stored(lab: Lab, kept: Examples) -> None:
    """A certificate that a stored example contradicts stops the measurement; true ones stand."""
    asked = bind("certified_accuracy", {"threat": {"norm": "linf", "eps": 0.01}, "digits": 32})
    assert take(with_replay(lab, kept), "certified_accuracy", asked, 0).value > 0
    sample = lab.sample(DIGITS, 0)
    everything = torch.ones(DIGITS, dtype=torch.bool)
    with pytest.raises(MeasureError, match="an error of the certificates"):
        hold_against(lab, Replay((kept,)), sample, everything, SMALL)
