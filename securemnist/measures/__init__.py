"""The measures that a policy can ask for. A new one is a file and a line here, and a suite test."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from securemnist import denormals
from securemnist.digests import canonical_json
from securemnist.errors import PolicyError, UsageError
from securemnist.evaluation.lab import Lab
from securemnist.findings import TIERS, Measurement, Requirement
from securemnist.measures.accuracy import CLEAN_ACCURACY, WORST_CLASS_ACCURACY
from securemnist.measures.backdoor import BACKDOOR_SUCCESS
from securemnist.measures.base import DEFAULT_TIER, AttackSettings, Measure, Settings
from securemnist.measures.certification import CERTIFIED_ACCURACY
from securemnist.measures.latency import LATENCY_RATIO
from securemnist.measures.robustness import ATTACK_ACCURACY, ROBUST_ACCURACY
from securemnist.measures.static_gate import STATIC_FINDINGS
from securemnist.policy import Policy, sentence
from securemnist.verdicts import ON_CHANGE

MEASURES: dict[str, Measure] = {
    "clean_accuracy": CLEAN_ACCURACY,
    "worst_class_accuracy": WORST_CLASS_ACCURACY,
    "attack_accuracy": ATTACK_ACCURACY,
    "robust_accuracy": ROBUST_ACCURACY,
    "certified_accuracy": CERTIFIED_ACCURACY,
    "backdoor_success": BACKDOOR_SUCCESS,
    "latency_ratio": LATENCY_RATIO,
    "static_findings": STATIC_FINDINGS,
}


def bind(
    measure: str, settings: Mapping[str, Any], *, tier: str = DEFAULT_TIER, where: str = ""
) -> Settings:
    """The validated settings of a measure; PolicyError for an unknown measure or key.

    `tier` is the row's, which some settings have their default from.
    """
    prefix = f"{where}: " if where else ""
    if measure not in MEASURES:
        raise PolicyError(
            f"{prefix}expected a measure of {', '.join(MEASURES)}, got {measure!r}; name one of them"
        )
    try:
        return MEASURES[measure].bind(settings, tier)
    except ValidationError as error:
        raise PolicyError(f"{prefix}{measure}: {sentence(error, settings)}") from error
    except UsageError as error:
        raise PolicyError(f"{prefix}{measure}: {error}") from error


def check_policy(policy: Policy, *, foreign: frozenset[str] = frozenset()) -> None:
    """Bind every row; PolicyError for the first that cannot be judged.

    `foreign` measures belong to suites of the user's own, whose settings are theirs to check.
    """
    for row in policy.requirements:
        if row.measure in foreign and row.measure not in MEASURES:
            _check_plain(row, policy.path)
            continue
        bind(row.measure, row.settings, tier=row.tier, where=f"{policy.path}: row {row.id}")
        _check_plain(row, policy.path)
        _check_threshold(row, policy.path)
        _check_companion(row, policy)


def take(lab: Lab, measure: str, settings: Settings, seed: int) -> Measurement:
    """Take one measurement; its seconds are those of the whole measure."""
    began = time.perf_counter()
    with denormals.flushed(lab.flushes_denormals):
        taken = MEASURES[measure].run(lab, settings, seed)
    return dataclasses.replace(taken, seconds=round(time.perf_counter() - began, 3))


def _check_plain(row: Requirement, path: str) -> None:
    """TOML knows dates and NaN, the JSON of an assessment does not."""
    try:
        canonical_json(row.settings)
    except (TypeError, ValueError) as error:
        raise PolicyError(
            f"{path}: row {row.id}: expected settings of text, finite numbers, lists and tables, got "
            f"another ({error}); mend it"
        ) from error


def _check_threshold(row: Requirement, path: str) -> None:
    low, high = MEASURES[row.measure].limits
    if not low <= row.threshold <= high:
        raise PolicyError(
            f"{path}: row {row.id}: expected a threshold from {low:g} to {high:g} for {row.measure}, "
            f"got {row.threshold:g}; it could never decide anything, mend it"
        )
    compares = any(getattr(row, key) is not None for key in ON_CHANGE)
    if row.threshold == (high if row.at_least is None else low) and not compares:
        raise PolicyError(
            f"{path}: row {row.id}: expected a threshold that a model can miss, got {row.relation} "
            f"{row.threshold:g}; raise the bar, or add max_drop to compare versions by it"
        )


def _check_companion(row: Requirement, policy: Policy) -> None:
    """A one-step attack flatters: its row needs a search at the same threat, run no later."""
    if row.measure != "attack_accuracy":
        return
    settings = MEASURES[row.measure].bind(row.settings, row.tier)
    if not isinstance(settings, AttackSettings) or not settings.one_step:
        return
    for other in policy.rows("robust_accuracy"):
        same = other.settings.get("threat") == row.settings["threat"]
        if same and TIERS.index(other.tier) <= TIERS.index(row.tier):
            return
    name = settings.attack_name
    raise PolicyError(
        f"{policy.path}: row {row.id}: expected a robust_accuracy row with the same threat in the "
        f"same tier or a smaller one, got none; a one-step attack ({name}) cannot pass alone"
    )
