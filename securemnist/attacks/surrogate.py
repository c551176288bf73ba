"""Surrogate: a network trained from the model's answers, whose gradients make adversarial images.

Papernot et al. 2017 (arXiv 1602.02697). The answers may be scores or labels. Each round trains on all
answers so far, attacks the surrogate, and asks the model about the results; these answers correct the
surrogate where it was wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
import torch.nn.functional as F

from securemnist.attacks.base import BATCH, Attack, AttackInput, NativeAttack
from securemnist.attacks.losses import answers, loss_and_gradient, margins
from securemnist.attacks.validation import check_counts
from securemnist.batches import channels_last
from securemnist.input_spec import InputSpec
from securemnist.models.architectures import ConvNetA
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, Logits, Model, Progress

# Steps for images that only train the surrogate: they need not be the best.
_STEPS_OF_OTHERS = 5
_RATE = 1e-3


@final
@dataclass(frozen=True, kw_only=True)
class Surrogate(NativeAttack):
    """Gradients of a network trained from the model's answers (Papernot et al., arXiv 1602.02697).

    Each of `rounds` rounds trains by `updates` batches. It asks once about each surviving image, and once
    about each of `examples` other images of the data. `steps`: gradient steps on the surrogate.
    """

    black_box: ClassVar[bool] = True
    uses_pool: ClassVar[bool] = True
    examples: int = 500
    rounds: int = 5
    updates: int = 60
    steps: int = 20

    def __post_init__(self) -> None:
        check_counts(
            examples=self.examples, rounds=self.rounds, updates=self.updates, steps=self.steps
        )

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        found, surviving = inputs.x.clone(), torch.arange(len(inputs.x), device=inputs.x.device)
        pool = inputs.x[:0] if inputs.pool is None else inputs.pool[: self.examples]
        pool = pool.to(inputs.x.device)
        logits = answers(inputs.model, torch.cat([inputs.x, pool]))
        network = SurrogateNetwork(inputs.x, logits.shape[1], inputs.rng)
        network.learn(torch.cat([inputs.x, pool]), logits)
        classes = logits[len(inputs.x) :].argmax(1)
        for number in range(self.rounds):
            progress(self.name, number, self.rounds)
            network.train(self.updates)
            part = inputs.of(surviving)
            candidates = climbed(network.model, part, self.steps)
            logits = answers(inputs.model, candidates)
            wrong = is_wrong(logits, part.y)
            found[surviving[wrong]] = candidates[wrong]
            surviving = surviving[~wrong]
            if not len(surviving) or number + 1 == self.rounds:
                break
            network.learn(candidates, logits)
            if len(pool):
                others = replace(inputs, x=pool, y=classes)
                moved = climbed(network.model, others, min(self.steps, _STEPS_OF_OTHERS))
                network.learn(moved, answers(inputs.model, moved))
        return found

    @property
    def name(self) -> str:
        return f"surrogate-{self.rounds}"

    @property
    def queries_per_image(self) -> int:
        return self.rounds + 1

    @property
    def shared_queries(self) -> int:
        return self.examples * self.rounds

    def passes(self) -> float:
        return float(self.rounds * (self.steps + 1 + self.updates))

    def longer(self) -> Attack | None:
        return None


def climbed(model: Model, inputs: AttackInput, steps: int) -> Images:
    """Images after all gradient steps by the margin, also of those that are misclassified earlier.

    A search that ended at the first success would transfer less.
    """
    threat, parts = inputs.threat, []
    for x, y in inputs.batches():
        moved = threat.random_start(x, inputs.rng)
        for _ in range(steps):
            _, gradient, _ = loss_and_gradient(model, moved, y, margins)
            step = 2.5 * threat.eps / steps * threat.steepest(gradient)
            moved = threat.project(x, moved + step)
        parts.append(moved)
    return torch.cat(parts)


class SurrogateNetwork:
    """Two convolutions for images in the form of `x` (n, C, H, W), with random weights at first.

    `rng` is the only source of random numbers.
    """

    def __init__(self, x: Images, classes: int, rng: torch.Generator) -> None:
        self.rng = rng
        channels, height, width = x.shape[1:]
        # Layers draw their weights from the global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (1,), generator=rng)))
            self.model = ConvNetA(InputSpec(channels, height, width, classes)).to(x.device).eval()
        self._images, self._answers = x[:0], x.new_empty((0, classes))
        self._optimizer = torch.optim.Adam(self.model.parameters(), lr=_RATE)

    def learn(self, x: Images, logits: Logits) -> None:
        """Add images and the model's answers to them; answers that are not finite are left out."""
        answers = logits.double().softmax(1).to(x.dtype)
        finite = torch.isfinite(answers).all(1)
        self._images = torch.cat([self._images, x[finite]])
        self._answers = torch.cat([self._answers, answers[finite]])

    def train(self, updates: int) -> None:
        """Adam on random batches of all images so far; the loss is the answers' cross-entropy."""
        if not len(self._images):
            return
        count = len(self._images)
        for _ in range(updates):
            places = torch.randint(count, (min(BATCH, count),), generator=self.rng)
            places = places.to(self._images.device)
            with torch.enable_grad():
                logits = self.model(channels_last(self._images[places]))
                loss = F.cross_entropy(logits, self._answers[places])
                self._optimizer.zero_grad()
                loss.backward()
            self._optimizer.step()
