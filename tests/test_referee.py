"""The referee: what counts as an adversarial example, and what does not."""

from __future__ import annotations

import ast
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from securemnist import referee
from securemnist.errors import MeasureError
from securemnist.referee import SLACK, inside_budget, rule

EPS = 0.25
X = torch.full((1, 1, 28, 28), 0.5, dtype=torch.float64)


def pixel(value: float, x: torch.Tensor = X) -> torch.Tensor:
    """The grey image with one other pixel."""
    changed = x.clone()
    changed[0, 0, 3, 4] = value
    return changed


def spread(length: float) -> torch.Tensor:
    """The grey image moved by this Euclidean length, evenly over its pixels."""
    return X + length / 28


@pytest.mark.parametrize(
    ("norm", "proposal", "valid"),
    [
        ("linf", X, True),
        ("linf", pixel(0.5 + EPS), True),
        ("linf", pixel(0.5 - EPS - 0.9 * SLACK), True),
        ("linf", pixel(0.5 - EPS - 1.1 * SLACK), False),
        ("linf", X + EPS + 0.9 * SLACK, True),
        ("linf", X + EPS + 1.1 * SLACK, False),
        ("linf", pixel(math.nan), False),
        ("linf", pixel(math.inf), False),
        ("linf", pixel(-math.inf), False),
        ("l2", spread(EPS), True),
        ("l2", spread(EPS + 0.9 * SLACK), True),
        ("l2", spread(EPS + 1.1 * SLACK), False),
        ("l2", spread(-EPS - 1.1 * SLACK), False),
        ("l2", pixel(0.5 + EPS), True),
        ("l2", pixel(0.5 + 2 * EPS), False),
        ("l2", pixel(math.nan), False),
    ],
)
def test_the_budget(norm: str, proposal: torch.Tensor, valid: bool) -> None:
    """A perturbation counts up to eps and SLACK, and not beyond; NaN and infinity never count."""
    assert bool(inside_budget(X, proposal, norm, EPS)) is valid


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_what_is_not_finite_counts_nowhere(norm: str, number: float) -> None:
    """A pixel that is no number counts in no budget, on a black image no more than on a grey one."""
    black = torch.zeros_like(X)
    assert not inside_budget(black, pixel(number, black), norm, 1.0)


@pytest.mark.parametrize(
    ("value", "valid"),
    [(0.0, True), (-0.9 * SLACK, True), (-1.1 * SLACK, False), (-0.1, False)],
)
def test_the_pixel_range(value: float, valid: bool) -> None:
    """However large the budget, a pixel below 0 or above 1 does not count."""
    for norm in ("linf", "l2"):
        assert bool(inside_budget(X, pixel(value), norm, 1.0)) is valid
        assert bool(inside_budget(X, pixel(1 - value), norm, 1.0)) is valid


@settings(max_examples=60)
@given(
    norm=st.sampled_from(["linf", "l2"]),
    seed=st.integers(0, 2**32),
    ratio=st.sampled_from([0.5, 0.999, 1.001, 2.0]),
    eps=st.floats(0.01, 0.2),
)
def test_the_size_is_the_norm(norm: str, seed: int, ratio: float, eps: float) -> None:
    """A random perturbation scaled to a known norm counts if and only if that is at most eps."""
    rng = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 1, 28, 28, generator=rng, dtype=torch.float64)
    size = max(map(abs, noise.flatten().tolist()))
    if norm == "l2":
        size = math.hypot(*noise.flatten().tolist())
    proposal = X + noise * (ratio * eps / size)
    assert bool(inside_budget(X, proposal, norm, eps)) is (ratio < 1)


