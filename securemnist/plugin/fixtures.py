"""The fixtures of a suite: `model` (yours to override), `requirement`, `judge`, `record`."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from securemnist.errors import Inconclusive, NotApplicable, SecureMnistError
from securemnist.findings import Finding, Requirement, Verdict
from securemnist.text import terminal

if TYPE_CHECKING:
    from securemnist.evaluation.lab import Lab

log = logging.getLogger("securemnist")


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> Any:
    """The model under assessment: what --security-model names. Override it in your conftest.

    May return an nn.Module: float32 (n, 1, 28, 28) in [0, 1] -> logits (n, 10).
    """
    from securemnist.plugin import RUN
    from securemnist.subjects import resolve

    device = request.config.getoption("--security-device")
    return resolve(request.config.stash[RUN].model_spec, device=device)


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, model: Any) -> Lab:
    """The subject and the data that every measure of this run is taken on."""
    from securemnist import data, settings, subjects
    from securemnist.evaluation import shelf
    from securemnist.evaluation.lab import Lab
    from securemnist.plugin.progress import active

    config = request.config
    folder = config.getoption("--security-data") or settings.load(config.rootpath).data
    if isinstance(model, subjects.Subject):
        subject = model
    else:
        device = config.getoption("--security-device")
        # A fixture has no name that would tell one project's model from another's; the project has.
        name = config.rootpath.name or type(model).__name__
        subject = subjects.from_model(model, name=name, device=device)
    digits = data.load(Path(folder) if folder else None)
    stored = [Path(name) for name in config.getoption("--security-replay")]
    replay = shelf.load(stored, digits) if stored else None
    return Lab(subject, digits, active(), replay)


@pytest.fixture
def forward(lab: Lab) -> Callable[[Requirement], Callable[[], Any]]:
    """The answer that a latency row times, as a call for pytest-benchmark."""
    import torch

    def call_of(requirement: Requirement) -> Callable[[], Any]:
        x = lab.data.test[: requirement.settings.get("batch", 1)].images().to(lab.subject.device)
        return torch.no_grad()(lambda: lab.subject.model(x))

    return call_of


@pytest.fixture
def judge(request: pytest.FixtureRequest, lab: Lab) -> Callable[[Requirement], Finding]:
    """Measure a requirement and judge it; whatever goes wrong becomes a finding, too."""
    from securemnist.evaluation import shelf
    from securemnist.measures import bind, take
    from securemnist.plugin.collection import claim_of, family_of
    from securemnist.plugin.reporting import FILES, folder_of

    folder = folder_of(request.config)
    hurried = request.config.getoption("--security-until-decided")
    words = {"claim": claim_of(request.node), "family": family_of(request.node)}

    def measure_and_judge(requirement: Requirement) -> Finding:
        try:
            settings = bind(requirement.measure, requirement.settings, tier=requirement.tier)
            if hurried and "until" in type(settings).model_fields:
                settings = settings.model_copy(update={"until": requirement.at_least})
            seen = take(lab, requirement.measure, settings, requirement.seed)
            if folder:
                seen, files = shelf.pack(seen, lab, requirement.id)
                request.node.stash[FILES] = files
            return requirement.judge(seen, **words)
        except NotApplicable as error:
            return requirement.unmeasured(Verdict.NOT_RUN, str(error), **words)
        except Inconclusive as error:
            return requirement.unmeasured(Verdict.INCONCLUSIVE, str(error), **words)
        except SecureMnistError as error:
            return requirement.unmeasured(Verdict.ERROR, str(error), **words)
        except Exception as error:
            log.error("measuring %s raised\n%s", requirement.id, terminal(traceback.format_exc()))
            reason = f"the measurement raised {type(error).__name__}: {error}"
            return requirement.unmeasured(Verdict.ERROR, reason, **words)

    return measure_and_judge


@pytest.fixture
def record(request: pytest.FixtureRequest, lab: Lab) -> Callable[[Finding], Finding]:
    """Hand a finding to the report; skips the test on NOT_RUN and xfails it where a waiver holds."""
    import datetime

    import torch

    from securemnist.plugin.collection import MESSAGE
    from securemnist.plugin.reporting import FILES

    today = datetime.datetime.now(datetime.UTC).date().isoformat()

    def hand_over(finding: Finding) -> Finding:
        request.node.stash[MESSAGE] = {
            "finding": finding.to_json(),
            "subject": lab.subject.to_json()
            | {"data": {"name": lab.data.name, "digests": lab.data.digests}},
            "processor": torch.backends.cpu.get_cpu_capability(),
            "files": request.node.stash.get(FILES, {}),
        }
        request.node.user_properties.append(("finding", str(finding)))
        waiver = finding.requirement.waiver
        if finding.waived(today) and waiver is not None:
            pytest.xfail(f"waived until {waiver.expires} ({waiver.reason}): {finding}")
        if finding.verdict is Verdict.NOT_RUN:
            pytest.skip(finding.reason)
        return finding

    return hand_over
