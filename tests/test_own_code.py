"""Wrong code of the user's own: no row passes by it, and no other row, model or process changes."""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from securemnist import assessing
from securemnist.attacks.base import Attack
from securemnist.cli.pytest_hooks import seconds_of
from securemnist.comparison import comparability
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.pace import DEFAULT_PACE
from securemnist.measures import bind, find
from securemnist.measures.base import DigitSettings, Measure
from securemnist.models import loading
from securemnist.models.fingerprint import fingerprint
from securemnist.results.families import Family
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict
from tests.commands import run

FAMILY = Family(name="corruptions")
NAME = "code_under_test:THING"


class Linear(nn.Module):
    """A linear network with a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.register_buffer("shift", torch.zeros(10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, 10)."""
        out: torch.Tensor = self.layer(x.flatten(1)) + self.shift
        return out


@pytest.fixture
def context() -> Context:
    """A linear network, on images that it reads as their labels."""
    rng = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Linear()
    x = torch.rand(120, 1, 28, 28, generator=rng)
    y = model(x).argmax(1)
    return Context(loading.from_model(model, name="linear"), DataSet.from_tensors(x, y))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    """A function that makes a value available under the name NAME."""

    def as_module(value: Any) -> str:
        module = types.ModuleType("code_under_test")
        module.THING = value  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "code_under_test", module)
        return NAME

    return as_module


@dataclass(frozen=True, kw_only=True)
class Own(Attack):
    """An attack that does what `doing` says with its model and images."""

    def propose(self, model: Any, x: Any, y: Any, **_: Any) -> Any:
        return type(self).doing(model, x)

    @staticmethod
    def doing(_: Any, x: Any) -> Any:
        """By default nothing."""
        return x


def attacked(context: Context, name: str) -> Finding:
    """The finding of a row with this attack."""
    threat = {"norm": "linf", "eps": 0.001}
    settings = {"threat": threat, "digits": 20, "attack": {"use": name}}
    return assessing.judge(context, requirement("attack_accuracy", settings))


def requirement(measure: str, settings: dict[str, Any] | None = None) -> Requirement:
    """A requirement of at least 0.2."""
    return Requirement(
        id="R", measure=measure, because="a test", at_least=0.2, settings=settings or {}
    )


def zeroed(model: nn.Module, x: Any) -> Any:
    """Write zeros into every parameter."""
    for weights in model.parameters():
        weights.data.zero_()
    return x


def replaced(model: nn.Module, x: Any) -> Any:
    """Replace a submodule."""
    inner = next(module for module in model.modules() if isinstance(module, Linear))
    inner.layer = nn.Linear(784, 10)
    return x


def shifted(model: nn.Module, x: Any) -> Any:
    """Write into a buffer, then raise."""
    next(model.buffers()).add_(1)
    raise ValueError("not today")


def in_training(model: nn.Module, x: Any) -> Any:
    """Switch to train mode."""
    model.train()
    return x


@pytest.mark.parametrize("doing", [zeroed, replaced, shifted, in_training])
def test_a_model_that_an_attack_changes_is_put_back(
    context: Context, install: Callable[[Any], str], doing: Any
) -> None:
    """Its row is an ERROR, and later rows measure the model as it was."""
    before = fingerprint(context.subject.model)
    kind = type("Changing", (Own,), {"doing": staticmethod(doing)})
    assert attacked(context, install(kind)).verdict is Verdict.ERROR
    assert fingerprint(context.subject.model) == before
    assert not context.subject.model.training


def test_what_the_process_shares_is_put_back(
    context: Context, install: Callable[[Any], str]
) -> None:
    """Random numbers, default dtype and gradient mode are those of before the row."""

    def careless(_: Any, x: Any) -> Any:
        torch.manual_seed(7)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        return x

    before = torch.get_rng_state()
    attacked(context, install(type("Careless", (Own,), {"doing": staticmethod(careless)})))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() is torch.float32


@pytest.mark.parametrize(
    "doing",
    [
        lambda *_: None,
        lambda _, x: x.numpy(),
        lambda _, x: x.double(),
        lambda _, x: x.to(torch.complex64),
        lambda _, x: x[:-1],
        lambda _, x: x * float("nan"),
        lambda *_: sys.exit(0),
    ],
)
def test_wrong_proposals_are_an_error(
    context: Context, install: Callable[[Any], str], doing: Any
) -> None:
    """Proposals of another type, dtype, number or value, and an exit, are no attack that failed."""
    kind = type("Wrong", (Own,), {"doing": staticmethod(doing)})
    assert attacked(context, install(kind)).verdict is Verdict.ERROR


@pytest.mark.parametrize("size", [-1, 0, 1.5, True])
def test_a_chunk_without_images_is_an_error(
    context: Context, install: Callable[[Any], str], size: Any
) -> None:
    """With a negative chunk no image would be attacked, and the row would pass."""
    found = attacked(context, install(type("Chunked", (Own,), {"chunk": size})))
    assert found.verdict is Verdict.ERROR
    assert "expected a chunk of at least 1 image" in found.reason


def test_a_call_of_an_attack_rules_by_the_caller_s_images(context: Context) -> None:
    """An attack that writes into its input changes neither the caller's images nor the ruling."""
    kind = type("Writing", (Own,), {"doing": staticmethod(lambda _, x: x.fill_(0.5))})
    x = context.data.test[:10].images()
    kept, y = x.clone(), context.data.test[:10].labels
    made = kind()(context.subject, x, y, threat="linf:0.001", progress=False)
    assert torch.equal(x, kept)
    assert not made.success.any()


def own_measure(**changes: Any) -> Measure:
    """A measure that gives a share of 0.9, with changes."""
    fields = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 20, "complete": False}
    values = {**fields, "seconds": 0.0, "seed": 0, **changes}
    return Measure(lambda *_: Measurement(**values), DigitSettings, FAMILY)


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

    class Strict(DigitSettings):
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


def test_explaining_a_row_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy alone runs no code: `explain` names the measure of the row, and does not import it."""
    (tmp_path / "code_of_a_row.py").write_text("raise SystemExit('imported')\n")
    row = 'id = "R"\nmeasure = "code_of_a_row:M"\nbecause = "a test"\nat_least = 0.5\n'
    (tmp_path / "policy.toml").write_text(f"[[requirement]]\n{row}")
    monkeypatch.chdir(tmp_path)
    done = run("explain", "R", "--policy", "policy.toml")
    assert "a policy alone does not run" in done.output
    assert "imported" not in done.output
    assert "code_of_a_row" not in sys.modules


@pytest.mark.parametrize("digests", [("", ""), (None, None), ("", "a"), ("a", "b")])
def test_unknown_code_is_not_the_same(digests: tuple[Any, Any]) -> None:
    """Two versions whose code was not recorded are not compared by a row that names code."""
    sides = [types.SimpleNamespace(environment={"code": {NAME: digest}}) for digest in digests]
    found = requirement(NAME).unmeasured(Verdict.ERROR, "")
    assert comparability._code_differs(found, tuple(sides))  # type: ignore[arg-type]
