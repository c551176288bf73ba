"""Triggers: fixed changes of an image to which a backdoored network responds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from securemnist.backdoor.triggers.base import Trigger, Value, check, is_number, is_whole
from securemnist.backdoor.triggers.images import BlendedImage
from securemnist.backdoor.triggers.input_aware import InputAware
from securemnist.backdoor.triggers.patches import CORNERS, Corner, Mark, Pixels
from securemnist.backdoor.triggers.patterns import Blend, Faint, Stripes
from securemnist.backdoor.triggers.warp import Warp

_KINDS = (Corner, Mark, Pixels, Blend, BlendedImage, Stripes, Faint, Warp, InputAware)
TRIGGERS: dict[str, type[Trigger]] = {trigger.kind: trigger for trigger in _KINDS}


def make_trigger(settings: Mapping[str, Any]) -> Trigger:
    """The trigger of `{kind = "corner", size = 4}`; UsageError for an unknown kind or setting."""
    check(isinstance(settings, Mapping), "settings", "by name", settings)
    options = dict(settings)
    kind = options.pop("kind", "corner")
    check(isinstance(kind, str) and kind in TRIGGERS, "kind", f"of {', '.join(TRIGGERS)}", kind)
    known = {field.name for field in dataclasses.fields(TRIGGERS[kind])}
    for key in options:
        check(key in known, "a setting", f"of {', '.join(sorted(known))}", key)
    return TRIGGERS[kind](**options)


__all__ = [
    "CORNERS",
    "TRIGGERS",
    "Blend",
    "BlendedImage",
    "Corner",
    "Faint",
    "InputAware",
    "Mark",
    "Pixels",
    "Stripes",
    "Trigger",
    "Value",
    "Warp",
    "is_number",
    "is_whole",
    "make_trigger",
]
