"""Defences by their names in a policy. A new defence is a class in `DEFENCES`, in a file of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from securemnist.defences.answers import ConfidenceMask, Detector, LabelOnly
from securemnist.defences.art_preprocessing import PREFIX, ARTPreprocessing
from securemnist.defences.base import Defence
from securemnist.defences.ensemble import Ensemble
from securemnist.defences.filters import BitDepth, Gaussian, Median, TotalVariation
from securemnist.defences.jpeg import JPEG
from securemnist.defences.random_inputs import RandomNoise, RandomResize
from securemnist.errors import PolicyError
from securemnist.project import imports
from securemnist.project.settings_class import own_class, with_settings

_CLASSES: tuple[type[Defence], ...] = (
    *(JPEG, BitDepth, Median, Gaussian, TotalVariation, RandomResize, RandomNoise),
    *(Ensemble, ConfidenceMask, LabelOnly, Detector),
)
DEFENCES: dict[str, type[Defence]] = {kind.use: kind for kind in _CLASSES}


def class_of(name: object) -> type[Defence]:
    """The class of a defence: of the table, or a user's own as from `own_class`."""
    if isinstance(name, str) and name in DEFENCES:
        return DEFENCES[name]
    if not imports.is_code(name):
        raise PolicyError(
            f"expected a defence of {', '.join(DEFENCES)}, art:CLASS or pkg.module:Class, got "
            f"{name!r:.80}; fix `use`"
        )
    return own_class(str(name), Defence)  # type: ignore[type-abstract]


def make_defence(settings: Mapping[str, Any]) -> Defence:
    """The defence of `{use = "jpeg", quality = 50}`; PolicyError for an unknown name or setting.

    `use = "art:CLASS"` is the preprocessing defence CLASS of ART, with the settings of that class.
    """
    options = dict(settings)
    name = options.pop("use", None)
    if isinstance(name, str) and name.startswith(PREFIX):
        return ARTPreprocessing(kind=name.removeprefix(PREFIX), params=options)
    return with_settings(class_of(name), name, options, "defence")
