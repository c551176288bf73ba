"""Publishing: the finished run of `assess` becomes its report, and is printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from securemnist import report
from securemnist.cli.output import end_of_pipe, say
from securemnist.comparison import files as compare_files
from securemnist.comparison import junit, wording
from securemnist.comparison.comparison import Comparison
from securemnist.errors import USAGE, UsageError
from securemnist.results.assessment import STOPPED, Against, Assessment

Compare = Callable[[Assessment, Path], Comparison | None]


def publish(made: Assessment, folder: Path, out: Path, compare: Compare | None) -> int:
    """Compare where that is asked for, replace the report in `out`, print everything; the exit code.

    `folder`: the report that the run has left, with junit.xml and benchmark.json. The verdict is printed
    even where the report cannot be written; an assessment that passed then ends with 2.
    """
    compared = compare(made, folder) if compare is not None and not made.interrupted else None
    others = {**report.others(folder), **_extra(folder)}
    if compared is not None:
        made = dataclasses.replace(made, against=_against(compared))
        others |= compare_files.render(compared)
        if "junit.xml" in others:
            others["junit.xml"] = junit.added(others["junit.xml"], compared)
    kept = report.keeps(out, made)
    trouble = "" if kept else _write(made, out, others)
    try:
        _print(made, compared)
        if made.interrupted:
            _tell_of_interruption(made, out, kept=kept)
        if not kept and not trouble:
            say(f"report: {out / 'index.html'}")
            if compared is not None:
                say(f"comparison: {out / 'compare.html'}")
    except BrokenPipeError:
        end_of_pipe()  # the verdict stands without a reader
    if trouble:
        say(f"securemnist: {trouble}", err=True)
    return made.exit_code or (USAGE if trouble else 0)


def _extra(folder: Path) -> dict[str, bytes]:
    """What pytest's own plugins have written beside the report; an empty file says nothing."""
    found = {name: folder.parent / name for name in ("junit.xml", "benchmark.json")}
    content = {name: path.read_bytes() for name, path in found.items() if path.is_file()}
    return {name: data for name, data in content.items() if data}


def _against(made: Comparison) -> Against:
    """What the assessment keeps of its comparison."""
    subject, environment = made.old.subject, made.old.environment
    return Against(
        name=str(subject.get("name") or "the older version"),
        commit=str(environment.get("commit") or ""),
        digest=str(subject.get("digest") or ""),
        exit_code=made.exit_code,
        why=wording.headline(made).why,
    )


def _write(made: Assessment, out: Path, others: dict[str, bytes]) -> str:
    """Replace the report; a sentence where that failed."""
    try:
        report.write(made, out, others)
    except UsageError as error:
        return f"no report was written: {error}"
    if "compare.md" in others:
        report.append_step_summary(others["compare.md"])
    return ""


def _print(made: Assessment, compared: Comparison | None) -> None:
    from securemnist.comparison.terminal import print_comparison
    from securemnist.report.terminal import print_assessment
    from securemnist.view.progress import console

    if compared is not None:
        print_comparison(compared, console())
    print_assessment(made, console())


def _tell_of_interruption(made: Assessment, out: Path, *, kept: bool) -> None:
    rows = [finding for finding in made.findings if finding.in_scope]
    done = sum(finding.reason != STOPPED for finding in rows)
    then = "the report there is an earlier run's, and stays" if kept else "the rest is NOT_RUN"
    say(f"{out}: interrupted after {done} of {len(rows)} rows; {then}", err=True)
