"""Backdoors: triggers, poisoning of training data, and the attack success rate."""

from securemnist.backdoor.poisoning import POISONS, CleanLabel, DirtyLabel, Poison, make_poison
from securemnist.backdoor.triggers import TRIGGERS, Blend, Corner, Mark, Trigger, make_trigger

__all__ = [
    "POISONS",
    "TRIGGERS",
    "Blend",
    "CleanLabel",
    "Corner",
    "DirtyLabel",
    "Mark",
    "Poison",
    "Trigger",
    "make_poison",
    "make_trigger",
]
