"""Adapter for ART's evasion attacks (Nicolae et al. 2018, arXiv 1807.01069).

Every class of `art.attacks.evasion` for PyTorch classifiers is an attack by its name:
`use = "art:DeepFool"`. The adapter has no code per class; it reads the parameters of a class. Defaults
of ART 1.20.1 that it replaces: without labels ART uses the model's predictions; BoundaryAttack is
targeted; PGD starts at the image, with steps of 0.1 for any eps. Minimal-norm attacks exceed eps by
design, so their candidates outside the threat set are counted and are not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import nn

from securemnist.art_library.isolation import guarded, load
from securemnist.art_library.signatures import REQUIRED, signature
from securemnist.attacks.base import Attack
from securemnist.attacks.validation import check_setting
from securemnist.batches import batch_size, channels_last
from securemnist.errors import MeasureError, PolicyError, first_line
from securemnist.models.predictions import exact
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Model, Progress, silent

PREFIX = "art:"
_BATCH = 64
# Images per call, between checks of the time budget, where the row does not set `batch_size`.
_CHUNK = 8
# Settings of ART's classes that a policy must not set, and the reasons.
_RESERVED = {
    "norm": "the threat sets it",
    "eps": "the threat sets it",
    "targeted": "rows measure untargeted attacks",
    "verbose": "the caller displays progress",
    "summary_writer": "it writes into the working folder",
    "attacks": "its values are objects, not settings",
    "estimator_orig": "its value is an object, not a setting",
    "parallel_pool_size": "ART's workers reload the model from a pickle",
}
# Settings that make an attack of ART a no-op when they are 0 or less.
_EFFORT = {"max_iter", "max_eval", "init_eval", "eps_step", "nb_restarts", "binary_search_steps"}


@final
@dataclass(frozen=True, kw_only=True)
class ARTAttack(Attack):
    """The attack class `kind` of ART with the settings `params`; eps and norm come from the threat."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    keeps_budget: ClassVar[bool] = False
    forms: ClassVar[tuple[str, ...]] = ("ball",)

    def __post_init__(self) -> None:
        parameters, names = signature(self.kind), ", ".join(sorted(settings_of(self.kind)))
        for key in self.params:
            if key in _RESERVED:
                raise PolicyError(
                    f"expected no {key!r} for {self.name}: {_RESERVED[key]}; remove it"
                )
            known = key in parameters
            check_setting(known, f"settings of {self.name}", f"({names or 'none'})", key)
        for key in sorted(parameters.keys() - _RESERVED.keys() - self.params.keys()):
            optional = parameters[key] is not REQUIRED
            check_setting(optional, f"a setting {key!r} of {self.name}", "to be set", None)
        for key in _EFFORT & self.params.keys():
            number = self.params[key]
            positive = not isinstance(number, int | float) or number > 0
            check_setting(positive, f"{key} of {self.name}", "above 0", number)

    @property
    def name(self) -> str:
        # With a prefix, because ART's AutoAttack is not the published ensemble of that name.
        return f"ART-{self.kind}"

    @property
    def chunk(self) -> int | None:
        size = self.params.get("batch_size", _CHUNK)
        return size if isinstance(size, int) and size >= 1 else _CHUNK

    @property
    def one_step(self) -> bool:
        iterative = "eps_step" in signature(self.kind) and not self.kind.startswith("Auto")
        return self.kind == "FastGradientMethod" or (iterative and self._setting("max_iter") == 1)

    def passes(self) -> float:
        # An estimate: ART does not state costs; the setting `seconds` of a requirement limits them.
        iterations = self._setting("max_iter")
        return 10.0 * (iterations if isinstance(iterations, int) else 100)

    def to_json(self) -> dict[str, Any]:
        return {"use": PREFIX + self.kind, **self.params}

    def propose(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        self.check_form(threat)
        evasion = load().attacks.evasion
        pixels = np.ascontiguousarray(x.detach().cpu().numpy())
        # One-hot labels, which every class of ART accepts.
        classes = _classes(model, x)
        labels = nn.functional.one_hot(y.cpu(), classes).float().numpy()
        with guarded(rng):
            try:
                subject = classifier(_ReadOnly(model), tuple(x.shape[1:]), classes, cuda=x.is_cuda)
                attack = getattr(evasion, self.kind)(subject, **self._options(threat, x))
            except Exception as error:
                raise PolicyError(
                    f"expected settings and a threat that {self.name} takes, got {dict(self.params)} "
                    f"and {threat} ({type(error).__name__}: {first_line(error):.200}); fix the row"
                ) from error
            try:
                x_adv = attack.generate(x=pixels, y=labels)
            except Exception as error:
                raise MeasureError(
                    f"expected candidates from {self.name}, it raised {type(error).__name__} "
                    f"({first_line(error):.200}); change its settings or use another attack"
                ) from error
        return torch.from_numpy(np.asarray(x_adv, dtype=np.float32)).to(x.device)

    def _setting(self, key: str) -> Any:
        return self.params.get(key, signature(self.kind).get(key))

    def _options(self, threat: Threat, x: Images) -> dict[str, Any]:
        """The arguments of the class's constructor; the settings of the row come last."""
        parameters = signature(self.kind)
        defaults: dict[str, Any] = {
            # Some classes take the norm as the text "2" or "inf".
            "norm": str(threat.art) if isinstance(parameters.get("norm"), str) else threat.art,
            "eps": float(threat.eps),
            "eps_step": self._step_size(threat),
            "batch_size": batch_size(x, _BATCH),
            "targeted": False,
            "verbose": False,
        }
        if "max_iter" in parameters:  # an iterative attack, not FGSM
            defaults["num_random_init"] = 1
        known = {key: value for key, value in defaults.items() if key in parameters}
        return known | dict(self.params)

    def _step_size(self, threat: Threat) -> float:
        """2 eps for attacks that adapt their step size, else 2.5 eps / iterations, at most eps."""
        if self.kind.startswith(("Auto", "Rescaling")):
            return 2.0 * threat.eps  # Croce & Hein 2020, arXiv 2003.01690, section 3
        iterations = self._setting("max_iter")
        return threat.eps * min(1.0, 2.5 / (iterations if isinstance(iterations, int) else 1))


def settings_of(kind: str) -> dict[str, str]:
    """Settings of ART's class `kind` that a row may set: "required", or the default as text."""
    return {
        key: "required" if value is REQUIRED else f"default {value}"
        for key, value in signature(kind).items()
        if key not in _RESERVED
    }


class _ReadOnly(nn.Module):
    """The model without access to its state, so that ART cannot change it."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self._hidden = (model,)  # in a tuple, so that train(), to() and hooks do not reach it

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Some attacks of ART compute in float64.
        return exact(self._hidden[0](channels_last(x.float())))


@torch.no_grad()
def _classes(model: Model, x: Images) -> int:
    return int(model(channels_last(x[:1])).shape[1])


def classifier(
    model: nn.Module,
    shape: tuple[int, ...],
    classes: int,
    *,
    cuda: bool = False,
    optimizer: torch.optim.Optimizer | None = None,
) -> Any:
    """ART's PyTorchClassifier of a model, for images of this shape (C, H, W)."""
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        model,
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        input_shape=shape,
        nb_classes=classes,
        clip_values=(0.0, 1.0),
        device_type="gpu" if cuda else "cpu",
    )
