"""The network that learns from answers of a model: two convolutions, for images of any form."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from securemnist.attacks.base import BATCH, channels_last
from securemnist.input_spec import InputSpec
from securemnist.models.architectures import ConvNetA
from securemnist.types import Images, Logits

_RATE = 1e-3


class SurrogateNetwork:
    """A network for images in the form of `x` (n, C, H, W) and a number of classes, not trained yet.

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
