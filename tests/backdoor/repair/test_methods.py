"""Ways of repair: the backdoor goes, accuracy stays, and the given network is not changed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.backdoor import Blend
from securemnist.backdoor.repair import METHODS, begun, measuring
from securemnist.backdoor.repair.clean_set import clean_set
from securemnist.backdoor.repair.fine_tuning import shifted, unlearning_loss
from securemnist.backdoor.repair.outcome import measured
from securemnist.backdoor.repair.relearning import relearned
from securemnist.backdoor.repair.trigger_unlearning import triggered
from securemnist.backdoor.repair.universal import perturbations
from securemnist.data import Samples
from securemnist.errors import UsageError
from tests.backdoor.repair.conftest import TARGET, TRIGGER, Backdoored
from tests.small_network import same_weights

CLEAN = 250


@pytest.mark.parametrize("method", ["unlearn", "universal"])
def test_unlearning_removes_the_backdoor(method: str, backdoored: Backdoored) -> None:
    """ASR falls from above 90 % to below 10 %, triggered images get their classes, accuracy stays."""
    model, data = backdoored.subject().model, backdoored.data
    before = {name: value.clone() for name, value in model.state_dict().items()}
    work = begun(model, clean_set(data, CLEAN, seed=1), (TRIGGER,), seed=1)
    METHODS[method](work)
    found = measured(model, work, data.test, (), TARGET)
    (effect,) = found.triggers
    assert effect.before.success.value > 0.9
    assert effect.after.success.value < 0.1
    assert effect.after.recovered.value > 0.9
    assert found.after.value > found.before.value - 0.02
    assert found.exit_code == 0
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("method", ["sam", "prune"])
def test_other_methods_keep_accuracy(method: str, backdoored: Backdoored) -> None:
    """Sharpness-aware steps and pruning change the weights and lose at most two points of accuracy."""
    model, data = backdoored.subject().model, backdoored.data
    work = begun(model, clean_set(data, CLEAN, seed=0))
    METHODS[method](work)
    assert not same_weights(model, work.model)
    lost = (measuring.accuracy(net, data.test).value for net in (model, work.model))
    assert next(lost) - next(lost) <= 0.02


def test_one_seed_gives_one_result(backdoored: Backdoored) -> None:
    """The same seed gives the same perturbations and weights, whatever the global generator."""
    model, clean = backdoored.subject().model, clean_set(backdoored.data, 60, seed=0)
    works, found = [], []
    for state in (1, 2):
        torch.manual_seed(state)
        works.append(begun(model, clean, (TRIGGER,), seed=3))
        found.append(perturbations(works[-1], works[-1].generator("test")))
        METHODS["unlearn"](works[-1])
    assert torch.equal(*found)
    assert same_weights(works[0].model, works[1].model)


def test_unlearning_needs_a_trigger(backdoored: Backdoored) -> None:
    """Without a trigger the method `unlearn` is a usage error."""
    work = begun(backdoored.subject().model, clean_set(backdoored.data, CLEAN, seed=0))
    with pytest.raises(UsageError, match="expected a trigger for the method unlearn, got none"):
        METHODS["unlearn"](work)


def test_images_get_the_triggers_in_turn(backdoored: Backdoored) -> None:
    """Of two triggers, the first is on even images and the second on odd ones."""
    x = backdoored.data.test[:5].images()
    changed = triggered(x, (TRIGGER, Blend()))
    assert torch.equal(changed[::2], TRIGGER(x[::2]))
    assert torch.equal(changed[1::2], Blend()(x[1::2]))


def test_images_are_moved_by_a_fourteenth_of_their_sides() -> None:
    """Each image of 28x14 is moved by up to 2 rows and 1 column, with its edge repeated."""
    x = torch.arange(28 * 14.0).view(1, 1, 28, 14).expand(200, 3, 28, 14)
    found = shifted(x, torch.Generator().manual_seed(0))
    padded = nn.functional.pad(x[:1], (1, 1, 2, 2), mode="replicate")
    moves = {
        padded[0, :, r : r + 28, c : c + 14].numpy().tobytes() for r in range(5) for c in range(3)
    }
    assert {image.numpy().tobytes() for image in found} == moves
    assert torch.equal(shifted(x[..., :13, :13], torch.Generator()), x[..., :13, :13])


def test_images_whose_place_is_their_class_stay() -> None:
    """Where a moved image gets another class by the network, the fine-tuning sees it as it is."""
    lines = nn.functional.one_hot(torch.arange(28), 28).float()
    x, y = lines[:, None, :, None].expand(28, 1, 28, 28).clone(), torch.arange(28)
    linear = nn.Linear(784, 28, bias=False)
    with torch.no_grad():
        linear.weight.copy_(9 * x.flatten(1))  # the class of a line is its row
    model = nn.Sequential(nn.Flatten(), linear)
    seen = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().clone()))
    loss = unlearning_loss(begun(model, Samples((x * 255).byte(), y)), lambda images: images)
    seen.clear()
    loss(x, y)
    assert torch.equal(seen[-1].argmax(2)[:28, 0, 0], y)


def test_perturbations_mislead_the_network(backdoored: Backdoored) -> None:
    """Two perturbations for each class stay in their sizes; that of the target has its effect."""
    work = begun(backdoored.subject().model, clean_set(backdoored.data, CLEAN, seed=0))
    found = perturbations(work, work.generator("test"))
    assert found.shape == (8, 3, 10, 10)
    radius = 2.5 / 28 * 10
    assert found[:4].flatten(1).norm(dim=1).max() <= radius + 1e-4
    assert found[4:].abs().sum(1).ne(0).flatten(1).sum(1).max() == round(100 * 20 / 784)
    x = backdoored.data.test.images()
    shares = [
        float((work.model((x + one).clamp(0, 1)).argmax(1) == TARGET).float().mean())
        for one in found
    ]
    assert max(shares) > 0.8


def test_the_clean_set_has_no_test_image(backdoored: Backdoored) -> None:
    """Clean images are drawn by the seed, and none of them is measured on."""
    data = backdoored.data
    clean = clean_set(data, 400, seed=0)
    assert len(clean) == 400
    assert set(clean.contents).isdisjoint(data.test.contents)
    assert clean.digest == clean_set(data, 400, seed=0).digest
    assert clean.digest != clean_set(data, 400, seed=1).digest


@pytest.mark.parametrize("count", [49, 1_001])
def test_too_few_clean_images(count: int, backdoored: Backdoored) -> None:
    """Fewer than 50 clean images, and more than there are, are usage errors."""
    with pytest.raises(UsageError, match="clean images"):
        clean_set(backdoored.data, count, seed=0)


def test_poison_is_learned_again(backdoored: Backdoored) -> None:
    """The original has its backdoor after an epoch with poisoned images; it is not changed itself."""
    model, data = backdoored.subject().model, backdoored.data
    before = {name: value.clone() for name, value in model.state_dict().items()}
    work = begun(model, clean_set(data, CLEAN, seed=0), (TRIGGER,))
    again = relearned(model, work, TRIGGER, TARGET)
    assert measuring.effect(again, TRIGGER, TARGET, data.test).success.value > 0.9
    assert not same_weights(again, model)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert same_weights(work.model, model)
