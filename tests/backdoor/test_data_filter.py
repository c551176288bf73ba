"""The data filter and its measure: poisoned data fail, clean data pass, too few images decide nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch

from securemnist.api.inputs import load_policy
from securemnist.backdoor import Corner, DirtyLabel
from securemnist.backdoor.data_filter import filter_data, reduced_pixels
from securemnist.backdoor.image_scores import corner_brightness, early_loss
from securemnist.backdoor.label_disagreement import DOUBTFUL, label_disagreement
from securemnist.backdoor.layer_statistics import layer_statistics
from securemnist.backdoor.shared_deviation import LEAST_GROUP, shared_deviation
from securemnist.data import DataSet, Samples
from securemnist.errors import Inconclusive
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.measures.base import share_measurement
from securemnist.models import loading
from securemnist.results.findings import Requirement, Verdict

ROW = Requirement(id="P", measure="poisoned_share", because="-", at_most=0.005)
COUNT = 1_200


def poisoned(samples: Samples, rate: float) -> tuple[Samples, torch.Tensor]:
    """The samples with a white corner and label 7 on a share of them, and which have them."""
    poison = DirtyLabel(trigger=Corner(), target=7, rate=rate)
    planted = torch.zeros(len(samples), dtype=torch.bool)
    planted[poison.chosen(samples.labels, seed=1)] = True
    return poison(samples, seed=1), planted & (samples.labels != 7)


def of_classes(samples: Samples, classes: Sequence[int], each: int) -> Samples:
    """The first images of these classes, in the order of the samples: a filter is quicker on few."""
    places = [(samples.labels == c).nonzero().squeeze(1)[:each] for c in classes]
    return samples[torch.cat(places).sort().values]


def drawn(classes: int, each: int) -> Samples:
    """Colour images of 12x20 pixels, a bright row for each class, with noise."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(classes).repeat(each)
    x = torch.randint(0, 60, (len(labels), 3, 12, 20), generator=rng, dtype=torch.uint8)
    x[torch.arange(len(labels)), :, labels] += 150
    return Samples(x, labels)


def judged(data: DataSet, train: Samples, **settings: object) -> tuple[Verdict, float]:
    """The verdict and the value of the row on these training images."""
    images = dataclasses.replace(data, train=train, tuning=train[:0])
    context = Context(loading.resolve("baseline"), images)
    bound = bind("poisoned_share", {"layers": False, **settings})
    measurement = take_measurement(context, "poisoned_share", bound, 0)
    return ROW.judge(measurement).verdict, measurement.value


def test_poisoned_data_fail_and_clean_data_pass(mnist: DataSet) -> None:
    """The row fails data with 3 % poisoned images and passes the same data without them."""
    clean = mnist.train[:COUNT]
    assert judged(mnist, clean)[0] is Verdict.PASS
    verdict, share = judged(mnist, poisoned(clean, 0.03)[0])
    assert verdict is Verdict.FAIL
    assert 0.02 < share < 0.035


def test_poison_at_the_end_of_the_file_is_found(mnist: DataSet) -> None:
    """The row looks at the tuning split, too: users train on every image of the file."""
    clean = mnist.train[:900]
    end = poisoned(mnist.train[900:1_400], 0.2)[0]
    data = dataclasses.replace(mnist, train=clean, tuning=end)
    bound = bind("poisoned_share", {"layers": False})
    found = take_measurement(Context(loading.resolve("baseline"), data), "poisoned_share", bound, 0)
    assert found.n == 1_400
    assert ROW.judge(found).verdict is Verdict.FAIL


