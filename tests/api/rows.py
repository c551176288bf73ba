"""Rows of a policy, as text."""

from __future__ import annotations

from tests import policies
from tests.policies import table

_TWO_STEPS = {**policies.ROBUST, "attack": '{ use = "PGD", steps = 2 }', "at_least": "0.2"}
CLEAN = table(policies.CLEAN, at_least="0.2")
ATTACK = table(_TWO_STEPS, id='"ADV-01"', measure='"attack_accuracy"')
SEARCH = table(_TWO_STEPS, tier='"full"')
