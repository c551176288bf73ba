"""ART's evasion attacks (Nicolae et al. 2018, arXiv 1807.01069) behind the interface of ours.

Every class of `art.attacks.evasion` that works on PyTorch classifiers is an attack by its name:
`use = "art:DeepFool"`. The adapter knows no attack; it looks at what a class takes. Guarded against,
as read in ART 1.20.1: labels left out mean the model's own predictions, BoundaryAttack is targeted
by default, PGD starts at the digit itself with steps of 0.1 whatever eps is, and minimal-norm
attacks overshoot the budget by design, so that such proposals are counted and no error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import nn

from securemnist.attacks.art_isolation import guarded, load
from securemnist.attacks.art_signatures import signature
from securemnist.attacks.base import Attack, channels_last, demand
from securemnist.errors import MeasureError, PolicyError, first_line
from securemnist.models.predictions import exact
from securemnist.threats import Threat
from securemnist.types import CLASSES, SHAPE, Images, Labels, Model, Progress, silent

PREFIX = "art:"
_BATCH = 64
# Digits between two looks at the clock, where the row does not set a `batch_size`.
_CHUNK = 8
# Settings of ART's classes that are not a policy's to choose, and why.
_TAKEN = {
    "norm": "the threat sets it",
    "eps": "the threat sets it",
    "targeted": "rows measure untargeted attacks",
    "verbose": "progress is shown by the caller",
    "summary_writer": "it writes into the working folder",
    "attacks": "it takes objects, not settings",
    "estimator_orig": "it takes objects, not settings",
    "parallel_pool_size": "ART's workers reload the model from a pickle",
}


# Settings without which an attack of ART attempts nothing.
_EFFORT = {"max_iter", "max_eval", "init_eval", "eps_step", "nb_restarts", "binary_search_steps"}


@final
@dataclass(frozen=True, kw_only=True)
class ARTAttack(Attack):
    """The attack class `kind` of ART with the settings `params`; eps and norm come from the threat."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    keeps_budget: ClassVar[bool] = False

    def __post_init__(self) -> None:
        takes, own = signature(self.kind), sorted(settings_of(self.kind))
        for key in self.params:
            if key in _TAKEN:
                raise PolicyError(f"expected no {key!r} for {self.name}: {_TAKEN[key]}; remove it")
            demand(key in takes, f"settings of {self.name}", f"({', '.join(own) or 'none'})", key)
        for key in sorted(set(takes.required) - set(_TAKEN)):
            demand(key in self.params, f"a setting {key!r} of {self.name}", "to be given", None)
        for key in _EFFORT & self.params.keys():  # ART accepts none of it, and returns the images
            number = self.params[key]
            some = not isinstance(number, int | float) or number > 0
            demand(some, f"{key} of {self.name}", "above 0", number)

    @property
    def name(self) -> str:
        # Never the bare name: ART's AutoAttack is not the published ensemble of that name.
        return f"ART-{self.kind}"

    @property
    def chunk(self) -> int | None:
        # What queries one image after another and what steps in batches look alike from here.
        size = self.params.get("batch_size", _CHUNK)
        return size if isinstance(size, int) and size >= 1 else _CHUNK

    @property
    def one_step(self) -> bool:
        takes = signature(self.kind)
        stepper = "eps_step" in takes and not self.kind.startswith("Auto")
        return self.kind == "FastGradientMethod" or (stepper and self._setting("max_iter") == 1)

    def passes(self) -> float:
        # A guess: ART's classes say nothing about their cost; rows bound it by `seconds`.
        iterations = self._setting("max_iter")
        return 10.0 * (iterations if isinstance(iterations, int) else 100)

    def to_json(self) -> dict[str, Any]:
        return {"use": PREFIX + self.kind, **self.params}

    def __call__(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        evasion = load().attacks.evasion
        pixels = np.ascontiguousarray(x.detach().cpu().numpy())
        # One-hot, which every class of ART understands; never left out.
        labels = nn.functional.one_hot(y.cpu(), CLASSES).float().numpy()
        with guarded(rng):
            try:
                attack = getattr(evasion, self.kind)(classifier(model, x), **self._options(threat))
            except Exception as error:
                raise PolicyError(
                    f"expected settings and a threat that {self.name} takes, got {dict(self.params)} "
                    f"and {threat} ({type(error).__name__}: {first_line(error):.200}); mend the row"
                ) from error
            try:
                found = attack.generate(x=pixels, y=labels)
            except Exception as error:
                raise MeasureError(
                    f"expected proposals of {self.name}, it raised {type(error).__name__} "
                    f"({first_line(error):.200}); change its settings or name another attack"
                ) from error
        return torch.from_numpy(np.asarray(found, dtype=np.float32)).to(x.device)

    def _setting(self, key: str) -> Any:
        return self.params.get(key, signature(self.kind).defaults.get(key))

    def _options(self, threat: Threat) -> dict[str, Any]:
        """What the class is constructed with: only what it takes; the row's settings win."""
        takes = signature(self.kind)
        defaults: dict[str, Any] = {
            # Where the class writes its norm as text, "2" and "inf" are meant.
            "norm": str(threat.art) if isinstance(takes.defaults.get("norm"), str) else threat.art,
            "eps": float(threat.eps),
            "eps_step": self._step(threat),
            "batch_size": _BATCH,
            "targeted": False,
            "verbose": False,
        }
        if "max_iter" in takes:  # an iterative attack, not FGSM
            defaults["num_random_init"] = 1
        return {key: value for key, value in defaults.items() if key in takes} | dict(self.params)

    def _step(self, threat: Threat) -> float:
        """The first step of the papers where it shrinks by itself, else 2.5 eps / iterations."""
        if self.kind.startswith(("Auto", "Rescaling")):
            return 2.0 * threat.eps  # Croce & Hein 2020, arXiv 2003.01690, section 3
        iterations = self._setting("max_iter")
        return threat.eps * min(1.0, 2.5 / (iterations if isinstance(iterations, int) else 1))


def settings_of(kind: str) -> dict[str, str]:
    """What a row may set of ART's class `kind`: "required", or the default that it has there."""
    takes = signature(kind)
    told = {key: f"default {value}" for key, value in takes.defaults.items()}
    told |= dict.fromkeys(takes.required, "required")
    return {key: text for key, text in told.items() if key not in _TAKEN}


class _Judged(nn.Module):
    """The subject as ART sees it: callable, but hidden, so that ART can change nothing on it."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._hidden = (model,)  # in a tuple it is no submodule: train(), to() and hooks pass it by

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Some attacks of ART propose in float64.
        return exact(self._hidden[0](channels_last(x.float())))


def classifier(model: Model, x: Images) -> Any:
    """ART's wrapper of a PyTorch model, on the device that the digits are on."""
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        _Judged(model),
        loss=nn.CrossEntropyLoss(),
        input_shape=SHAPE,
        nb_classes=CLASSES,
        clip_values=(0.0, 1.0),
        device_type="gpu" if x.is_cuda else "cpu",
    )
