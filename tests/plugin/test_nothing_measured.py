"""A gate that measures nothing (no policy, no row, all skipped or deselected) never exits with 0."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from securemnist.cli.pytest_hooks import RunHooks
from tests import warm
from tests.data import small
from tests.plugin.rows import CLEAN, FULL, MODEL, PGD, RED, read, verdicts

NO_POLICY = "*expected a policy for the security suites, got none*"


@pytest.fixture
def red(project: Any, pytester: pytest.Pytester, small_mnist: Path) -> Path:
    """The folder of a project whose one row fails wherever it is measured."""
    for folder in (pytester.path, pytester.path / "security_tests", pytester.path / "other"):
        folder.mkdir(exist_ok=True)
        (folder / "pyproject.toml").write_text(small.settings(small_mnist))
    (pytester.path / "security_tests" / "thresholds.toml").write_text(RED)
    return pytester.path


@pytest.mark.parametrize("words", [["security_tests"], ["security_tests/test_clean.py"], []])
def test_policy_is_found_from_other_folders(
    red: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """From the suites' folder, a folder beside it, or with another rootdir, the failing row fails."""
    if words:
        start, where = red / "other", [f"../{words[0]}", f"--rootdir={red / 'other'}"]
    else:
        start, where = red / "security_tests", []
    monkeypatch.chdir(start)
    for options in ([MODEL], []):  # with an option the policy is looked for before any test is
        result = pytester.runpytest_inprocess("-p", "no:randomly", *where, *options)
        if options:
            result.assert_outcomes(failed=1)
        else:
            assert result.ret == pytest.ExitCode.USAGE_ERROR
            result.stderr.fnmatch_lines(["*expected a model of yours to assess by*"])


def test_row_without_a_suite_is_refused_where_testpaths_are_files(
    project: Any, pytester: pytest.Pytester
) -> None:
    """`testpaths` may name files: a row whose suite is not among them ends the run."""
    (pytester.path / "pytest.ini").write_text(
        "[pytest]\ntestpaths = security_tests/test_clean.py security_tests/test_latency.py\n"
    )
    result = project(CLEAN + PGD)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*row ADV-02: expected a measure with a collected test*"])


@pytest.mark.parametrize("options", [[], [MODEL], ["--security-tier=smoke"], ["-n", "2"]])
def test_suites_without_a_policy_are_refused(
    red: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """After the policy was renamed the suites end the run with a sentence, and are not skipped."""
    monkeypatch.setattr(sys, "executable", warm.executable())  # of workers
    (red / "security_tests" / "thresholds.toml").rename(red / "security_tests" / "limits.toml")
    result = pytester.runpytest_inprocess("-p", "no:randomly", *options)
    if "-n" in options:
        assert result.ret not in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
        return
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([NO_POLICY])


def test_option_without_a_policy_is_refused(pytester: pytest.Pytester) -> None:
    """With a security option and no policy the run does not pass."""
    pytester.makepyfile("def test_theirs(): ...")
    result = pytester.runpytest_inprocess("-p", "no:randomly", "--security-tier=smoke")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"{NO_POLICY}--security-tier*"])


def test_option_without_a_suite_does_not_pass(red: Path, pytester: pytest.Pytester) -> None:
    """With a policy and an option, but no suite among the tests, the run does not pass and says why."""
    pytester.makepyfile(test_theirs="def test_theirs(): ...")
    result = pytester.runpytest_inprocess("-p", "no:randomly", MODEL, "test_theirs.py")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(
        ["no security suite was collected, so nothing was assessed: *testpaths*"]
    )
    assert pytester.runpytest_inprocess("-p", "no:randomly", "test_theirs.py").ret == 0


def test_rows_of_a_higher_tier_only_do_not_pass(project: Any, pytester: pytest.Pytester) -> None:
    """If the tier excludes every row, other passing tests do not make the run pass."""
    pytester.makepyfile(test_theirs="def test_theirs(): ...")
    result = project(FULL)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["*no row was measured: 0 of 1 rows were selected*"])


