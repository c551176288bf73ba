"""A model that answers at random on purpose, and says so."""

from __future__ import annotations

import pytest
import torch

from securemnist.data import DataSet
from securemnist.evaluation.context import Lab
from securemnist.evaluation.eot import COUNTED, Expected
from securemnist.measures import bind, take
from securemnist.models import loading
from securemnist.results.findings import Measurement, Requirement, Verdict
from tests.evaluation.doubts import networks
from tests.evaluation.doubts.impostors import Noisy

DIGITS = 16


def measured(mnist: DataSet, *, randomised: bool) -> Measurement:
    """A noisy network under PGD at eps .1."""
    torch.manual_seed(0)
    lab = Lab(loading.from_model(Noisy(networks.plain(mnist, 0)).eval(), name="noisy"), mnist)
    row = {
        "attack": {"use": "PGD", "steps": 3},
        "threat": {"norm": "linf", "eps": 0.1},
        "digits": DIGITS,
        "randomised": randomised,
    }
    return take(lab, "robust_accuracy", bind("robust_accuracy", row), 0)


def test_declared_randomness_gets_an_interval(mnist: DataSet) -> None:
    """Noise that is declared is no doubt; the interval decides, and answers are counted one by one."""
    declared = measured(mnist, randomised=True)
    names = {doubt.name for doubt in declared.doubts}
    assert not names & {"variation", "batch dependence"}
    assert declared.evidence.answers_a_digit == COUNTED
    assert not declared.complete
    assert declared.low < declared.value < declared.high
    between = Requirement(id="X-01", measure="robust_accuracy", because="", at_least=declared.value)
    assert between.judge(declared).verdict is Verdict.INCONCLUSIVE


def test_undeclared_randomness_is_a_doubt(mnist: DataSet) -> None:
    """The same noise without the declaration is the doubt of variation."""
    assert "variation" in {doubt.name for doubt in measured(mnist, randomised=False).doubts}


def test_the_mean_answer_varies_less(mnist: DataSet) -> None:
    """The mean of many answers moves less from one time to the next than a single answer."""
    torch.manual_seed(0)
    noisy = Noisy(loading.resolve("baseline").model)
    x = mnist.test[:32].images()
    with torch.no_grad():
        moved = [float((model(x) - model(x)).abs().mean()) for model in (noisy, Expected(noisy))]
    assert moved[1] < moved[0] / 2


@pytest.mark.parametrize("value", [1, "yes", None])
def test_the_declaration_is_true_or_false(value: object) -> None:
    """Anything but true or false is refused."""
    row = {"threat": {"norm": "linf", "eps": 0.1}, "randomised": value}
    with pytest.raises(Exception, match="randomised"):
        bind("robust_accuracy", row)
