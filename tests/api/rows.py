"""Rows of a policy, as text."""

from __future__ import annotations

CLEAN = """
[[requirement]]
id = "CLEAN-01"
measure = "clean_accuracy"
at_least = 0.2
because = "what is not recognised is not worth defending"
"""
ATTACK = """
[[requirement]]
id = "ADV-01"
measure = "attack_accuracy"
attack = { use = "PGD", steps = 2 }
threat = { norm = "linf", eps = 0.1 }
at_least = 0.2
because = "the scanner's noise"
"""
SEARCH = """
[[requirement]]
id = "ADV-02"
measure = "robust_accuracy"
attack = { use = "PGD", steps = 2 }
threat = { norm = "linf", eps = 0.1 }
tier = "full"
at_least = 0.2
because = "the scanner's noise"
"""
