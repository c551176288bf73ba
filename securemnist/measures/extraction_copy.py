"""A copy of a model: network A, trained on the answers to images of which the attacker has no labels.

Tramer et al. 2016 (arXiv 1609.02943); Orekondy et al. 2019 (arXiv 1812.02766). Scores are softened before
they are learned, since they then also tell how near other classes are (Hinton et al. 2015,
arXiv 1503.02531).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from securemnist._util.hashing import seed_from
from securemnist._util.random_numbers import generator
from securemnist.batches import channels_last
from securemnist.input_spec import InputSpec
from securemnist.models.architectures import ConvNetA
from securemnist.models.probabilities import are_probabilities
from securemnist.types import Images, Logits, Progress

# Images that a copy sees in all epochs together, at least, and of how many each batch consists.
TAKEN, _BATCH = 40_000, 128
_RATE = 3e-3
# Scores are scaled so that the median of the largest less the next is this. `baseline` was copied better
# with 2 than with 4, and than with 13, its own.
_MARGIN = 2.0
_SHIFTED = 14  # each image is moved by up to one fourteenth of its side: the class stays
_LEAST = 1e-12  # the smallest probability whose logarithm is taken


class Copy(nn.Module):
    """A network for images of a smaller form that takes those of the model, and makes them smaller."""

    def __init__(self, network: nn.Module, small: InputSpec) -> None:
        super().__init__()
        self.network, self.size = network, (small.height, small.width)

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.network(F.adaptive_avg_pool2d(x, self.size))
        return logits


def targets(outputs: Logits, *, labels_only: bool) -> torch.Tensor:
    """What a copy learns, float32 (n, K), from a model's outputs (n, K): its labels or softened scores.

    No scale of the logits changes the result. Scores of which half are ties are labels, too.
    """
    outputs = outputs.detach().cpu().double()
    labels = F.one_hot(outputs.argmax(1), outputs.shape[1])
    if are_probabilities(outputs):  # a rounded 0 counts as half of the smallest score
        least = outputs[outputs > _LEAST].min()
        outputs = outputs.clamp_min(float(least) / 2).log()
    first, second = outputs.topk(2, dim=1).values.unbind(1)
    usual = float((first - second).median())
    if labels_only or not usual:
        return labels.float()
    return (outputs * (_MARGIN / usual)).softmax(1).float()


def taken(images: int) -> int:
    """How many images a copy sees in all epochs together: at least two epochs."""
    return max(TAKEN, 2 * images)


def updates_of(images: int) -> int:
    """How many updates a copy takes that is trained on this number of images."""
    return max(1, taken(images) // _BATCH)


def copied(x: Images, wanted: torch.Tensor, *, seed: int, progress: Progress) -> nn.Module:
    """Network A after training on images (n, C, H, W) and what it should answer (n, K), in eval mode.

    Adam with one cycle of the learning rate, on images that are shifted at random. The result depends on
    the arguments alone.
    """
    spec = InputSpec(x.shape[1], x.shape[2], x.shape[3], wanted.shape[1])
    rng = generator(seed, "copy")
    with torch.random.fork_rng(devices=[]):  # layers draw their weights from the global generator
        torch.manual_seed(seed_from(seed, "copy weights"))
        network = ConvNetA(spec)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    updates = updates_of(len(x))
    optimizer = torch.optim.Adam(network.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=updates)
    order = torch.empty(0, dtype=torch.long)
    for update in range(updates):
        if update % 50 == 0:
            progress("copy", update, updates)
        while len(order) < _BATCH:
            order = torch.cat([order, torch.randperm(len(x), generator=rng)])
        places, order = order[:_BATCH], order[_BATCH:]
        with torch.enable_grad():
            logits = network(channels_last(_shifted(x[places], rng)))
            loss = F.cross_entropy(logits, wanted[places])
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def _shifted(x: Images, rng: torch.Generator) -> Images:
    """Images (n, C, H, W), each moved by a random number of pixels; black comes in at the edges."""
    _, _, height, width = x.shape
    most = max(1, round(min(height, width) / _SHIFTED))
    padded = F.pad(x, (most,) * 4)
    down, right = torch.randint(2 * most + 1, (2, len(x)), generator=rng)
    rows, columns = down[:, None] + torch.arange(height), right[:, None] + torch.arange(width)
    one = torch.arange(len(x))[:, None, None]
    return padded.permute(0, 2, 3, 1)[one, rows[:, :, None], columns[:, None, :]].permute(
        0, 3, 1, 2
    )
