"""FAB-T: its projection is exact, its points are near, and what is outside is not proposed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import eye_array, hstack, vstack

from securemnist.attacks.apgd import APGD
from securemnist.attacks.fab import FAB
from securemnist.attacks.losses import nearest_classes
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.threats import L2, Linf, Threat, make_threat
from tests.attacks.searches import fallen, linear, run

threats = st.sampled_from([Linf(0.3), L2(2.0)])


def plane(seed: int, share: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images with many pixels at 0 and 1, normals, and `share` of the gaps that can be closed."""
    rng = torch.Generator().manual_seed(seed)
    x = (torch.rand(4, 1, 28, 28, generator=rng) * 3 - 1).clamp(0, 1)
    normal = torch.randn(x.shape, generator=rng) * torch.rand(x.shape, generator=rng) ** 4
    room = torch.where(normal > 0, 1 - x, x)
    return x, normal, share * (normal.abs() * room).flatten(1).sum(1)


@settings(max_examples=30)
@given(threat=threats, seed=st.integers(0, 2**32), share=st.floats(-0.98, 0.98))
def test_a_projection_meets_the_plane(threat: Threat, seed: int, share: float) -> None:
    """The displacement closes the gap to float32 precision and stays in the pixel range."""
    x, normal, gap = plane(seed, abs(share))
    normal, gap = (normal, gap) if share >= 0 else (-normal, -gap)
    d = threat.to_plane(x, normal, gap)
    covered = (normal * d).flatten(1).sum(1)
    assert ((covered - gap).abs() <= 1e-5 * gap.abs() + 1e-9).all()
    assert ((x + d >= -1e-6) & (x + d <= 1 + 1e-6)).all()


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_no_shorter_way_in_linf(share: float) -> None:
    """A linear program finds no displacement with a smaller largest entry."""
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
def test_no_shorter_way_in_l2(share: float) -> None:
    """Free pixels move in proportion to the normal, the others have reached their end: optimal."""
    x, normal, gap = plane(2, share)
    d = L2(1).to_plane(x, normal, gap)
    room = torch.where(normal > 0, 1 - x, x)
    at_end = d.abs() >= room * (1 - 1e-6)
    for k in range(len(x)):
        free = ~at_end[k]
        rates = (d[k] / normal[k])[free]
        torch.testing.assert_close(rates, rates.mean().expand_as(rates), rtol=1e-3, atol=1e-6)
        pushed = (room[k] / normal[k].abs())[at_end[k]]
        assert (pushed <= rates.mean() * (1 + 1e-3)).all()


@pytest.mark.parametrize("threat", [Linf(0.3), L2(2.0)], ids=str)
def test_a_plane_out_of_reach(threat: Threat) -> None:
    """Where no image meets the plane, every pixel goes to its end; without a normal none moves."""
    x, normal, gap = plane(3, 2.0)
    d = threat.to_plane(x, normal, gap)
    end = torch.where(normal > 0, 1.0, 0.0)
    assert ((x + d - end).abs() < 1e-3).float().mean() > 0.95
    assert not threat.to_plane(x, torch.zeros_like(x), gap).any()
    assert not threat.to_plane(x, normal, 0 * gap).any()


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_linear_model_falls_at_its_margin(norm: str) -> None:
    """Digits nearer than eps to another class fall, by 1 % at least, and no digit beyond eps does."""
    model, x, y, radius = linear(norm)
    threat = make_threat(norm, float(radius.median()) * 1.001)
    x_adv = run(FAB(steps=10), model, x, y, threat)
    fell = fallen(model, x_adv, y)
    assert not fell[radius > threat.eps].any()
    assert fell[radius < 0.99 * threat.eps].all()
    assert torch.equal(x_adv[~fell], x[~fell])


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_nearest_point_is_found(norm: str) -> None:
    """However large eps is, the point found is at most 6 % farther than the plane to its target."""
    model, x, y, radius = linear(norm)
    threat = make_threat(norm, float(radius.max()) * 2)
    x_adv = run(FAB(steps=10, targets=1), model, x, y, threat)
    target = nearest_classes(model, x, y)[:, :1]
    lead = (model(x).gather(1, y[:, None]) - model(x).gather(1, target)).squeeze(1)
    normals = model.weight[y] - model.weight[target.squeeze(1)]
    share = threat.distance(x, x_adv) / (lead / normals.norm({"linf": 1, "l2": 2}[norm], dim=1))
    assert fallen(model, x_adv, y).all()
    assert ((share >= 0.999) & (share <= 1.06)).all()


def test_it_finds_what_ascent_does_not(mnist: DataSet) -> None:
    """In L2 a network trained against L-inf hides its gradients: FAB-T breaks more than APGD there."""
    model = loading.resolve("hardened").model
    digits = mnist.tuning[:40]
    x, y = digits.images(), digits.labels
    fab, apgd = (
        int(fallen(model, run(attack, model, x, y, L2(2.0)), y).sum())
        for attack in (FAB(steps=60, targets=2), APGD(steps=120))
    )
    assert fab > apgd
