"""Poisoning: marks that an adversary hides in training digits, and shows again at test time."""

from securemnist.poisoning.poisons import POISONS, CleanLabel, DirtyLabel, Poison, make_poison
from securemnist.poisoning.triggers import TRIGGERS, Blend, Corner, Mark, Trigger, make_trigger

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
