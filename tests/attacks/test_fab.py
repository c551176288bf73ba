"""FAB-T: exact plane projection, near-minimal points, no candidate outside the threat set."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import eye_array, hstack, vstack

from securemnist.attacks.apgd import APGD
from securemnist.attacks.base import AttackInput
from securemnist.attacks.fab import FAB
from securemnist.attacks.losses import nearest_classes
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.threats import L2, THREATS, Linf, Threat, make_threat
from tests.attacks.models import broken, linear, misclassified, run

KINDS = [kind(0.1) for kind in THREATS.values() if kind.form == "ball"]
threats = st.sampled_from(KINDS)


def plane(seed: int, share: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images with many pixels at 0 and 1, normals, and `share` of the largest possible <normal, d>."""
    rng = torch.Generator().manual_seed(seed)
    x = (torch.rand(4, 1, 28, 28, generator=rng) * 3 - 1).clamp(0, 1)
    normal = torch.randn(x.shape, generator=rng) * torch.rand(x.shape, generator=rng) ** 4
    limit = torch.where(normal > 0, 1 - x, x)
    return x, normal, share * (normal.abs() * limit).flatten(1).sum(1)


@settings(max_examples=30)
@given(threat=threats, seed=st.integers(0, 2**32), share=st.floats(-0.98, 0.98))
def test_plane_projection_exact(threat: Threat, seed: int, share: float) -> None:
    """The displacement reaches the plane to float32 precision and stays in the pixel range."""
    x, normal, gap = plane(seed, abs(share))
    normal, gap = (normal, gap) if share >= 0 else (-normal, -gap)
    d = threat.to_plane(x, normal, gap)
    covered = (normal * d).flatten(1).sum(1)
    assert ((covered - gap).abs() <= 1e-5 * gap.abs() + 1e-9).all()
    assert ((x + d >= -1e-6) & (x + d <= 1 + 1e-6)).all()


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_linf_plane_projection_minimal(share: float) -> None:
    """A linear program finds no displacement with a smaller L-inf norm."""
    x, normal, gap = plane(1, share)
    lengths = Linf(1).distance(x, x + Linf(1).to_plane(x, normal, gap))
    for k in range(2):
        w, pixels = normal[k].flatten().double().numpy(), x[k].flatten().double().numpy()
        one, down = eye_array(len(w)), -np.ones((len(w), 1))
        # Variables: d and its bound t; minimise t with |d_i| <= t, <w, d> = gap, 0 <= x + d <= 1.
        solved = linprog(
            [0] * len(w) + [1],
            A_ub=vstack([hstack([one, down]), hstack([-one, down])]),
            b_ub=np.zeros(2 * len(w)),
            A_eq=np.append(w, 0)[None],
            b_eq=[float(gap[k])],
            bounds=[*zip(-pixels, 1 - pixels, strict=True), (0, None)],
        )
        assert lengths[k].item() == pytest.approx(solved.fun, rel=1e-4)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_l2_plane_projection_minimal(share: float) -> None:
    """Free pixels move in proportion to the normal, others are at their limit: the optimum."""
    x, normal, gap = plane(2, share)
    d = L2(1).to_plane(x, normal, gap)
    limit = torch.where(normal > 0, 1 - x, x)
    at_end = d.abs() >= limit * (1 - 1e-6)
    for k in range(len(x)):
        free = ~at_end[k]
        rates = (d[k] / normal[k])[free]
        torch.testing.assert_close(rates, rates.mean().expand_as(rates), rtol=1e-3, atol=1e-6)
        pushed = (limit[k] / normal[k].abs())[at_end[k]]
        assert (pushed <= rates.mean() * (1 + 1e-3)).all()


@pytest.mark.parametrize("threat", KINDS, ids=str)
def test_plane_projection_unreachable(threat: Threat) -> None:
    """Where no image meets the plane, every pixel moves to its limit; with a zero normal none moves."""
    x, normal, gap = plane(3, 2.0)
    d = threat.to_plane(x, normal, gap)
    end = torch.where(normal > 0, 1.0, 0.0)
    assert ((x + d - end).abs() < 1e-3).float().mean() > 0.95
    assert not threat.to_plane(x, torch.zeros_like(x), gap).any()
    assert not threat.to_plane(x, normal, 0 * gap).any()


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_fab_point_near_minimal(norm: str) -> None:
    """The point found is at most 6 % farther than the plane of its target, however large eps is."""
    model, x, y, radius = linear(norm)
    threat = make_threat(norm, float(radius.max()) * 2)
    x_adv = run(FAB(steps=10, targets=1), model, x, y, threat)
    target = nearest_classes(AttackInput(model, x, y, threat, torch.Generator()), 1)
    margin = (model(x).gather(1, y[:, None]) - model(x).gather(1, target)).squeeze(1)
    normals = model.weight[y] - model.weight[target.squeeze(1)]
    share = threat.distance(x, x_adv) / (
        margin / normals.norm({"linf": 1, "l2": 2, "l1": math.inf}[norm], dim=1)
    )
    assert misclassified(model, x_adv, y).all()
    assert ((share >= 0.999) & (share <= 1.06)).all()


def test_fab_breaks_more_than_apgd_with_masked_gradients(mnist: DataSet) -> None:
    """On a network trained against L-inf, FAB-T breaks more samples in L2 than APGD."""
    model = loading.resolve("hardened").model
    samples = mnist.tuning[:40]
    x, y = samples.images(), samples.labels
    fab, apgd = (
        int(broken(attack, model, x, y, L2(2.0)).sum())
        for attack in (FAB(steps=60, targets=2), APGD(steps=120))
    )
    assert fab > apgd
