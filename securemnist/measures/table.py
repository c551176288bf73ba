"""The table of measures, and the settings of a row by its measure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from securemnist.errors import PolicyError, UsageError, first_line
from securemnist.measures import own_code
from securemnist.measures.accuracy import CLEAN_ACCURACY, WORST_CLASS_ACCURACY
from securemnist.measures.advisories import ADVISORIES_AGE_DAYS, VULNERABLE_DEPENDENCIES
from securemnist.measures.backdoor import BACKDOOR_SUCCESS
from securemnist.measures.backdoor_scan import BACKDOOR_SCAN
from securemnist.measures.base import Measure, Settings
from securemnist.measures.calibration import CALIBRATION_ERROR
from securemnist.measures.certification import CERTIFIED_ACCURACY
from securemnist.measures.corruptions import CORRUPTION_ACCURACY, WORST_CORRUPTION_ACCURACY
from securemnist.measures.data_record import DATA_CHANGES
from securemnist.measures.defence import DEFENDED_ACCURACY, FALSE_ROBUSTNESS
from securemnist.measures.dependencies import UNPINNED_DEPENDENCIES
from securemnist.measures.extraction import EXTRACTION_AGREEMENT
from securemnist.measures.latency import LATENCY_RATIO
from securemnist.measures.loaders import UNSAFE_LOADERS
from securemnist.measures.membership import MEMBERSHIP_AUROC
from securemnist.measures.outliers import OUTLIER_AUROC, OUTLIER_FALSE_POSITIVES
from securemnist.measures.poisoning import POISONED_SHARE
from securemnist.measures.provenance import UNKNOWN_PROVENANCE
from securemnist.measures.robustness import ATTACK_ACCURACY, ROBUST_ACCURACY
from securemnist.measures.service import SERVICE_VIOLATIONS
from securemnist.measures.signatures import UNVERIFIED_FILES
from securemnist.measures.smoothing import CERTIFIED_L2
from securemnist.measures.spatial import SPATIAL_ACCURACY
from securemnist.measures.static_gate import STATIC_FINDINGS
from securemnist.measures.threat_coverage import UNCOVERED_THREATS
from securemnist.project import imports
from securemnist.results import row_keys
from securemnist.results.families import FAMILIES, Family
from securemnist.results.validation_text import sentence
from securemnist.results.verdicts import DEFAULT_TIER, TIERS

MEASURES: dict[str, Measure] = {
    "clean_accuracy": CLEAN_ACCURACY,
    "worst_class_accuracy": WORST_CLASS_ACCURACY,
    "corruption_accuracy": CORRUPTION_ACCURACY,
    "worst_corruption_accuracy": WORST_CORRUPTION_ACCURACY,
    "spatial_accuracy": SPATIAL_ACCURACY,
    "calibration_error": CALIBRATION_ERROR,
    "outlier_auroc": OUTLIER_AUROC,
    "outlier_false_positives": OUTLIER_FALSE_POSITIVES,
    "attack_accuracy": ATTACK_ACCURACY,
    "robust_accuracy": ROBUST_ACCURACY,
    "certified_accuracy": CERTIFIED_ACCURACY,
    "certified_l2": CERTIFIED_L2,
    "defended_accuracy": DEFENDED_ACCURACY,
    "false_robustness": FALSE_ROBUSTNESS,
    "backdoor_success": BACKDOOR_SUCCESS,
    "backdoor_scan": BACKDOOR_SCAN,
    "poisoned_share": POISONED_SHARE,
    "membership_auroc": MEMBERSHIP_AUROC,
    "extraction_agreement": EXTRACTION_AGREEMENT,
    "latency_ratio": LATENCY_RATIO,
    "static_findings": STATIC_FINDINGS,
    "service_violations": SERVICE_VIOLATIONS,
    "unpinned_dependencies": UNPINNED_DEPENDENCIES,
    "vulnerable_dependencies": VULNERABLE_DEPENDENCIES,
    "advisories_age_days": ADVISORIES_AGE_DAYS,
    "unknown_provenance": UNKNOWN_PROVENANCE,
    "unsafe_loaders": UNSAFE_LOADERS,
    "data_changes": DATA_CHANGES,
    "unverified_files": UNVERIFIED_FILES,
    "uncovered_threats": UNCOVERED_THREATS,
}

_FAMILY = re.compile("[a-z][a-z0-9_]{0,39}")  # also a pytest marker


def find(name: str) -> Measure | None:
    """The measure of this name: of the table, or a user's own by `pkg.module:NAME`; None for others.

    Raises UsageError for a module that cannot be imported and for a value that is no Measure.
    """
    if not imports.is_code(name):
        return MEASURES.get(name)
    found = imports.attribute(name, "fix `measure`")
    if not isinstance(found, Measure):
        raise PolicyError(
            f"expected {name} to be a securemnist.measures.base.Measure, got "
            f"{type(found).__name__}; fix `measure`"
        )
    for bundled, measure in MEASURES.items():
        if found is measure:  # checks of a policy know it by its name
            raise PolicyError(
                f"expected the measure {bundled} by that name, got {name}; use the name"
            )
    own_code.check_measure(found, name)
    _check_family(found.family, name)
    return found


def bind(
    measure: str, settings: Mapping[str, Any], *, tier: str = DEFAULT_TIER, where: str = ""
) -> Settings:
    """The validated settings of a measure; PolicyError for an unknown measure or key.

    Some settings have a default that depends on the row's `tier`.
    """
    prefix = f"{where}: " if where else ""
    try:
        found = find(measure)
        if found is None:
            family = [name for name, one in MEASURES.items() if one.family.name == measure]
            nearest = family or difflib.get_close_matches(measure, MEASURES, n=5, cutoff=0)
            raise PolicyError(
                f"expected a measure such as {', '.join(nearest)}, or pkg.module:MEASURE, got "
                f"{measure!r:.80}; name one of docs/reference/measures.md"
            )
        return found.settings.model_validate(row_keys.normalised(settings), context={"tier": tier})
    except ValidationError as error:
        raise PolicyError(f"{prefix}{measure}: {sentence(error, settings)}") from error
    except UsageError as error:
        known = measure in MEASURES
        raise PolicyError(f"{prefix}{measure}: {error}" if known else f"{prefix}{error}") from error
    except (Exception, SystemExit) as error:  # of settings of a user's own
        if not imports.is_code(measure):
            raise
        raise PolicyError(
            f"{prefix}{measure}: expected settings that it takes, got {type(error).__name__} "
            f"({first_line(error):.200}); fix its settings"
        ) from error


def _check_family(family: Family, name: str) -> None:
    """PolicyError where a user's own measure has a family that cannot be a section of its own."""
    taken = (*TIERS, "measure", "parametrize", "skip", "skipif", "xfail", "usefixtures")
    bundled = FAMILIES.get(family.name, family)
    if not _FAMILY.fullmatch(family.name) or family.name in taken or bundled != family:
        raise PolicyError(
            f"{name}: expected a family with a name of its own in small letters, got "
            f"{family.name!r:.60}; rename it, or use the bundled family itself"
        )
