"""Static analysis: Bandit and Semgrep, with rules of our own, over source code that is only read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.static import bandit, semgrep
from securemnist.static.notice import Notice
from securemnist.static.sources import Sources

_TOOLS = {"bandit": bandit.scan, "semgrep": semgrep.scan}


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What the tools said of the files, in the files' order, and what was left out, with reasons."""

    files: tuple[str, ...]
    excluded: tuple[str, ...]
    notices: tuple[Notice, ...]


def scan(sources: Sources, *, tools: Sequence[str]) -> Scan:
    """Have every tool ("bandit", "semgrep") read every file.

    Raises MeasureError where there is no file, or where a tool is missing, crashes, takes too long or
    cannot read a file: what was not read must not count as clean.
    """
    sources.check()
    notices: list[Notice] = []
    excluded = [*sources.excluded, *sources.suppressions()]
    for tool in tools:
        found, left_out = _TOOLS[tool](sources)
        notices += found
        excluded += left_out
    return Scan(files=sources.files, excluded=tuple(excluded), notices=tuple(sorted(notices)))


__all__ = ["Notice", "Scan", "Sources", "scan"]
