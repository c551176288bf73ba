"""Attacks on pixels and by patches: exact on a linear model, queries, and strength on a network."""

from __future__ import annotations

import pytest
import torch

from securemnist.attacks.apgd import APGD
from securemnist.attacks.base import Attack, AttackInput
from securemnist.attacks.fgsm import FGSM
from securemnist.attacks.losses import loss_and_gradient, margins
from securemnist.attacks.patch_search import PatchSearch, ranked
from securemnist.attacks.sparse_rs import SparseRS
from securemnist.data import DataSet
from securemnist.models.loading import Subject
from securemnist.referee import inside_budget
from securemnist.threats import L0, L1, L2, Patch, Threat
from tests.attacks.models import Recorder, TwoClass, WithoutGradient, misclassified, run
from tests.attacks.models import weight as random_weight

SPARSE: list[tuple[Attack, Threat]] = [
    (SparseRS(queries=20), L0(6)),
    (SparseRS(queries=20), Patch(4)),
    (PatchSearch(places=2, steps=3), Patch(4)),
]


def grey(n: int = 40) -> torch.Tensor:
    """Images near mid-grey, so that every pixel can move by about a half."""
    noise = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    return 0.4 + 0.2 * noise


def largest_gain(threat: Threat, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The largest change of the score of a linear model towards the other class, (n,)."""
    towards = torch.where(y == 1, -1.0, 1.0).view(-1, 1, 1, 1)
    gradient = (random_weight().view(1, 1, 28, 28) * towards).expand_as(x)
    gain = (gradient * ((gradient > 0).float() - x))[:, 0]
    if isinstance(threat, L0):
        return gain.flatten(1).topk(threat.count, 1).values.sum(1)
    side = int(threat.eps)
    windows = gain.unfold(1, side, 1).unfold(2, side, 1)
    return windows.sum((3, 4)).flatten(1).amax(1)


@pytest.mark.parametrize(("attack", "threat"), SPARSE, ids=str)
def test_a_linear_model_is_broken_where_it_can_be(attack: Attack, threat: Threat) -> None:
    """Every image within reach of the best pixels or the best place is broken, and no other one."""
    x = grey()
    model = TwoClass(random_weight())
    y = model(x).argmax(1)
    gain = largest_gain(threat, x, y)
    # The nearer images have the score that the gain reaches, the others one and a half times that.
    score = model.score(x).abs()
    model.weight = random_weight()
    shift = torch.where(torch.arange(len(x)) % 2 == 0, 0.9, 1.5) * gain - score

    class Shifted(torch.nn.Module):
        """The linear model with the score of each image moved away from the boundary."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            nearest = torch.cdist(images.flatten(1), x.flatten(1)).argmin(1)
            sign = torch.where(y[nearest] == 1, 1.0, -1.0)
            moved = model.score(images) + sign * shift[nearest]
            return torch.stack([-moved, moved], 1)

    x_adv = run(attack, Shifted(), x, y, threat)
    assert misclassified(Shifted(), x_adv, y).tolist() == [True, False] * 20


@pytest.mark.parametrize("threat", [L0(6), Patch(4)], ids=str)
def test_sparse_rs_needs_no_gradient(threat: Threat) -> None:
    """On a model without gradients Sparse-RS breaks images by answers alone, within its queries."""
    x = torch.rand(12, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    recorder = Recorder(WithoutGradient())
    y = WithoutGradient()(x).argmax(1)
    x_adv = run(SparseRS(queries=9), recorder, x, y, threat)
    assert inside_budget(x, x_adv, threat.norm, threat.eps).all()
    assert sum(recorder.batches) <= 9 * len(x)


def test_patch_search_breaks_more_than_one_step(baseline: Subject, mnist: DataSet) -> None:
    """Content optimised at several places breaks more images than FGSM's place and content."""
    samples = mnist.tuning[:40]
    x, y = samples.images(), samples.labels
    one, many = (
        int(misclassified(baseline.model, run(attack, baseline.model, x, y, Patch(5)), y).sum())
        for attack in (FGSM(), PatchSearch(places=8, steps=8))
    )
    assert one + 3 < many


class WhiteSquare(torch.nn.Module):
    """Two classes; the score is that of one square of 5x5, and lowest where it is a little grey."""

    def __init__(self, row: int, column: int) -> None:
        super().__init__()
        self.square = slice(row, row + 5), slice(column, column + 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = x[:, :, self.square[0], self.square[1]].flatten(1).mean(1)
        score = (inside - 0.3).square() - 0.46
        return torch.stack([-score, score], 1)


@pytest.mark.parametrize("place", [(11, 13), (0, 23), (23, 6)])
@pytest.mark.parametrize("side", [28, 40])
def test_a_white_patch_is_found_where_the_gradient_points_to_black(
    side: int, place: tuple[int, int]
) -> None:
    """Of all places one breaks the model, and only a white patch there, which no gradient favours."""
    x, y = torch.full((3, 1, side, side), 0.2), torch.zeros(3, dtype=torch.long)
    model = WhiteSquare(*place)
    x_adv = run(PatchSearch(places=2, steps=3), model, x, y, Patch(5))
    assert misclassified(model, x_adv, y).all()


class Blind(torch.nn.Module):
    """The same answers without a gradient."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return self.model(x)  # type: ignore[no-any-return]


def test_a_white_patch_is_found_by_answers_alone() -> None:
    """Without gradients black and white patches are tried at places all over the image."""
    x, y = torch.full((8, 1, 28, 28), 0.2), torch.zeros(8, dtype=torch.long)
    model = Blind(WhiteSquare(8, 12))
    x_adv = run(SparseRS(queries=400), model, x, y, Patch(5))
    assert misclassified(model, x_adv, y).all()


def test_places_differ_and_the_best_comes_first(baseline: Subject, mnist: DataSet) -> None:
    """Ranked places are within the image, different, and in the order of their losses."""
    samples = mnist.tuning[:5]
    x, y, threat = samples.images(), samples.labels, Patch(5)
    inputs = AttackInput(baseline.model, x, y, threat, torch.Generator())
    places, contents = ranked(inputs, threat, 6)
    assert places.shape == contents.shape == (5, 6)
    assert ((places >= 0) & (places < 576)).all()
    assert all(len(set(row)) == 6 for row in places.tolist())
    # Black, white, and the end of the range that the gradient favours.
    favoured = (loss_and_gradient(baseline.model, x, y, margins)[1] > 0).float()
    fills = torch.stack([torch.zeros_like(x), torch.ones_like(x), favoured])
    losses = []
    for place, content in zip(places.T, contents.T, strict=True):
        inside = threat.squares(place, 28, 28)[:, None]
        patched = torch.where(inside, fills[content, torch.arange(len(x))], x)
        losses.append(margins(baseline.model(patched).detach(), y, y))
    assert (torch.stack(losses).diff(dim=0) <= 1e-4).all()


def test_apgd_in_l1_is_stronger_than_its_l2_ball(baseline: Subject, mnist: DataSet) -> None:
    """APGD in L1 changes few pixels, and breaks more than the L2 ball inside the same L1 ball."""
    samples = mnist.tuning[:32]
    x, y = samples.images(), samples.labels
    x_adv = run(APGD(steps=25), baseline.model, x, y, L1(12))
    broken = misclassified(baseline.model, x_adv, y)
    assert (x_adv[broken] != x[broken]).flatten(1).sum(1).float().mean() < 200
    in_l2 = run(APGD(steps=25), baseline.model, x, y, L2(12 / 28))
    assert broken.sum() > misclassified(baseline.model, in_l2, y).sum() + 3
