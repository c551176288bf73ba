"""Options and settings of pytest that deselect tests, and where they were set."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Iterator

import pytest
from _pytest.mark import MarkMatcher
from _pytest.mark.expression import Expression

ENVIRONMENT = "PYTEST_ADDOPTS"
# Spellings of an option by its destination; the first is displayed.
_DESELECTING = {
    "keyword": ("-k",),
    "markexpr": ("-m",),
    "deselect": ("--deselect",),
    "ignore": ("--ignore",),
    "ignore_glob": ("--ignore-glob",),
    "maxfail": ("--maxfail", "-x", "--exitfirst"),
    "lf": ("--lf", "--last-failed"),
    "stepwise": ("--sw", "--stepwise", "--stepwise-skip", "--sw-skip"),
    "collectonly": ("--collect-only", "--co"),
    "setuponly": ("--setup-only",),
    "setupplan": ("--setup-plan",),
    "benchmark_only": ("--benchmark-only",),
    "benchmark_skip": ("--benchmark-skip",),
    "security_tier": ("--security-tier",),
}
# Recorded in other fields of the scope, if given on the command line.
_RECORDED = ("keyword", "markexpr", "security_tier")


def narrowing(config: pytest.Config) -> Iterator[str]:
    """Every option that may deselect rows: `--lf`, `-k CLEAN (PYTEST_ADDOPTS)`."""
    for name, forms in _DESELECTING.items():
        value = config.getoption(name, None)
        source = _source(config, forms)
        if not value or (name in _RECORDED and not source):
            continue
        values = value if isinstance(value, list) else [value]
        texts = [forms[0] if item is True else f"{forms[0]} {item}" for item in values]
        yield " ".join(map(str, texts)) + (f" ({source})" if source else "")


def by_environment(config: pytest.Config) -> bool:
    """Whether PYTEST_ADDOPTS has an option that may deselect rows."""
    return any(word.endswith(f"({ENVIRONMENT})") for word in narrowing(config))


def matches_markers(item: pytest.Item, markers: str) -> bool:
    """Whether pytest's -m selects a test."""
    matcher = MarkMatcher.from_markers(item.iter_markers())
    return not markers or Expression.compile(markers).evaluate(matcher)


# Options with which pytest runs no test, and settings that change which files are collected.
_HIDING = ["--help", "--version", "-V", "--fixtures", "--funcargs", "--fixtures-per-test"]
_HIDING += ["--markers", "--cache-show"]
_COLLECTING = ["testpaths", "python_files", "python_classes", "python_functions"]
_COLLECTING += ["norecursedirs", "addopts"]


def hidden_by_environment() -> str:
    """The part of PYTEST_ADDOPTS that stops suites from being collected or run; "" if none."""
    words = _split(os.environ.get(ENVIRONMENT, ""))
    for word, following in itertools.pairwise([*words, ""]):
        if word in _HIDING or word == "-h":
            return word
        value = following if word in ("-o", "--override-ini") else ""
        for form in ("--override-ini=", "-o"):
            value = value or (word.removeprefix(form) if word.startswith(form) else "")
        if value.partition("=")[0].strip() in _COLLECTING:
            return f"-o {value}"
    return ""


def _source(config: pytest.Config, forms: tuple[str, ...]) -> str:
    """Where an option was set: "" for the command line, PYTEST_ADDOPTS, or addopts."""
    if _contains(map(str, config.invocation_params.args), forms):
        return ""
    if _contains(_split(os.environ.get(ENVIRONMENT, "")), forms):
        return ENVIRONMENT
    return "addopts" if _contains(config.getini("addopts"), forms) else ""


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # pytest itself refuses it
        return []


def _contains(words: object, forms: tuple[str, ...]) -> bool:
    """Whether one of the words is this option, with or without a value."""
    listed = [str(word) for word in words] if hasattr(words, "__iter__") else []
    return any(
        word == form
        or word.startswith(f"{form}=")
        or (len(form) == 2 and word.startswith(form) and not word.startswith("--"))
        for word in listed
        for form in forms
    )
