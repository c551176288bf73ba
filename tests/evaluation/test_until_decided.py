"""`until`: a search that ends when its verdict is certain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, robustness, take_measurement
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
images = 200
threat = {{ norm = "linf", eps = 0.3 }}
attack = {{ use = "ladder", budget = "smoke" }}
"""


def measured(
    context: Context, *, eps: float, images: int = 16, measure: str = "robust_accuracy", **more: Any
) -> Measurement:
    """Accuracy under the smallest ladder."""
    attack = {"use": "ladder", "budget": "smoke"}
    asked = {"attack": attack, "threat": {"norm": "linf", "eps": eps}, "images": images, **more}
    return take_measurement(context, measure, bind(measure, asked), 0)


def judged(measurement: Measurement, at_least: float) -> Finding:
    """The finding of a row with a threshold."""
    row = Requirement(id="R", measure="robust_accuracy", because="", at_least=at_least)
    return row.judge(measurement)


@pytest.fixture(scope="module", params=[0.005, 0.1, 0.3])
def eps(request: pytest.FixtureRequest) -> float:
    """Values of eps: mostly certified, decided by attacks, and all broken."""
    found: float = request.param
    return found


@pytest.fixture(scope="module")
def whole(context: Context, eps: float) -> Measurement:
    """The number after all stages."""
    return measured(context, eps=eps, measure="attack_accuracy")


@pytest.mark.parametrize("at_least", [0.05, 0.8])
def test_until_keeps_verdict(
    context: Context, eps: float, whole: Measurement, at_least: float
) -> None:
    """The verdict at every threshold equals that of the whole search."""
    measurement = measured(context, eps=eps, measure="attack_accuracy", until=at_least)
    assert judged(measurement, at_least).verdict is judged(whole, at_least).verdict
    stages = [fall.stage for fall in measurement.evidence.waterfall]
    everything = [fall.stage for fall in whole.evidence.waterfall]
    skipped_stages = measurement.evidence.stopped.spared if measurement.stopped else []
    assert stages + skipped_stages == everything
    assert measurement.value >= whole.value
    if not measurement.stopped:
        assert measurement.value == whole.value


def test_until_skips_searches_after_certain_failure(context: Context) -> None:
    """A number below the threshold after FGSM fails at once, with what is known in the sentence."""
    measurement = measured(context, eps=0.3, until=0.9)
    assert measurement.evidence.stopped.after == "FGSM"
    finding = judged(measurement, 0.9)
    assert finding.verdict is Verdict.FAIL
    assert "ended when the verdict was certain: the truth lies in [0.0000 proved" in str(finding)


def test_until_skips_attacks_after_certified_pass(mnist: DataSet) -> None:
    """Enough interval certificates skip every attack, and no doubt applies."""
    certified = Context(loading.resolve("certified"), mnist)
    measurement = measured(certified, eps=0.1, until=0.5)
    assert [fall.stage for fall in measurement.evidence.waterfall] == ["intervals"]
    assert judged(measurement, 0.5).label == "PASS (proved)"


def test_until_below_threshold_does_not_pass(mnist: DataSet) -> None:
    """Images that no stage attacked do not pass a row whose `until` is below its threshold."""
    certified = Context(loading.resolve("certified"), mnist)
    measurement = measured(certified, eps=0.3, until=0.5, images=40)
    assert measurement.stopped
    assert measurement.certified_low is not None
    between = (measurement.certified_low + measurement.low) / 2
    assert judged(measurement, between).verdict is Verdict.INCONCLUSIVE
    assert "ended early" in judged(measurement, between).reason


@pytest.mark.parametrize(
    "more", [{"randomised": True, "images": 4}, {"seconds": 1e-9, "images": 300}], ids=str
)
def test_until_has_no_effect_with_randomised_or_seconds(
    context: Context, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search runs on where later outputs or images could change the number."""
    # Doubts come after the search and take most of the time.
    monkeypatch.setattr(robustness, "model_doubts", lambda *_, **__: ())
    monkeypatch.setattr(robustness, "search_doubts", lambda *_, **__: ((), None))
    measurement = measured(context, eps=0.3, until=0.9, **more)
    assert not measurement.stopped


@pytest.mark.parametrize("until", [-0.1, 1.1, float("nan"), "0.9"])
def test_until_is_a_share(until: object) -> None:
    """Anything but a number from 0 to 1 is refused."""
    asked = {"threat": {"norm": "linf", "eps": 0.1}, "until": until}
    with pytest.raises(PolicyError):
        bind("robust_accuracy", asked)


def test_until_decided_option(tmp_path: Path, small_mnist: Path) -> None:
    """`assess --until-decided` uses each row's threshold; report and replay command say so."""
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY.format(at_least=0.9))
    out = tmp_path / "reports"
    words = ["--policy", str(policy), "--out", str(out), "--until-decided"]
    words += ["--data", str(small_mnist)]
    done = shell(tmp_path, "assess", "--model", "baseline", *words)
    assert done.returncode == 1, done.stderr
    (finding,) = Assessment.from_json(json.loads((out / "assessment.json").read_text())).findings
    assert finding.measurement is not None
    assert finding.measurement.stopped
    assert "--until-decided" in finding.replay
    assert "ended early" in (out / "index.html").read_text()


def test_until_decided_excludes_against(tmp_path: Path) -> None:
    """--until-decided together with --against is one sentence."""
    done = run("assess", "--until-decided", "--against", "baseline", "--out", str(tmp_path))
    assert done.exit_code == 2
    assert "leave out --until-decided or --against" in done.output
