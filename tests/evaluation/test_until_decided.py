"""A search may end when its verdict is certain: the verdict stays, and that it ended is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Lab
from securemnist.measures import bind, take
from securemnist.models import loading
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict
from tests.commands import run, shell

POLICY = """
[[requirement]]
id = "ADV"
measure = "robust_accuracy"
at_least = {at_least}
because = "a row"
digits = 200
threat = {{ norm = "linf", eps = 0.3 }}
attack = {{ use = "ladder", budget = "smoke" }}
"""


def measured(
    lab: Lab, *, eps: float, digits: int = 40, measure: str = "robust_accuracy", **more: Any
) -> Measurement:
    """Accuracy under the smallest ladder."""
    attack = {"use": "ladder", "budget": "smoke"}
    asked = {"attack": attack, "threat": {"norm": "linf", "eps": eps}, "digits": digits, **more}
    return take(lab, measure, bind(measure, asked), 0)


def judged(seen: Measurement, at_least: float) -> Finding:
    """The finding of a row that asks for a share."""
    row = Requirement(id="R", measure="robust_accuracy", because="", at_least=at_least)
    return row.judge(seen)


@pytest.fixture(scope="module", params=[0.005, 0.1, 0.3])
def eps(request: pytest.FixtureRequest) -> float:
    """Where most is proved, where attacks decide, and where all falls."""
    found: float = request.param
    return found


@pytest.fixture(scope="module")
def whole(lab: Lab, eps: float) -> Measurement:
    """The number when every stage has had its turn."""
    return measured(lab, eps=eps, measure="attack_accuracy")


@pytest.mark.parametrize("at_least", [0.05, 0.5, 0.8, 0.95])
def test_the_verdict_is_that_of_the_whole_search(
    lab: Lab, eps: float, whole: Measurement, at_least: float
) -> None:
    """At every threshold the row is judged as after all stages, whatever was spared."""
    seen = measured(lab, eps=eps, measure="attack_accuracy", until=at_least)
    assert judged(seen, at_least).verdict is judged(whole, at_least).verdict
    stages = [fall.stage for fall in seen.evidence.waterfall]
    everything = [fall.stage for fall in whole.evidence.waterfall]
    spared = seen.evidence.stopped.spared if seen.stopped else []
    assert stages + spared == everything
    assert seen.value >= whole.value
    if not seen.stopped:
        assert seen.value == whole.value


def test_a_hopeless_search_is_spared_its_costly_stages(lab: Lab) -> None:
    """What FGSM alone brings below the threshold fails at once, and the sentence says what is known."""
    seen = measured(lab, eps=0.3, until=0.9)
    assert seen.evidence.stopped.after == "FGSM"
    finding = judged(seen, 0.9)
    assert finding.verdict is Verdict.FAIL
    assert "ended when the verdict was certain: the truth lies in [0.0000 proved" in str(finding)


def test_a_proof_that_suffices_spares_every_attack(mnist: DataSet) -> None:
    """Where the intervals certify enough, nothing is attacked; no doubt touches a proof."""
    certified = Lab(loading.resolve("certified"), mnist)
    seen = measured(certified, eps=0.1, until=0.5)
    assert [fall.stage for fall in seen.evidence.waterfall] == ["intervals"]
    assert judged(seen, 0.5).label == "PASS (proved)"


def test_a_higher_threshold_than_that_of_the_end_is_not_passed(mnist: DataSet) -> None:
    """What stands because nothing attacked it carries no pass: a row cannot flatter itself by `until`."""
    certified = Lab(loading.resolve("certified"), mnist)
    seen = measured(certified, eps=0.3, until=0.5, digits=200)
    assert seen.stopped
    assert seen.certified_low is not None
    between = (seen.certified_low + seen.low) / 2
    assert judged(seen, between).verdict is Verdict.INCONCLUSIVE
    assert "ended early" in judged(seen, between).reason


@pytest.mark.parametrize("more", [{"randomised": True}, {"seconds": 1e-9, "digits": 300}], ids=str)
def test_nothing_is_certain_under_chance_or_a_clock(lab: Lab, more: dict[str, Any]) -> None:
    """Where later answers or digits could still change the number, the search goes on."""
    seen = measured(lab, eps=0.3, until=0.9, **more)
    assert not seen.stopped


@pytest.mark.parametrize("until", [-0.1, 1.1, float("nan"), "0.9"])
def test_a_share_is_a_share(until: object) -> None:
    """Anything but a number from 0 to 1 is refused."""
    asked = {"threat": {"norm": "linf", "eps": 0.1}, "until": until}
    with pytest.raises(PolicyError):
        bind("robust_accuracy", asked)


def test_the_command_ends_early_and_tells_it(tmp_path: Path) -> None:
    """`assess --until-decided` gives each row its threshold; the report and the replay command say so."""
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.format(at_least=0.9))
    out = tmp_path / "reports"
    words = ["--policy", str(policy), "--out", str(out), "--until-decided"]
    done = shell(tmp_path, "assess", "--model", "baseline", *words)
    assert done.returncode == 1, done.stderr
    (finding,) = Assessment.from_json(json.loads((out / "assessment.json").read_text())).findings
    assert finding.measurement is not None
    assert finding.measurement.stopped
    assert "--until-decided" in finding.replay
    assert "ended early" in (out / "index.html").read_text()


def test_what_ended_early_is_compared_with_nothing(tmp_path: Path) -> None:
    """Beside an older version the numbers must be whole: both options together are one sentence."""
    done = run("assess", "--until-decided", "--against", "baseline", "--out", str(tmp_path))
    assert done.exit_code == 2
    assert "leave it or --against out" in done.output
