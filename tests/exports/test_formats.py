"""Every format: what did not pass is in it, and an incomplete run does not look complete."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping

import pytest

from securemnist import exports
from securemnist.exports import FORMATS, cyclonedx, model_card
from securemnist.results.assessment import Assessment
from tests.exports.example import (
    ADV,
    CLEAN,
    GREEN,
    NO_WAIVER,
    STATIC,
    assessment,
    issue,
    judged,
    static,
    stopped,
)

EACH = pytest.mark.parametrize("one", FORMATS)
PASSED = assessment()
FAILED = assessment(
    GREEN[0], judged(ADV, 0.1), static(issue(), issue(tool="semgrep", rule="pickle-runs-code"))
)
# The run stopped after its first row.
STOPPED = assessment(GREEN[0], stopped(ADV), stopped(NO_WAIVER))
WAIVED = assessment(
    GREEN[0],
    stopped(dataclasses.replace(ADV, waiver=STATIC.waiver)),
    stopped(STATIC),
)


def sarif(content: str) -> dict[str, dict[str, object]]:
    """The results of a SARIF file by rule, those of the kind "fail" that nothing accepts."""
    (run,) = json.loads(content)["runs"]
    found = [r for r in run["results"] if r["kind"] == "fail" and not r["suppressions"]]
    return {one["ruleId"]: one for one in found}


def complete(content: str) -> bool:
    """Whether a SARIF file says that the tool has done all."""
    (run,) = json.loads(content)["runs"]
    return bool(run["invocations"][0]["executionSuccessful"])


def green(content: str) -> bool:
    """Whether a badge is green."""
    return 'class="fill-good"' in content


# Whether a format says that a row failed.
FAILING: Mapping[str, Callable[[str], bool]] = {
    "results.sarif": lambda content: "ADV-01" in sarif(content),
    "bandit.sarif": lambda content: "B301" in sarif(content),
    "semgrep.sarif": lambda content: "pickle-runs-code" in sarif(content),
    "gl-code-quality-report.json": lambda content: (
        '"ADV-01 FAIL: ' in content and '"B301"' in content
    ),
    "badge.svg": lambda content: "failed" in content and not green(content),
    cyclonedx.FILE: lambda text: "Do not merge" in text and '"value": "FAIL"' in text,
    model_card.FILE: lambda text: "✗ **Do not merge**" in text and "| ✗ FAIL | **ADV-01**" in text,
}
# Whether a format says that the run is not complete. No file says it, too.
INTERRUPTED: Mapping[str, Callable[[str], bool]] = {
    "results.sarif": lambda text: not complete(text) and "securemnist/not-decided" in sarif(text),
    "bandit.sarif": lambda content: content == "",
    "semgrep.sarif": lambda content: content == "",
    "gl-code-quality-report.json": lambda content: "The run was interrupted." in content,
    "badge.svg": lambda content: "not decided" in content and not green(content),
    cyclonedx.FILE: lambda text: "was interrupted" in text and "Not measured: ADV-01" in text,
    model_card.FILE: lambda text: "was interrupted" in text and "complete: false" in text,
}


def text(one: str, of: Assessment) -> str:
    """What the format writes; "" where it writes no file."""
    return (FORMATS[one](of) or b"").decode()


@EACH
def test_a_failed_row_is_in_every_format(one: str) -> None:
    """Rows that failed are in every file, and in none of a run that passed."""
    assert FAILING[one](text(one, FAILED))
    assert not FAILING[one](text(one, PASSED))


@EACH
@pytest.mark.parametrize("result", [STOPPED, WAIVED], ids=["open", "waived"])
def test_an_interrupted_run_looks_complete_in_no_format(one: str, result: Assessment) -> None:
    """A run that stopped before its last row says so in every file, also where that row is waived."""
    assert result.interrupted
    assert INTERRUPTED[one](text(one, result))
    assert not INTERRUPTED[one](text(one, PASSED))


def test_formats_have_files_of_their_own() -> None:
    """No format writes over the file of another, or over a file of the report."""
    names = [*exports.FILES, "index.html", "summary.md", "assessment.json", "junit.xml"]
    assert len({name.casefold() for name in names}) == len(names)


def test_only_formats_with_something_to_say_are_written() -> None:
    """Without a static row there is no file that would call the code clean."""
    written = exports.render(assessment(judged(CLEAN, 0.99)))
    assert set(exports.FILES) - set(written) == {"bandit.sarif", "semgrep.sarif"}
