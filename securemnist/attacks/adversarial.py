"""One attack on a caller's images: what it proposes, and what the referee accepts of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from securemnist._util.random_numbers import generator
from securemnist.attacks.refereed import attempt
from securemnist.batches import batch_size
from securemnist.data.tensors import checked_images, checked_labels
from securemnist.data.thumbnail import thumbnail
from securemnist.errors import MeasureError, SecureMnistError
from securemnist.input_spec import MOST_CLASSES, InputSpec
from securemnist.models import contract
from securemnist.models.borrowing import borrowed
from securemnist.models.loading import Subject
from securemnist.models.probabilities import with_gradients
from securemnist.threats import Threat, as_threat
from securemnist.types import Images, Labels, Progress
from securemnist.view import notebook, png
from securemnist.view.progress import shown

if TYPE_CHECKING:
    from securemnist.attacks.base import Attack


@dataclass(frozen=True, repr=False)
class AdversarialImages:
    """The result of one attack on n images.

    `images` float32 (n, C, H, W) in [0, 1]: the proposals. `success` bool (n,): the proposal lies
    within the threat, and the model does not predict the label; decided by the referee in float64.
    `predictions` int64 (n,): the classes of the proposals; of a tie with the label the other class.
    `labels` int64 (n,): those of the call.
    """

    images: Images
    success: torch.Tensor
    predictions: Labels
    attack: str
    threat: str
    labels: Labels

    def __repr__(self) -> str:
        return (
            f"<AdversarialImages: {self.attack} within {self.threat}, "
            f"{int(self.success.sum()):,} of {len(self.success):,} successful>"
        )

    def _repr_html_(self) -> str:
        facts = {"attack": self.attack, "threat": self.threat}
        title = f"{int(self.success.sum()):,} of {len(self.success):,} images misclassified"
        places = self.success.nonzero().flatten().tolist()[: notebook.PICTURES]
        return notebook.card(title, facts, pictures=[self._picture(place) for place in places])

    def _picture(self, place: int) -> tuple[str, str]:
        picture = thumbnail(self.images[place])
        caption = f"{int(self.labels[place])} \N{RIGHTWARDS ARROW} {int(self.predictions[place])}"
        return png.image(picture), caption


def attacked(
    attack: Attack,
    model: nn.Module | Subject | str,
    x: Any,
    y: Any,
    threat: Threat | Mapping[str, Any] | str,
    seed: int,
    progress: Progress | bool,
) -> AdversarialImages:
    """Run an attack on images; see `Attack.__call__`."""
    within = as_threat(threat)
    x = checked_images(x)
    channels, height, width = x.shape[1:]
    form = InputSpec(channels, height, width, MOST_CLASSES)
    with shown(progress) as display, borrowed(model, input_spec=form) as subject:
        x = x.to(subject.device)
        spec = contract.check_any(subject, x[:8])
        y = checked_labels(y, len(x), spec.classes).to(subject.device)
        within.check_fits(spec.size)
        rng = generator(seed, attack.to_json(), within.to_json())
        with torch.no_grad():
            parts = x[:256].split(batch_size(x, 256))
            target = with_gradients(
                subject.model, torch.cat([subject.model(part) for part in parts])
            )
        try:
            found, ruling = attempt(
                attack, target, subject.model, x, y, threat=within, rng=rng, progress=display
            )
        except SecureMnistError:
            raise
        except Exception as error:
            raise MeasureError(f"the attack raised {type(error).__name__}: {error}") from error
    return AdversarialImages(
        found.detach(), ruling.fooled, ruling.predictions, attack.name, str(within), y
    )
