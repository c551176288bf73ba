"""Narrowing: the options and settings of pytest that leave tests out, and where they were set."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Iterator

import pytest

ENVIRONMENT = "PYTEST_ADDOPTS"
# Option by its destination: how it is written (the first form is shown).
_OPTIONS = {
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
# What the scope of an assessment records in fields of its own, where the command itself asks for it.
_RECORDED = ("keyword", "markexpr", "security_tier")


def narrowing(config: pytest.Config) -> tuple[str, ...]:
    """Every option that may leave rows out: `--lf`, `-k CLEAN (PYTEST_ADDOPTS)`."""
    return tuple(_told(config))


def _told(config: pytest.Config) -> Iterator[str]:
    for name, forms in _OPTIONS.items():
        value = config.getoption(name, None)
        source = _source(config, forms)
        if not value or (name in _RECORDED and not source):
            continue
        values = value if isinstance(value, list) else [value]
        shown = [forms[0] if item is True else f"{forms[0]} {item}" for item in values]
        yield " ".join(map(str, shown)) + (f" ({source})" if source else "")


def by_environment(config: pytest.Config) -> bool:
    """Whether PYTEST_ADDOPTS has an option that may leave rows out."""
    return any(word.endswith(f"({ENVIRONMENT})") for word in _told(config))


# Options with which pytest runs no test or collects other files, and the settings behind the latter.
_HIDING = (
    "--help",
    "--version",
    "-V",
    "--fixtures",
    "--funcargs",
    "--fixtures-per-test",
    "--markers",
    "--cache-show",
)
_COLLECTING = (
    "testpaths",
    "python_files",
    "python_classes",
    "python_functions",
    "norecursedirs",
    "addopts",
)


def hidden_by_environment() -> str:
    """The part of PYTEST_ADDOPTS with which suites are not collected, or no test runs; "" without."""
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
    """Where an option was set, if not by the command itself: PYTEST_ADDOPTS, or pytest's settings."""
    if _names(map(str, config.invocation_params.args), forms):
        return ""
    if _names(_split(os.environ.get(ENVIRONMENT, "")), forms):
        return ENVIRONMENT
    return "addopts" if _names(config.getini("addopts"), forms) else ""


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # pytest itself has refused it by now
        return []


def _names(words: object, forms: tuple[str, ...]) -> bool:
    """Whether one of the words is this option, alone or with its value."""
    listed = [str(word) for word in words] if hasattr(words, "__iter__") else []
    return any(
        word == form
        or word.startswith(f"{form}=")
        or (len(form) == 2 and word.startswith(form) and not word.startswith("--"))
        for word in listed
        for form in forms
    )
