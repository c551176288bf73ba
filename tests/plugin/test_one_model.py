"""One assessment describes one model, and of several findings for a row the worst counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist.plugin.session import Run
from securemnist.results.findings import Finding, Verdict, Waiver
from securemnist.results.policy import Policy
from securemnist.results.scope import Scope
from tests.plugin.rows import CLEAN, read, verdicts
from tests.requirement_builders import measurement_of, row

MODELS = """
    import pytest
    from securemnist.models import loading

    def net(number):
        return loading.resolve(("baseline", "certified")[number - 1]).model
"""
# A suite of the user's whose first finding is FAIL and whose second is PASS, or the other way round.
TWICE = """
    import pytest
    from securemnist.results.findings import Measurement

    VALUES = iter({values})

    @pytest.mark.measure("clean_accuracy")
    def test_it(requirement, security_record):
        value = next(VALUES)
        bounds = dict(low=value, high=value, n=20, complete=True, seconds=0.0, seed=0)
        security_record(requirement.judge(Measurement(value=value, **bounds)))
"""
AGAIN = """
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        runtestprotocol(item, nextitem=nextitem, log={log})
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
        return True
"""


@pytest.mark.parametrize("order", ["1, 2", "2, 1"])
@pytest.mark.parametrize("inner", [False, True])
def test_model_fixture_with_parameters_is_refused(
    project: Any, pytester: pytest.Pytester, order: str, inner: bool
) -> None:
    """Two parameters of `model`, or of a fixture it uses, end the run before it measures."""
    name = "weights" if inner else "model"
    text = f"{MODELS}\n    @pytest.fixture(scope='session', params=[{order}])\n"
    text += f"    def {name}(request):\n        return net(request.param)\n"
    if inner:
        text += "\n    @pytest.fixture(scope='session')\n    def model(weights):\n"
        text += "        return weights\n"
    pytester.makeconftest(text)
    result = project(CLEAN, model=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*expected one model in one assessment, got a `model` fixture with*"]
    )


def test_model_fixture_with_one_parameter_is_measured(
    project: Any, pytester: pytest.Pytester
) -> None:
    """A fixture with a single parameter returns a single model, and is measured."""
    text = f"{MODELS}\n    @pytest.fixture(scope='session', params=[1])\n"
    pytester.makeconftest(f"{text}    def model(request):\n        return net(1)\n")
    assert project(CLEAN, model=False).ret == 0


def test_model_fixture_of_function_scope_is_refused(
    project: Any, pytester: pytest.Pytester
) -> None:
    """A `model` fixture that is called per test is refused, with the scope to write instead."""
    pytester.makeconftest(
        f"{MODELS}\n    @pytest.fixture\n    def model():\n        return net(1)\n"
    )
    result = project(CLEAN, model=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*expected a `model` fixture of session scope*'function'*scope=*"])


def test_model_option_overrides_the_fixture(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """--security-model is measured, also if the conftest has a `model` fixture."""
    text = (
        f"{MODELS}\n    @pytest.fixture(scope='session')\n    def model():\n        return net(1)\n"
    )
    pytester.makeconftest(text)
    assert project(CLEAN, f"--security-report={tmp_path}").ret == 0
    assert read(tmp_path)["subject"]["name"] == "baseline"


@pytest.mark.parametrize("values", ["[0.1, 1.0]", "[1.0, 0.1]"])
@pytest.mark.parametrize("how", ["two tests", "a rerun", "a rerun that is not logged"])
def test_worst_of_two_findings_counts(
    project: Any, pytester: pytest.Pytester, tmp_path: Path, values: str, how: str
) -> None:
    """A second test or a rerun of a row does not replace a failed finding."""
    text = TWICE.format(values=values)
    if how == "two tests":
        text += (
            text.replace("test_it", "test_again").partition("VALUES = iter")[2].partition("\n")[2]
        )
    else:
        pytester.makeconftest(AGAIN.format(log=how == "a rerun"))
    pytester.makepyfile(test_twice=text)
    result = project(CLEAN, "test_twice.py", f"--security-report={tmp_path}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert verdicts(tmp_path) == {"CLEAN-01": "FAIL"}
    assert read(tmp_path)["exit_code"] == 1


def message(finding: Finding, digest: str = "a" * 64) -> dict[str, Any]:
    """What a report carries of a finding."""
    return {"finding": finding.to_json(), "subject": {"digest": digest}, "processor": ""}


def a_run() -> Run:
    """A run of one row, which is selected."""
    scope = Scope(tier="standard", markers="", keywords="", paths=())
    run = Run(Policy("p.toml", "", (row(),)), scope, "baseline")
    run.selected = {"R-1"}
    return run


PASSED, FAILED = (
    row().judge(measurement_of(0.99, 0.95, 1.0)),
    row().judge(measurement_of(0.5, 0.4, 0.6)),
)
ERROR = row().unmeasured(Verdict.ERROR, "it raised")
NOT_RUN = row().unmeasured(Verdict.NOT_RUN, "no GPU")


@pytest.mark.parametrize("worse", [FAILED, ERROR, NOT_RUN], ids=lambda finding: finding.verdict)
def test_worst_finding_counts_in_any_order(worse: Finding) -> None:
    """Whichever of two findings comes first, the worse one counts."""
    for order in ((PASSED, worse), (worse, PASSED)):
        run = a_run()
        for finding in order:
            run.receive(message(finding))
        assert run.findings["R-1"].verdict is worse.verdict


def test_row_that_does_not_apply_is_not_passed() -> None:
    """A row that its measure did not run, such as a latency row under pytest-xdist, fails the run."""
    run = a_run()
    run.receive(message(NOT_RUN))
    assert run.blocking_rows() == ["R-1"]


def test_error_ranks_above_a_waived_failure() -> None:
    """A waived failure is better than an error, which no waiver covers."""
    waived = row(waiver=Waiver(reason="known", expires="2999-01-01"))
    run = a_run()
    run.receive(message(waived.unmeasured(Verdict.ERROR, "it raised")))
    run.receive(message(waived.judge(measurement_of(0.5, 0.4, 0.6))))
    assert run.findings["R-1"].verdict is Verdict.ERROR


def test_second_model_is_an_error() -> None:
    """A finding about another model than the first is an ERROR that names both, in any row."""
    run = a_run()
    run.receive(message(PASSED))
    run.receive(message(PASSED, "b" * 64))
    assert run.findings["R-1"].verdict is Verdict.ERROR
    assert "got two (SHA-256 aaaaaaaaaaaa... and bbbbbbbbbbbb...)" in run.findings["R-1"].reason
    assert run.blocking_rows() == ["R-1"]


def test_model_of_a_fixture_is_restored(project: Any, pytester: pytest.Pytester) -> None:
    """After the run the user's network is in train mode and trainable again."""
    pytester.makeconftest(
        """
        from pathlib import Path

        import pytest
        from securemnist.models.architectures import build

        NET = build("D").train()

        @pytest.fixture(scope="session")
        def model():
            return NET

        def pytest_unconfigure(config):
            trainable = all(weights.requires_grad for weights in NET.parameters())
            Path(config.rootpath, "state").write_text(f"{NET.training} {trainable}")
        """
    )
    project(CLEAN, model=False)
    assert (pytester.path / "state").read_text() == "True True"
