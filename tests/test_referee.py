"""Referee: which candidates count as adversarial examples."""

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


def uniform(length: float) -> torch.Tensor:
    """The grey image moved by this L2 norm, evenly over its pixels."""
    return X + length / 28


@pytest.mark.parametrize(
    ("norm", "candidate", "valid"),
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
        ("l2", uniform(EPS), True),
        ("l2", uniform(EPS + 0.9 * SLACK), True),
        ("l2", uniform(EPS + 1.1 * SLACK), False),
        ("l2", uniform(-EPS - 1.1 * SLACK), False),
        ("l2", pixel(0.5 + EPS), True),
        ("l2", pixel(0.5 + 2 * EPS), False),
        ("l2", pixel(math.nan), False),
        ("l1", X + (EPS + 1.1 * SLACK) / 784, False),
        ("l1", pixel(0.5 + 1.1 * EPS), False),
        ("l0", pixel(0.5 + 0.9 * SLACK), True),
        ("l0", pixel(0.5 + 1.1 * SLACK), False),
        ("patch", pixel(0.5 + 0.9 * SLACK), True),
        ("patch", pixel(0.5 - 1.1 * SLACK), False),
    ],
)
def test_budget_tolerance(norm: str, candidate: torch.Tensor, valid: bool) -> None:
    """A perturbation is valid up to eps plus SLACK; NaN and infinity never are."""
    assert bool(inside_budget(X, candidate, norm, EPS)) is valid


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_non_finite_pixel_invalid(norm: str, number: float) -> None:
    """A pixel that is NaN or infinite is invalid, on a black and on a grey image."""
    black = torch.zeros_like(X)
    assert not inside_budget(black, pixel(number, black), norm, 1.0)


@pytest.mark.parametrize(
    ("value", "valid"),
    [(0.0, True), (-0.9 * SLACK, True), (-1.1 * SLACK, False), (-0.1, False)],
)
def test_pixel_range_tolerance(value: float, valid: bool) -> None:
    """For any eps, a pixel below 0 or above 1 by more than SLACK is invalid."""
    for norm in ("linf", "l2"):
        assert bool(inside_budget(X, pixel(value), norm, 1.0)) is valid
        assert bool(inside_budget(X, pixel(1 - value), norm, 1.0)) is valid


@settings(max_examples=60)
@given(
    norm=st.sampled_from(["linf", "l2", "l1"]),
    seed=st.integers(0, 2**32),
    ratio=st.sampled_from([0.5, 0.999, 1.001, 2.0]),
    eps=st.floats(0.01, 0.2),
)
def test_budget_uses_norm(norm: str, seed: int, ratio: float, eps: float) -> None:
    """A random perturbation scaled to a known norm is valid if and only if that is at most eps."""
    rng = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 1, 28, 28, generator=rng, dtype=torch.float64)
    sizes = list(map(abs, noise.flatten().tolist()))
    size = {"linf": max(sizes), "l2": math.hypot(*sizes), "l1": math.fsum(sizes)}[norm]
    candidate = X + noise * (ratio * eps / size)
    assert bool(inside_budget(X, candidate, norm, eps)) is (ratio < 1)


def test_candidates_judged_separately() -> None:
    """A candidate over budget does not change the decision on others."""
    candidates = torch.cat([X, X + 0.3, pixel(math.nan), X + 0.2])
    assert inside_budget(X.expand(4, -1, -1, -1), candidates, "linf", EPS).tolist() == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("shape", [(1, 28, 28), (2, 1, 28, 28), (1, 1, 28, 27), (1, 784)])
def test_candidate_shape_must_match(shape: tuple[int, ...]) -> None:
    """Candidates of another shape than the images are a MeasureError, never broadcast."""
    with pytest.raises(MeasureError, match="fix the attack"):
        inside_budget(X, torch.full(shape, 0.5), "linf", EPS)


@pytest.mark.parametrize("norm", ["l7", "Linf", "", "inf"])
def test_unknown_norm_refused(norm: str) -> None:
    """A norm that the referee cannot measure is a MeasureError, never a pass."""
    with pytest.raises(MeasureError, match=r"expected a norm the referee can measure"):
        inside_budget(X, X, norm, EPS)


