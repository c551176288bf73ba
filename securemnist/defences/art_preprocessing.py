"""Adapter for ART's preprocessing defences (Nicolae et al. 2018, arXiv 1807.01069).

They compute in NumPy and have no gradient. Attacks go through them as if they were the identity, which is
ART's own estimate, too (BPDA; Athalye et al. 2018, arXiv 1802.00420).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from torch import nn

from securemnist.art_library.isolation import guarded, load
from securemnist.art_library.signatures import PREPROCESSORS, REQUIRED, signature
from securemnist.defences.base import Defended, InputDefence, check
from securemnist.defences.soft_values import through
from securemnist.errors import PolicyError, first_line
from securemnist.types import Images, Logits

PREFIX = "art:"
# Classes that map an image to an image of the same form, each by itself.
SUPPORTED = ("FeatureSqueezing", "JpegCompression", "SpatialSmoothing")
# Settings that the adapter chooses, by the form of the images here.
_SET = {
    "clip_values": (0.0, 1.0),
    "channels_first": True,
    "apply_fit": False,
    "apply_predict": True,
    "verbose": False,
}


def settings_of(kind: str) -> Mapping[str, Any]:
    """The settings of a class that a policy may give, with their defaults; PolicyError if unknown."""
    parameters = signature(kind, PREPROCESSORS)
    return {name: default for name, default in parameters.items() if name not in _SET}


@final
@dataclass(frozen=True, kw_only=True)
class ARTPreprocessing(InputDefence):
    """The preprocessing defence `kind` of ART with the settings `params`: `art:SpatialSmoothing`."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        parameters = settings_of(self.kind)
        images = "of an image to an image, one by one, without random draws"
        check(self.kind in SUPPORTED, f"a defence ({', '.join(SUPPORTED)})", images, self.kind)
        names = sorted(parameters)
        for key in self.params:
            check(key in names, f"settings of {self.name}", f"({', '.join(names)})", key)
        for key in names:
            given = key in self.params or parameters[key] is not REQUIRED
            check(given, f"a setting {key!r} of {self.name}", "to be set", None)

    def transform(self, x: Images) -> Images:
        if not len(x):  # which ART does not expect
            return x
        pixels = np.ascontiguousarray(x.detach().cpu().float().numpy())
        with guarded(torch.Generator().manual_seed(0)):
            changed, _ = self._preprocessor()(pixels)
        return torch.from_numpy(np.asarray(changed, dtype=np.float32)).to(x)

    def attacked(self, model: nn.Module) -> nn.Module:
        """The copy whose gradient is that of the model at the changed images."""
        return _AsIdentity(model, self)

    @property
    def name(self) -> str:
        return PREFIX + self.kind

    def to_json(self) -> dict[str, Any]:
        return {"use": self.name, **self.params}

    def _preprocessor(self) -> Any:
        parameters = signature(self.kind, PREPROCESSORS)
        options = {key: value for key, value in _SET.items() if key in parameters}
        try:
            return getattr(load().defences.preprocessor, self.kind)(**options, **self.params)
        except Exception as error:
            raise PolicyError(
                f"expected settings that {self.name} takes, got {dict(self.params)} "
                f"({type(error).__name__}: {first_line(error):.200}); fix the defence"
            ) from error


class _AsIdentity(Defended):
    """The defended model with the gradient of the identity instead of the transformation."""

    defence: ARTPreprocessing

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.model(through(self.defence.transform(x), x))
        return logits
