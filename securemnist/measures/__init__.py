"""The measures of a policy. A new measure is a file, a line in MEASURES and a suite test."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from securemnist._util.hashing import canonical_json
from securemnist.data import DataSet
from securemnist.errors import PolicyError, UsageError
from securemnist.evaluation.context import Context
from securemnist.measures import checks
from securemnist.measures.accuracy import CLEAN_ACCURACY, WORST_CLASS_ACCURACY
from securemnist.measures.backdoor import BACKDOOR_SUCCESS
from securemnist.measures.base import DEFAULT_TIER, AttackSettings, Measure, Settings
from securemnist.measures.certification import CERTIFIED_ACCURACY
from securemnist.measures.latency import LATENCY_RATIO, LatencySettings
from securemnist.measures.robustness import ATTACK_ACCURACY, ROBUST_ACCURACY
from securemnist.measures.static_gate import STATIC_FINDINGS
from securemnist.models import loading
from securemnist.results.evidence.base import Copies
from securemnist.results.findings import TIERS, Measurement, Requirement
from securemnist.results.policy import Policy
from securemnist.results.validation_text import sentence
from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32

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

_MAX_COPIES = 0.01  # largest share of copied test images that changes no verdict by itself
# Keys of a row that do not change what is measured or required.
_DESCRIPTIVE_KEYS = ("id", "because", "ids", "tier", "waiver")


def bind(
    measure: str, settings: Mapping[str, Any], *, tier: str = DEFAULT_TIER, where: str = ""
) -> Settings:
    """The validated settings of a measure; PolicyError for an unknown measure or key.

    Some settings have a default that depends on the row's `tier`.
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


def check_policy(
    policy: Policy,
    *,
    custom: frozenset[str] = frozenset(),
    trusted: Collection[str] = (),
) -> None:
    """Bind every row; PolicyError for the first that cannot be judged or cannot fail.

    `custom` measures belong to the user's own suites, which check their settings and direction.
    `trusted` are the factories that the project's settings allow a row to name.
    """
    questions: dict[str, str] = {}
    for row in policy.requirements:
        where = f"{policy.path}: row {row.id}"
        settings: Mapping[str, Any] = row.settings
        if row.measure in custom and row.measure not in MEASURES:
            _check_plain(row, where)
        else:
            bound = bind(row.measure, row.settings, tier=row.tier, where=where)
            settings = bound.model_dump()
            _check_plain(row, where)
            _check_code(bound, where, trusted)
            measure = MEASURES[row.measure]
            checks.check_direction(row, measure, where)
            checks.check_threshold(row, measure, where)
            checks.check_change(row, measure, bound, where)
            checks.check_budget(bound, where)
            _check_companion(row, policy)
        _check_once(row, settings, questions, where)
    _check_families(policy)


def check_data(policy: Policy, data: DataSet) -> None:
    """Raise UsageError where the policy names other data, or asks for more samples than this data has."""
    policy.refuse_other_data(data.name, data.digest)
    for row in policy.requirements:
        if row.measure in MEASURES:
            where = f"{policy.path}: row {row.id}"
            settings = bind(row.measure, row.settings, tier=row.tier, where=where)
            checks.check_size(row, settings, len(data.test), where)


@exact_float32()
def take_measurement(context: Context, measure: str, settings: Settings, seed: int) -> Measurement:
    """One measurement; `seconds` covers the whole measure."""
    began = time.perf_counter()
    with denormals.flushed(context.flushes_denormals):
        measurement = _with_copies_checked(MEASURES[measure].run(context, settings, seed), context)
    return dataclasses.replace(measurement, seconds=round(time.perf_counter() - began, 3))


def _with_copies_checked(measurement: Measurement, context: Context) -> Measurement:
    """The measurement, inconclusive where many test images are copies.

    A copy of a training image tests memorisation, and a repeated test image counts twice.
    """
    if measurement.unit != "share":  # not for static rows: the comparison takes time
        return measurement
    copies = context.data.copies
    if not str(copies):
        return measurement
    reason = f"{copies}; a number on copies does not generalise to new images; remove them"
    doubtful = max(copies.of_training, copies.repeated) > _MAX_COPIES * copies.n
    return dataclasses.replace(
        measurement,
        evidence=dataclasses.replace(
            measurement.evidence, copies=Copies(**dataclasses.asdict(copies))
        ),
        inconclusive=measurement.inconclusive or (reason if doubtful else ""),
    )


def _check_plain(row: Requirement, where: str) -> None:
    """Raise PolicyError for settings that JSON cannot hold: dates, NaN and infinities."""
    try:
        canonical_json(row.settings)
    except (TypeError, ValueError) as error:
        raise PolicyError(
            f"{where}: expected settings of text, finite numbers, lists and tables, got another "
            f"type ({error}); change it"
        ) from error


def _check_code(bound: Settings, where: str, trusted: Collection[str]) -> None:
    """Raise PolicyError where a row names code that the project's settings do not trust.

    Reading a policy must not run code.
    """
    reference = bound.against if isinstance(bound, LatencySettings) else None
    if reference is not None and loading.is_code(reference) and reference not in trusted:
        raise PolicyError(
            f"{where}: expected `against` to name a bundled model or a weight file, got the code "
            f"{reference!r}, which a policy alone does not run; use another, or allow it with "
            f"trusted = [{reference!r}] in [tool.securemnist] of pyproject.toml"
        )


def _check_once(
    row: Requirement, settings: Mapping[str, Any], questions: dict[str, str], where: str
) -> None:
    """Raise PolicyError for two rows that differ in their descriptive keys only.

    `questions` maps each row's remaining content to its id.
    """
    question = row.to_json() | {"settings": dict(settings)}
    key = canonical_json({k: v for k, v in question.items() if k not in _DESCRIPTIVE_KEYS})
    if key in questions:
        raise PolicyError(
            f"{where}: expected a row that differs from the others, got the same as row "
            f"{questions[key]}; remove one of them"
        )
    questions[key] = row.id


def _check_families(policy: Policy) -> None:
    """Raise PolicyError where the policy demands an unknown family, or one without a row."""
    known = {measure.family for measure in MEASURES.values()}
    present = {
        MEASURES[row.measure].family for row in policy.requirements if row.measure in MEASURES
    }
    for family in policy.families:
        if family not in known:
            raise PolicyError(
                f"{policy.path}: expected families of {', '.join(sorted(known))}, got {family!r:.60}; "
                "name one of them"
            )
        if family not in present:
            raise PolicyError(
                f"{policy.path}: expected a row of the family {family}, which `families` demands, got "
                "none; add one, or remove the family"
            )


def _check_companion(row: Requirement, policy: Policy) -> None:
    """Raise PolicyError for a one-step attack without a search at the same threat.

    The search has to be in the same tier or a smaller one.
    """
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