def test_skipped_rows_do_not_pass(project: Any, pytester: pytest.Pytester) -> None:
    """If the model fixture skips, no row has a verdict and the run does not pass."""
    pytester.makeconftest(
        "import pytest\n\n@pytest.fixture(scope='session')\ndef model():\n    pytest.skip('no weights')\n"
    )
    result = project(CLEAN, model=False)
    result.assert_outcomes(skipped=1)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_row_skipped_by_a_hook_fails_the_run(project: Any, pytester: pytest.Pytester) -> None:
    """One row skipped by a hook beside one that passes: the run fails, and names the row."""
    pytester.makeconftest(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                if "CLEAN-02" in item.name:
                    item.add_marker(pytest.mark.skip(reason="slow"))
        """
    )
    other = CLEAN.replace("CLEAN-01", "CLEAN-02").replace("300", "200")
    result = project(CLEAN + other)
    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*not passed, so this run fails: CLEAN-02*"])


REMOVING = {
    "modifyitems": "def pytest_collection_modifyitems(items):\n    items[:] = KEPT(items)\n",
    "deselected": "def pytest_collection_modifyitems(config, items):\n"
    "    config.hook.pytest_deselected(items=items[1:])\n    items[:] = KEPT(items)\n",
    "finish": "import pytest\n\n@pytest.hookimpl(tryfirst=True)\n"
    "def pytest_collection_finish(session):\n    session.items[:] = KEPT(session.items)\n",
}
KEPT = "\ndef KEPT(items):\n    return [item for item in items if 'CLEAN-02' not in item.name]\n"


@pytest.mark.parametrize("how", REMOVING)
def test_row_removed_by_a_hook_is_shown(
    project: Any, pytester: pytest.Pytester, tmp_path: Path, how: str
) -> None:
    """Plain pytest names hooks and plugins in the scope; the gate leaves the row undecided."""
    pytester.makeconftest(REMOVING[how] + KEPT)
    both = RED.replace("CLEAN-01", "CLEAN-02").replace("300", "200") + CLEAN
    assert project(both, f"--security-report={tmp_path / 'plain'}").ret == 0
    assert read(tmp_path / "plain")["scope"]["narrowed"] == ["a hook or plugin"]
    project(both, f"--security-report={tmp_path / 'gate'}", plugins=[RunHooks(None)])
    gate = read(tmp_path / "gate")
    assert gate["exit_code"] == 3
    assert verdicts(tmp_path / "gate") == {"CLEAN-01": "PASS", "CLEAN-02": "NOT_RUN"}
    reasons = {f["requirement"]["id"]: f["reason"] for f in gate["findings"]}
    assert reasons["CLEAN-02"].startswith("a hook removed it from this run")


@pytest.mark.parametrize(
    ("only", "words"), [(("CLEAN-01",), ["-k", "[CLEAN-01]"]), ((), ["-m", "clean and smoke"])]
)
def test_rows_left_out_by_options_are_out_of_scope(
    project: Any, tmp_path: Path, only: tuple[str, ...], words: list[str]
) -> None:
    """Rows that --row, -m or the tier leaves out do not count as removed by a hook."""
    hooks = [RunHooks(None, only=only)]
    other = CLEAN.replace("CLEAN-01", "CLEAN-02").replace('"smoke"', '"standard"\nseed = 1')
    result = project(CLEAN + other + FULL, f"--security-report={tmp_path}", *words, plugins=hooks)
    assert result.ret == 0
    assert read(tmp_path)["exit_code"] == 0


def test_deselecting_all_rows_passes_from_the_command_line_only(
    project: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own -k deselects the rows; from the environment it does not pass, and is shown."""
    pytester.makepyfile(test_theirs="def test_theirs(): ...")
    assert project(RED, "-k", "theirs", model=False, whole=True).ret == 0
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k theirs")
    result = project(RED, model=False, whole=True)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["*rows may be left out by: -k theirs (PYTEST_ADDOPTS)*"])


def test_collect_only_from_the_environment_does_not_pass(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--collect-only on the command line lists and exits with 0; in PYTEST_ADDOPTS it does not pass."""
    assert project(RED, "--collect-only").ret == 0
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    assert project(RED).ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    ("variable", "settings", "words", "phrase"),
    [
        ("-k CLEAN-01", "", [], "-k CLEAN-01 (PYTEST_ADDOPTS)"),
        ("", "addopts = -k CLEAN-01", [], "-k CLEAN-01 (addopts)"),
        ("--security-tier=smoke", "", [], "--security-tier smoke (PYTEST_ADDOPTS)"),
        (
            "",
            "",
            ["--deselect", "security_tests/test_clean.py::test_worst_class_accuracy"],
            "--deselect",
        ),
        ("", "", ["--maxfail=1"], "--maxfail 1"),
    ],
)
def test_deselecting_options_are_recorded_in_the_scope(
    project: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    variable: str, settings: str, words: list[str], phrase: str,
) -> None:  # fmt: skip
    """Options of pytest that may deselect rows are recorded, with the place that set them."""
    pytester.makeini(f"[pytest]\n{settings}\n")
    if variable:
        monkeypatch.setenv("PYTEST_ADDOPTS", variable)
    other = FULL.replace('"full"', '"standard"\nimages = 300')
    result = project(CLEAN + other, f"--security-report={tmp_path}", *words)
    assert result.ret == 0
    scope = read(tmp_path)["scope"]
    assert any(word.startswith(phrase) for word in scope["narrowed"])
    assert scope["complete"] is (phrase == "--maxfail 1")
    assert phrase.partition(" (")[0] in (tmp_path / "summary.md").read_text()
