"""Backdoors: triggers, poisoning of training data, and the attack success rate."""

from securemnist.backdoor.clean_label import CleanLabel, HardenedCleanLabel
from securemnist.backdoor.poison import Poison
from securemnist.backdoor.poisoning import (
    POISONS,
    AllToAll,
    DirtyLabel,
    LabelFlip,
    SourceSpecific,
    make_poison,
)
from securemnist.backdoor.triggers import (
    TRIGGERS,
    Blend,
    BlendedImage,
    Corner,
    Faint,
    InputAware,
    Mark,
    Pixels,
    Stripes,
    Trigger,
    Warp,
    make_trigger,
)

__all__ = [
    "POISONS",
    "TRIGGERS",
    "AllToAll",
    "Blend",
    "BlendedImage",
    "CleanLabel",
    "Corner",
    "DirtyLabel",
    "Faint",
    "HardenedCleanLabel",
    "InputAware",
    "LabelFlip",
    "Mark",
    "Pixels",
    "Poison",
    "SourceSpecific",
    "Stripes",
    "Trigger",
    "Warp",
    "make_poison",
    "make_trigger",
]
