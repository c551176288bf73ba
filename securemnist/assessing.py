"""The core of an assessment: bind, measure and judge requirements, without pytest or command line."""

from __future__ import annotations

import ast
import functools
import logging
import traceback
from collections.abc import Collection, Mapping
from typing import Any

import torch

from securemnist._util import resources
from securemnist._util.user_code import of_measurement
from securemnist.errors import Inconclusive, NotApplicable, SecureMnistError, UsageError
from securemnist.evaluation import example_store
from securemnist.evaluation.context import Context
from securemnist.measures import bind, find, take_measurement
from securemnist.project import code_digests, settings
from securemnist.results.assessment import Assessment
from securemnist.results.families import Family
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict
from securemnist.results.policy import Policy
from securemnist.results.scope import Scope
from securemnist.results.verdicts import DEFAULT_TIER
from securemnist.sanitize import terminal

log = logging.getLogger("securemnist")


def measure(
    context: Context,
    name: str,
    settings: Mapping[str, Any],
    *,
    seed: int = 0,
    tier: str = DEFAULT_TIER,
    until: float | None = None,
) -> Measurement:
    """One measurement with the settings of a row; whatever the measure raises is raised.

    With `until` a search ends as soon as it is certain on which side of it the number lies. PolicyError
    where the settings do not fit the measure.
    """
    bound = bind(name, settings, tier=tier)
    if until is not None and "until" in type(bound).model_fields:
        bound = bound.model_copy(update={"until": until})
    return take_measurement(context, name, bound, seed)


def assess(
    context: Context,
    policy: Policy,
    scope: Scope,
    *,
    rows: Collection[str] = (),
    until_decided: bool = False,
) -> tuple[Assessment, dict[str, bytes]]:
    """Measure and judge every requirement of a policy within a scope.

    `rows`: the ids to measure; all by default. Returns the assessment, and the files of its adversarial
    examples by name. KeyboardInterrupt ends it early: the rows that are left are NOT_RUN, and
    the assessment says that it was interrupted. UsageError where no row is in scope.
    """
    selected = scope.rows(policy, rows)
    if not selected:
        raise UsageError(
            f"expected a row to measure, got none of tier {scope.tier}"
            + (f" among {', '.join(rows)}" if rows else "")
            + "; choose another tier or other rows"
        )
    judged: dict[str, Finding] = {}
    files: dict[str, bytes] = {}
    try:
        for row in selected:
            judged[row.id] = judge(
                context,
                row,
                claim=claims().get(row.measure, ""),
                family=measured.family if (measured := find(row.measure)) else "",
                until_decided=until_decided,
                files=files,
            )
    except KeyboardInterrupt:
        log.warning("interrupted after %d of %d rows", len(judged), len(selected))
    doubts = settings.load(context.project).doubts
    assessment = scope.assessment(
        policy,
        judged,
        [row.id for row in selected],
        subject=context.subject.to_json() | {"data": context.data_record},
        folder=context.project,
        processor=torch.backends.cpu.get_cpu_capability(),
        code=code_digests.of_rows(((row.measure, row.settings) for row in selected), doubts),
        doubts=doubts,
    )
    return assessment, files


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
    words: Mapping[str, Any] = {"claim": claim, "family": family}
    try:
        taken = measure(
            context,
            requirement.measure,
            requirement.settings,
            seed=requirement.seed,
            tier=requirement.tier,
            until=requirement.at_least if until_decided else None,
        )
        if files is not None:
            taken, packed = example_store.pack(taken, context, requirement.id)
            files.update(packed)
        return requirement.judge(taken, **words)
    except NotApplicable as error:
        return requirement.unmeasured(Verdict.NOT_RUN, str(error), **words)
    except Inconclusive as error:
        return requirement.unmeasured(Verdict.INCONCLUSIVE, str(error), **words)
    except SecureMnistError as error:
        return requirement.unmeasured(Verdict.ERROR, str(error), **words)
    except (Exception, SystemExit) as error:  # a model's code must not end the run
        log.error("measuring %s raised\n%s", requirement.id, terminal(traceback.format_exc()))
        return requirement.unmeasured(Verdict.ERROR, of_measurement(error), **words)


@functools.cache
def claims() -> dict[str, str]:
    """The claim of each measure that a bundled suite tests, as one line, by the measure's name."""
    found = {}
    for path in sorted(resources.SUITES.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and (name := _measure(node)):
                found[name] = " ".join((ast.get_docstring(node) or "").split())
    return found


def _measure(test: ast.FunctionDef) -> str:
    """The name in @pytest.mark.measure("NAME"); "" where a function has no such marker."""
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.measure":
            return str(ast.literal_eval(mark.args[0]))
    return ""