class BrightnessModel(nn.Module):
    """Predicts 1 for images with a mean above 0.5, else 0; keeps its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.inputs.append(x)
        bright = x.flatten(1).mean(1) - 0.5
        return torch.stack([-bright, bright, *[torch.full_like(bright, -9)] * 8], 1)


def ruling(candidates: torch.Tensor, model: nn.Module | None = None) -> referee.Ruling:
    """The ruling on candidates for dark images of class 0."""
    x = torch.full((len(candidates), 1, 28, 28), 0.4)
    y = torch.zeros(len(x), dtype=torch.long)
    return rule(model or BrightnessModel(), x, y, candidates, norm="linf", eps=EPS)


def grey(*values: float) -> torch.Tensor:
    """Uniform images of these values."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, 28, 28).clone()


def test_referee_evaluates_model() -> None:
    """A candidate fools where it is valid and the model predicts another class."""
    found = ruling(grey(0.45, 0.6, 0.9, 0.4))
    assert found.valid.tolist() == [True, True, False, True]
    assert found.fooled.tolist() == [False, True, False, False]
    assert found.predictions.tolist() == [0, 1, 1, 0]
    assert (found.confidence > 0.5).all()


def test_referee_model_input() -> None:
    """The model gets float32 pixels in [0, 1], also where a candidate is not finite."""
    model = BrightnessModel()
    candidates = grey(0.6, 1.5, -0.5, 0.6).double()
    candidates[3, 0, 0, :3] = torch.tensor([math.nan, math.inf, -math.inf])
    found = ruling(candidates, model)
    (pixels,) = model.inputs
    assert pixels.dtype == torch.float32
    assert torch.isfinite(pixels).all()
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert found.valid.tolist() == [True, False, False, False]


def test_referee_batches() -> None:
    """Rulings on more candidates than a batch holds come back in order."""
    values = [0.45, 0.6] * 300
    model = BrightnessModel()
    found = ruling(grey(*values), model)
    assert found.fooled.tolist() == [value > 0.5 for value in values]
    assert max(map(len, model.inputs)) <= 256


def test_nan_logits_count_as_fooled() -> None:
    """A valid candidate with NaN logits fools the model; the confidence is zero."""

    class Dizzy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full((len(x), 10), torch.nan)

    found: Any = ruling(grey(0.45), Dizzy())
    assert bool(found.fooled)
    assert float(found.confidence) == 0


class ConstantLogits(nn.Module):
    """Returns the same logits for every image."""

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
def test_prediction_is_largest_logit(scale: float, dtype: torch.dtype) -> None:
    """The largest logit is the class, at every scale and in every float format."""
    right = [3 * scale, *[scale] * 9]
    wrong = [scale, scale, 3 * scale, *[scale] * 7]
    assert not bool(ruling(grey(0.4), ConstantLogits(*right, dtype=dtype)).fooled)
    found = ruling(grey(0.4), ConstantLogits(*wrong, dtype=dtype))
    assert bool(found.fooled)
    assert found.predictions.tolist() == [2]
    assert not bool(found.tied)


def test_float64_logits_not_rounded() -> None:
    """Logits that differ only in float64 give different decisions."""
    right = ConstantLogits(1e6 + 1e-8, *[1e6] * 9, dtype=torch.float64)
    assert not bool(ruling(grey(0.4), right).fooled)
    wrong = ConstantLogits(1e6, 1e6, 1e6, 1e6 + 1e-8, *[1e6] * 6, dtype=torch.float64)
    assert ruling(grey(0.4), wrong).predictions.tolist() == [3]


def test_tie_counts_against_model() -> None:
    """Where the label and another class have the same largest logit, the other class is predicted."""
    found = ruling(grey(0.4, 0.9), ConstantLogits(1.0, 0.0, 1.0, *[0.0] * 7))
    assert found.fooled.tolist() == [True, False]
    assert found.tied.tolist() == [True, False]
    assert found.predictions.tolist() == [2, 2]
    assert (found.confidence < 0.5).all()


def test_referee_imports_no_attack_or_threat() -> None:
    """The referee shares no code with attacks and threats, so it cannot repeat their errors."""
    with open(referee.__file__) as file:
        nodes = list(ast.walk(ast.parse(file.read())))
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    modules |= {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    plain = {"__future__", "collections.abc", "dataclasses", "numpy", "torch"}
    assert modules == {*plain, "securemnist.errors"}
