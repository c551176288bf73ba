"""Statistics of an image and its answer, by which drift is measured."""

from __future__ import annotations

import torch

from securemnist.types import Images, Labels, Logits

_LARGEST = 1e30  # so that differences stay finite


def names(channels: int) -> tuple[str, ...]:
    """Names of the statistics of images with this number of channels.

    margin: largest logit minus the second largest. entropy: of the softmax, in nats. variation: sum of
    the mean absolute differences of horizontal and of vertical neighbours. brightness: mean of each
    channel.
    """
    means = ("brightness",) if channels == 1 else tuple(f"brightness {c}" for c in range(channels))
    return ("margin", "entropy", "variation", *means)


def statistics(images: Images, logits: Logits) -> tuple[torch.Tensor, Labels]:
    """The statistics float32 (n, S), and the predicted classes int64 (n,).

    `images` float32 (n, C, H, W) in [0, 1], `logits` (n, K). NaN counts as a logit of 0, and
    logits beyond 1e30 as that.
    """
    logits = torch.nan_to_num(logits.float()).clamp_(-_LARGEST, _LARGEST)
    top = logits.topk(2, 1)
    log_shares = logits.log_softmax(1)
    entropy = -(log_shares.exp() * log_shares).sum(1)
    across = (images[..., 1:] - images[..., :-1]).abs_().mean((1, 2, 3))
    down = (images[..., 1:, :] - images[..., :-1, :]).abs_().mean((1, 2, 3))
    columns = [top.values[:, 0] - top.values[:, 1], entropy, across + down]
    return torch.column_stack([*columns, images.mean((2, 3))]), top.indices[:, 0]
