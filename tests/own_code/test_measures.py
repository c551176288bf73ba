"""Measures of users, which may return anything."""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from securemnist import assessing
from securemnist.cli.pytest_hooks import seconds_of
from securemnist.comparison import comparability
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.pace import DEFAULT_PACE
from securemnist.measures import bind, find
from securemnist.measures.base import ImageSettings, Measure
from securemnist.results.families import Family
from securemnist.results.findings import Finding, Measurement, Verdict
from tests.commands import run
from tests.own_code.rows import FAMILY, NAME, requirement


def own_measure(**changes: Any) -> Measure:
    """A measure that gives a share of 0.9, with changes."""
    fields = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 20, "complete": False}
    values = {**fields, "seconds": 0.0, "seed": 0, **changes}
    return Measure(lambda *_: Measurement(**values), ImageSettings, FAMILY)


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": "ratio"},
        {"unit": "percent"},
        {"value": 1.5, "high": 1.6},
        {"value": 0.3},
        {"value": True, "high": True},
        {"value": torch.tensor(0.9)},
        {"n": 0},
        {"n": 0, "complete": True},
        {"n": -5},
        {"complete": True},
        {"complete": "no"},
        {"certified": 0.95, "certified_low": 0.94},
        {"certified": 0.5, "certified_low": 0.6},
        {"survived": True, "doubts": None},
        {"inconclusive": None},
        {"evidence": None},
        {"evidence": {"x": float("nan")}},
        {"evidence": {"x": object}},
    ],
    ids=str,
)
def test_an_impossible_measurement_does_not_pass(
    context: Context, install: Callable[[Any], str], changes: dict[str, Any]
) -> None:
    """A row of a measure of the user's own whose number cannot be is an ERROR, and can be stored."""
    name = install(own_measure(**changes))
    found = assessing.judge(context, requirement(name))
    assert found.verdict is Verdict.ERROR
    assert Finding.from_json(found.to_json()) == found


def test_a_possible_measurement_passes(context: Context, install: Callable[[Any], str]) -> None:
    """The same measure without a change passes."""
    assert assessing.judge(context, requirement(install(own_measure()))).passed


@pytest.mark.parametrize(
    "changes",
    [
        {"run": None},
        {"settings": dict},
        {"estimate": 3},
        {"good": "more"},
        {"limits": None},
        {"limits": (0.1, float("inf"))},
        {"unit": "percent"},
        {"family": None},
        {"family": "clean"},
        {"family": Family(name=None)},  # type: ignore[arg-type]
        {"family": Family(name="x", title=5)},  # type: ignore[arg-type]
        {"family": Family(name="x", figures=None)},  # type: ignore[arg-type]
    ],
    ids=str,
)
def test_a_measure_of_other_types_is_one_sentence(
    install: Callable[[Any], str], changes: dict[str, Any]
) -> None:
    """A field of another type is a PolicyError that names the field, before anything is measured."""
    name = install(dataclasses.replace(own_measure(), **changes))
    with pytest.raises(PolicyError, match=f"expected its `{next(iter(changes))}` to be"):
        find(name)


def test_settings_that_raise_are_one_sentence(install: Callable[[Any], str]) -> None:
    """Whatever settings of the user's own raise is a PolicyError."""

    class Strict(ImageSettings):
        def model_post_init(self, _: Any) -> None:
            raise SystemExit(0)

    name = install(dataclasses.replace(own_measure(), settings=Strict))
    with pytest.raises(PolicyError, match="got SystemExit"):
        bind(name, {})


@pytest.mark.parametrize("estimate", [lambda *_: "soon", lambda *_: float("nan"), lambda *_: 1 / 0])
def test_a_wrong_estimate_ends_no_run(install: Callable[[Any], str], estimate: Any) -> None:
    """An estimate decides nothing: without a usable one a row has one second."""
    name = install(dataclasses.replace(own_measure(), estimate=estimate))
    assert seconds_of(requirement(name), DEFAULT_PACE) == 1.0


def test_explaining_a_row_runs_no_code(cwd: Path) -> None:
    """A policy alone runs no code: `explain` names the measure of the row, and does not import it."""
    (cwd / "code_of_a_row.py").write_text("raise SystemExit('imported')\n")
    row = 'id = "R"\nmeasure = "code_of_a_row:M"\nbecause = "a test"\nat_least = 0.5\n'
    (cwd / "policy.toml").write_text(f"[[requirement]]\n{row}")
    done = run("explain", "R", "--policy", "policy.toml")
    assert "a policy alone does not run" in done.output
    assert "imported" not in done.output
    assert "code_of_a_row" not in sys.modules


@pytest.mark.parametrize("digests", [("", ""), (None, None), ("", "a"), ("a", "b")])
def test_unknown_code_is_not_the_same(digests: tuple[Any, Any]) -> None:
    """Two versions whose code was not recorded are not compared by a row that names code."""
    sides = [types.SimpleNamespace(environment={"code": {NAME: digest}}) for digest in digests]
    assert comparability._code_differs([NAME], tuple(sides))  # type: ignore[arg-type]
