"""The core of an assessment: bind, measure and judge requirements, without pytest or command line."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from securemnist.errors import Inconclusive, NotApplicable, SecureMnistError
from securemnist.evaluation import example_store
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.results.families import Family
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict
from securemnist.sanitize import terminal

log = logging.getLogger("securemnist")


def judge(
    context: Context,
    requirement: Requirement,
    *,
    claim: str = "",
    family: Family | str = "",
    until_decided: bool = False,
    files: dict[str, bytes] | None = None,
) -> Finding:
    """Measure one requirement and judge it.

    Exceptions become verdicts: NOT_RUN if the requirement does not apply, INCONCLUSIVE if it cannot be
    decided, ERROR otherwise. With `until_decided` an attack ends as soon as the verdict is certain.
    `files` receives the adversarial examples, by file name.
    """

    def measurement() -> Measurement:
        settings = bind(requirement.measure, requirement.settings, tier=requirement.tier)
        if until_decided and "until" in type(settings).model_fields:
            settings = settings.model_copy(update={"until": requirement.at_least})
        taken = take_measurement(context, requirement.measure, settings, requirement.seed)
        if files is None:
            return taken
        taken, packed = example_store.pack(taken, context, requirement.id)
        files.update(packed)
        return taken

    return judged(requirement, measurement, claim=claim, family=family)


def judged(
    requirement: Requirement,
    measurement: Callable[[], Measurement],
    *,
    claim: str = "",
    family: Family | str = "",
) -> Finding:
    """The finding for the value of `measurement()`; its exceptions become verdicts."""
    words: Mapping[str, Any] = {"claim": claim, "family": family}
    try:
        return requirement.judge(measurement(), **words)
    except NotApplicable as error:
        return requirement.unmeasured(Verdict.NOT_RUN, str(error), **words)
    except Inconclusive as error:
        return requirement.unmeasured(Verdict.INCONCLUSIVE, str(error), **words)
    except SecureMnistError as error:
        return requirement.unmeasured(Verdict.ERROR, str(error), **words)
    except Exception as error:
        log.error("measuring %s raised\n%s", requirement.id, terminal(traceback.format_exc()))
        reason = f"the measurement raised {type(error).__name__}: {error}"
        return requirement.unmeasured(Verdict.ERROR, reason, **words)
