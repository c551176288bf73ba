"""The fixtures of a suite: `model` (override it), `requirement`, and security_*."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from securemnist.plugin.endpoint_lines import announce
from securemnist.plugin.state import STATE, data_of, plain_warnings
from securemnist.results.verdicts import Verdict

if TYPE_CHECKING:
    from securemnist.evaluation.context import Context
    from securemnist.models.loading import Subject
    from securemnist.results.findings import Finding, Requirement


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> Any:
    """The model under assessment, by --security-model. Override this fixture in your conftest.

    May return an nn.Module: float32 (n, C, H, W) in [0, 1] -> logits (n, K), by the form of the data.
    """
    from securemnist.models.loading import resolve

    run = request.config.stash[STATE].run
    spec = run.model_spec if run is not None else None
    if spec is None:
        pytest.fail("expected `model` in a security suite, got another test", pytrace=False)
    with plain_warnings():
        device = request.config.getoption("--security-device")
        data = data_of(request.config)
        return resolve(spec, device=device, input_spec=data.spec, samples=data.test)


@pytest.fixture(scope="session")
def security_defence() -> Any:
    """The defence before the model of all rows; None for none. Override this fixture in your conftest.

    May return a Defence, a table as in a policy, or words like "jpeg:quality=50". --security-defence
    comes before it.
    """
    return None


@pytest.fixture(scope="session")
def security_lab(
    request: pytest.FixtureRequest, model: Any, security_defence: Any
) -> Iterator[Context]:
    """Model and data of all measurements of this run.

    The state of the user's model is restored at the end.
    """
    from torch import nn

    from securemnist.evaluation import example_store, own_doubts
    from securemnist.evaluation.context import Context
    from securemnist.models.borrowing import begin_run
    from securemnist.project.folders import project_folder
    from securemnist.runtime.model_state import restored
    from securemnist.types import silent

    config = request.config
    with contextlib.ExitStack() as stack:
        if isinstance(model, nn.Module):
            stack.enter_context(restored(model))  # other tests may use the same model
        with plain_warnings():
            subject = _with_defence(config, _subject(config, model), security_defence)
            begin_run(subject.model)
            images = data_of(config)
            stored = [Path(name) for name in config.getoption("--security-replay")]
            replay = example_store.load(stored, images) if stored else None
            doubts = own_doubts.of_project(config.rootpath)
            state = config.stash[STATE]
            file, policy = (state.run.file, state.run.policy) if state.run else (None, None)
            context = Context(
                subject,
                images,
                replay,
                progress=state.progress or silent,
                project=project_folder(config.rootpath, file),
                doubts=doubts,
                policy=policy,
            )
            announce(state, context)
        yield context


def _with_defence(config: pytest.Config, subject: Subject, own: Any) -> Subject:
    """The subject behind the defence of --security-defence, or of the fixture, if there is one."""
    chosen = config.getoption("--security-defence")
    chosen = own if chosen is None else chosen
    if chosen is None:
        return subject
    from securemnist.api.inputs import as_defence
    from securemnist.defences.subject import defended

    return defended(subject, as_defence(chosen))


def _subject(config: pytest.Config, model: Any) -> Subject:
    """The model of --security-model, or of the `model` fixture."""
    from torch import nn

    from securemnist.errors import ModelError
    from securemnist.models import loading

    if isinstance(model, loading.Subject):
        return model
    device, data = config.getoption("--security-device"), data_of(config)
    if spec := config.getoption("--security-model"):
        return loading.resolve(spec, device=device, input_spec=data.spec, samples=data.test)
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"expected the `model` fixture to return an nn.Module, got {type(model).__name__}; the "
            "suites measure the model of this fixture: return the network, or rename your fixture"
        )
    # Models of fixtures are named after their project.
    name = config.rootpath.name or type(model).__name__
    return loading.from_model(model, name=name, device=device, input_spec=data.spec)


@pytest.fixture
def security_forward(security_lab: Context) -> Callable[[Requirement], Callable[[], Any]]:
    """The forward pass that a latency row times, as a callable for pytest-benchmark."""
    import torch

    def call_of(requirement: Requirement) -> Callable[[], Any]:
        batch = security_lab.data.test[: requirement.settings.get("batch", 1)]
        x = batch.images().to(security_lab.subject.device)
        return torch.no_grad()(lambda: security_lab.subject.model(x))

    return call_of


@pytest.fixture
def security_judge(
    request: pytest.FixtureRequest, security_lab: Context
) -> Callable[[Requirement], Finding]:
    """Measure and judge a requirement; errors become findings."""
    from securemnist import assessing
    from securemnist.plugin.messages import claim_of, family_of
    from securemnist.plugin.reporting import FILES, folder_of

    config, node = request.config, request.node
    reported = folder_of(config) is not None
    until_decided = config.getoption("--security-until-decided")

    def measure_and_judge(requirement: Requirement) -> Finding:
        files: dict[str, bytes] = {}
        with plain_warnings():
            finding = assessing.judge(
                security_lab,
                requirement,
                claim=claim_of(node),
                family=family_of(node),
                until_decided=until_decided,
                files=files if reported else None,
            )
        node.stash[FILES] = files
        return finding

    return measure_and_judge


@pytest.fixture
def security_record(
    request: pytest.FixtureRequest, security_lab: Context
) -> Callable[[Finding], Finding]:
    """Pass a finding to the report, and set the outcome of the test.

    Returns for PASS only. FAIL, INCONCLUSIVE and ERROR fail the test, NOT_RUN skips it, a valid waiver
    makes it xfail. No `assert` is used, so `python -O` changes nothing.
    """
    import torch

    from securemnist.plugin import junit
    from securemnist.plugin.messages import RECORDED
    from securemnist.plugin.reporting import FILES
    from securemnist.results.verdicts import utc_day

    state = request.config.stash[STATE]

    def hand_over(finding: Finding) -> Finding:
        unannounced, state.unannounced = state.unannounced, []
        message = {
            "finding": finding.to_json(),
            "subject": security_lab.subject.to_json() | {"data": security_lab.data_record},
            "processor": torch.backends.cpu.get_cpu_capability(),
            "files": request.node.stash.get(FILES, {}),
            "endpoint": unannounced,
        }
        request.node.stash.setdefault(RECORDED, []).append(message)
        request.node.user_properties.extend(junit.properties(finding))
        if finding.passed:
            return finding
        if finding.waived(utc_day()):
            raise pytest.xfail.Exception(str(finding))
        if finding.verdict is Verdict.NOT_RUN:
            pytest.skip(finding.reason)
        pytest.fail(str(finding), pytrace=False)

    return hand_over


@pytest.fixture
def judge(security_judge: Callable[[Requirement], Finding]) -> Callable[[Requirement], Finding]:
    """The former name of `security_judge`."""
    return security_judge


@pytest.fixture
def record(security_record: Callable[[Finding], Finding]) -> Callable[[Finding], Finding]:
    """The former name of `security_record`."""
    return security_record