def test_each_proposal_is_ruled_on_alone() -> None:
    """One proposal over budget does not take its neighbours with it."""
    proposals = torch.cat([X, X + 0.3, pixel(math.nan), X + 0.2])
    assert inside_budget(X.expand(4, -1, -1, -1), proposals, "linf", EPS).tolist() == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("shape", [(1, 28, 28), (2, 1, 28, 28), (1, 1, 28, 27), (1, 784)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    """Proposals that are not shaped like their digits are a MeasureError, never broadcast."""
    with pytest.raises(MeasureError, match="mend the attack"):
        inside_budget(X, torch.full(shape, 0.5), "linf", EPS)


@pytest.mark.parametrize("norm", ["l1", "Linf", "", "inf"])
def test_an_unknown_norm_is_refused(norm: str) -> None:
    """A norm that the referee cannot measure is a MeasureError, never a pass."""
    with pytest.raises(MeasureError, match=r"expected a norm the referee can measure"):
        inside_budget(X, X, norm, EPS)


class Bright(nn.Module):
    """Reads an image as 1 where it is brighter than half, else as 0; remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown.append(x)
        bright = x.flatten(1).mean(1) - 0.5
        return torch.stack([-bright, bright, *[torch.full_like(bright, -9)] * 8], 1)


def ruling(proposals: torch.Tensor, model: nn.Module | None = None) -> referee.Ruling:
    """The ruling on proposals for dark images of class 0."""
    x = torch.full((len(proposals), 1, 28, 28), 0.4)
    y = torch.zeros(len(x), dtype=torch.long)
    return rule(model or Bright(), x, y, proposals, norm="linf", eps=EPS)


def grey(*values: float) -> torch.Tensor:
    """Even images of these values."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, 28, 28).clone()


def test_the_prediction_is_made_again() -> None:
    """A proposal counts where it is in budget and the model, asked again, reads another class."""
    found = ruling(grey(0.45, 0.6, 0.9, 0.4))
    assert found.valid.tolist() == [True, True, False, True]
    assert found.fooled.tolist() == [False, True, False, False]
    assert found.predictions.tolist() == [0, 1, 1, 0]
    assert (found.confidence > 0.5).all()


def test_what_the_model_is_shown() -> None:
    """The model is asked in float32 about pixels in [0, 1], also where a proposal is not finite."""
    model = Bright()
    proposals = grey(0.6, 1.5, -0.5, 0.6).double()
    proposals[3, 0, 0, :3] = torch.tensor([math.nan, math.inf, -math.inf])
    found = ruling(proposals, model)
    (shown,) = model.shown
    assert shown.dtype == torch.float32
    assert torch.isfinite(shown).all()
    assert (shown.min(), shown.max()) == (0, 1)
    assert found.valid.tolist() == [True, False, False, False]


def test_many_proposals_are_asked_in_batches() -> None:
    """Rulings on more proposals than fit a batch come back in order."""
    values = [0.45, 0.6] * 300
    model = Bright()
    found = ruling(grey(*values), model)
    assert found.fooled.tolist() == [value > 0.5 for value in values]
    assert max(map(len, model.shown)) <= 256


def test_an_answer_that_is_none_is_wrong() -> None:
    """A model that answers NaN to an allowed image has been broken by it; the confidence is zero."""

    class Dizzy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x), 10), torch.nan)

    found: Any = ruling(grey(0.45), Dizzy())
    assert bool(found.fooled)
    assert float(found.confidence) == 0


class Answers(nn.Module):
    """Answers every image with the same logits."""

    def __init__(self, *logits: float, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.logits = torch.tensor([logits], dtype=dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(x), -1)


FORMATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [(scale, dtype) for scale in (1e-30, 1e-9, 1.0, 1e30) for dtype in FORMATS[:3]]
    + [(scale, torch.float16) for scale in (1e-4, 1.0, 1e4)],
)
def test_the_class_is_the_largest_logit(scale: float, dtype: torch.dtype) -> None:
    """However small or large the logits are, and in every format, the largest one is the class."""
    right = [3 * scale, *[scale] * 9]
    wrong = [scale, scale, 3 * scale, *[scale] * 7]
    assert not bool(ruling(grey(0.4), Answers(*right, dtype=dtype)).fooled)
    found = ruling(grey(0.4), Answers(*wrong, dtype=dtype))
    assert bool(found.fooled)
    assert found.predictions.tolist() == [2]
    assert not bool(found.tied)


def test_float64_logits_are_not_rounded() -> None:
    """Logits that only float64 can tell apart are told apart."""
    right = Answers(1e6 + 1e-8, *[1e6] * 9, dtype=torch.float64)
    assert not bool(ruling(grey(0.4), right).fooled)
    wrong = Answers(1e6, 1e6, 1e6, 1e6 + 1e-8, *[1e6] * 6, dtype=torch.float64)
    assert ruling(grey(0.4), wrong).predictions.tolist() == [3]


def test_a_tie_counts_against_the_model() -> None:
    """Where the label and another class have the same largest logit, the other class is predicted."""
    found = ruling(grey(0.4, 0.9), Answers(1.0, 0.0, 1.0, *[0.0] * 7))
    assert found.fooled.tolist() == [True, False]
    assert found.tied.tolist() == [True, False]
    assert found.predictions.tolist() == [2, 2]
    assert (found.confidence < 0.5).all()


def test_the_referee_knows_no_attack() -> None:
    """The referee imports no attack and no threat, so an error made there is not made here again."""
    with open(referee.__file__) as file:
        nodes = list(ast.walk(ast.parse(file.read())))
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    plain = {"__future__", "collections.abc", "dataclasses", "numpy", "torch"}
    assert modules == {*plain, "securemnist.errors"}