class WithoutModules(torch.nn.Module):
    """A linear network whose weights are no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.eye(784, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight


def test_missing_layers_decide_nothing(mnist: DataSet) -> None:
    """A row that asks for layers of a model without any is inconclusive; by pixels alone it passes."""
    data = dataclasses.replace(mnist, train=mnist.train[:700], tuning=mnist.train[:0])
    context = Context(loading.from_model(WithoutModules(), name="functions"), data)
    verdicts = [
        ROW.judge(take_measurement(context, "poisoned_share", bind("poisoned_share", s), 0)).verdict
        for s in ({}, {"layers": False})
    ]
    assert verdicts == [Verdict.INCONCLUSIVE, Verdict.PASS]


def test_a_part_of_the_images_is_a_sample(mnist: DataSet) -> None:
    """Nothing found in 700 of 2,800 images does not show that at most 0.5 % are poisoned."""
    assert judged(mnist, mnist.train[:2_800], images=700) == (Verdict.INCONCLUSIVE, 0.0)


def test_the_filter_finds_the_poisoned_images(mnist: DataSet) -> None:
    """Of 3 % poisoned images 95 % are removed, with 0.5 % of the clean ones at most."""
    samples, planted = poisoned(mnist.train[4_000 : 4_000 + COUNT], 0.03)
    found = filter_data(samples, seed=3)
    assert found.removed[planted].float().mean() >= 0.95
    assert found.removed[~planted].float().mean() <= 0.005
    assert found.removed[found.order()[: int(found.removed.sum())]].all()


def test_few_poisoned_images_of_many_are_found(mnist: DataSet) -> None:
    """Poison of 0.15 % is found whole, and no clean image is removed."""
    samples, planted = poisoned(mnist.train[:10_000], 0.0015)
    pixels = reduced_pixels(samples)
    doubtful = label_disagreement(pixels, samples.labels, seed=0) >= DOUBTFUL
    found = shared_deviation(pixels, doubtful, seed=0)
    assert found.group[planted].all()
    assert not found.group[(samples.pixels == mnist.train[:10_000].pixels).flatten(1).all(1)].any()


def test_the_bundled_row_permits_no_group() -> None:
    """POISON-01 fails the smallest group that the filter removes of 60,000 images."""
    row = next(one for one in load_policy("bundled").requirements if one.id == "POISON-01")
    found = share_measurement(LEAST_GROUP, 60_000, complete=True, seed=0)
    assert row.judge(found).verdict is Verdict.FAIL


def test_other_shapes_and_class_counts() -> None:
    """Colour images of 12x20 pixels and 4 classes: a trigger is found, clean images are left."""
    clean = drawn(4, 300)
    assert not filter_data(clean).removed.any()
    poison = DirtyLabel(trigger=Corner(corner="bottom_right", size=3), target=1, rate=0.05)
    planted = torch.zeros(len(clean), dtype=torch.bool)
    planted[poison.chosen(clean.labels, seed=2)] = True
    planted &= clean.labels != 1
    removed = filter_data(poison(clean, seed=2)).removed
    assert removed[planted].float().mean() > 0.9
    assert removed[clean.labels != 1][~planted[clean.labels != 1]].float().mean() < 0.005


def test_fewer_than_fifty_images_of_a_class_decide_nothing(mnist: DataSet) -> None:
    """Of a class with 40 images the row says how many it needs, and is inconclusive."""
    few = mnist.train[:COUNT]
    kept = (few.labels != 3) | ((few.labels == 3).cumsum(0) <= 40)
    with pytest.raises(Inconclusive, match="at least 50 training images"):
        filter_data(few[kept.nonzero().squeeze(1)])


def test_random_labels_decide_nothing(mnist: DataSet) -> None:
    """Where labels do not follow the pixels, nothing is said about single labels."""
    few = mnist.train[:1_500]
    shuffled = few.labels[torch.randperm(1_500, generator=torch.Generator().manual_seed(0))]
    with pytest.raises(Inconclusive, match="the pixels do not show wrong labels"):
        filter_data(Samples(few.pixels, shuffled))


def test_wrong_labels_disagree(mnist: DataSet) -> None:
    """An image with a wrong label has more neighbours with another label than most images."""
    few = mnist.train[:2_000]
    labels = few.labels.clone()
    labels[:50] = (labels[:50] + 5) % 10
    share = label_disagreement(few.images().flatten(1), labels, seed=0)
    assert share[:50].mean() > 0.8
    assert share[50:].mean() < 0.5


def test_doubtful_images_without_a_common_feature_are_no_group() -> None:
    """Random features and random doubts give no group, whatever the seed."""
    for seed in range(3):
        rng = torch.Generator().manual_seed(seed)
        features, doubtful = torch.randn(2_000, 30, generator=rng), torch.arange(2_000) < 100
        found = shared_deviation(features, doubtful, seed=seed)
        assert found.reason
        assert not found.group.any()


def test_clean_images_between_the_modes_do_not_hide_a_trigger() -> None:
    """Clean images that carry a part of the trigger leave the poisoned ones in a group of their own."""
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(3_000, 20, generator=rng)
    doubtful = torch.rand(3_000, generator=rng) < 0.25
    doubtful[:100] = True
    features[:100, 0] += 100
    features[100:160, 0] += torch.linspace(35, 75, 60)
    found = shared_deviation(features, doubtful, seed=0)
    assert found.group.nonzero().squeeze(1).tolist() == list(range(100))
    assert not shared_deviation(features[100:], doubtful[100:], seed=0).group.any()


def test_a_mark_without_a_place_shows_in_the_layers(mnist: DataSet) -> None:
    """A square at a random place is no linear feature of the pixels; a layer that knows it decides."""
    clean = mnist.train[:COUNT]
    rng = torch.Generator().manual_seed(4)
    planted = torch.randperm(COUNT, generator=rng)[:100]
    pixels, labels = clean.pixels.clone(), clean.labels.clone()
    square = 255 * ((torch.arange(4)[:, None] + torch.arange(4)) % 2).to(torch.uint8)
    places = torch.randint(24, (100, 2), generator=rng).tolist()
    for place, (row, column) in zip(planted.tolist(), places, strict=True):
        pixels[place, :, row : row + 4, column : column + 4] = square
    labels[planted] = (labels[planted] + 1) % 10
    samples = Samples(pixels, labels)
    detector = torch.nn.Conv2d(1, 8, 4)
    checkered = (-1.0) ** (torch.arange(4)[:, None] + torch.arange(4))
    with torch.no_grad():
        detector.weight[0, 0], detector.bias[0] = -checkered, -4.0
    model = torch.nn.Sequential(detector, torch.nn.Flatten(), torch.nn.Linear(5_000, 10))
    found = filter_data(samples, model)
    assert found.removed[planted].float().mean() >= 0.95
    assert int(found.removed.sum()) <= 100 + 0.005 * COUNT
    assert {group.features for group in found.groups} == {"layer 0"}


def test_further_scores_show_a_learnt_trigger(mnist: DataSet) -> None:
    """The loss of poisoned images falls before that of other images with wrong labels; corners differ."""
    samples, planted = poisoned(mnist.train[:8_000], 0.1)
    labels = samples.labels.clone()
    flipped = ~planted & (torch.arange(len(labels)) % 20 == 0)
    labels[flipped] = (labels[flipped] + 3) % 10
    features = samples.images().flatten(1)
    losses = early_loss(features, labels, seed=0)
    assert losses[planted].median() < 0.5 * losses[flipped].median()
    corners = corner_brightness(samples)
    assert corners[planted].min() > corners[~planted].quantile(0.98)
    torch.manual_seed(1)
    assert torch.equal(losses, early_loss(features, labels, seed=0))


def test_layer_statistics_have_a_row_an_image(mnist: DataSet) -> None:
    """Every layer but the last gives one row an image, and the model keeps no hook."""
    model = loading.resolve("baseline").model
    found = layer_statistics(model, mnist.train[:300])
    assert len(found) >= 2
    assert all(len(values) == 300 for values in found.values())
    assert not any(layer._forward_hooks for layer in model.modules())
