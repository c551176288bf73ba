"""`securemnist threats`: the threats of a project with their status, and exports of its threat model."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say, write_file
from securemnist.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from securemnist.results.findings import Finding
    from securemnist.results.policy import Policy
    from securemnist.threat_model import Judged, ThreatModel

_ASSESSMENT = Path("reports/assessment.json")
_policy_option = click.option(
    "--policy",
    type=PATH,
    help="The policy; its folder holds threats.toml. Default: the project's. `bundled`: the package's.",
)
_assessment_option = click.option(
    "--assessment",
    type=PATH,
    help=f"The assessment with the verdicts. Default: {_ASSESSMENT}, if there is one.",
)


@click.group(invoke_without_command=True)
@_policy_option
@_assessment_option
@click.pass_context
def threats(ctx: click.Context, policy: Path | None, assessment: Path | None) -> None:
    """Print the threats of the threat model with their status.

    A threat has the worst status of the rows that test it; without a row it is uncovered. Exit code 0
    says that the table was printed, not that the threats are covered: a row of uncovered_threats
    bounds their number.
    """
    if ctx.invoked_subcommand is not None:
        if policy is not None or assessment is not None:
            raise UsageError(
                f"expected options after `{ctx.invoked_subcommand}`, got them before it; move them"
            )
        return
    from securemnist.report.terminal import STYLES, print_table
    from securemnist.sanitize import line
    from securemnist.threat_model.status import Status
    from securemnist.view.progress import console

    model, judged, source = _judged(policy, assessment)
    table: list[tuple[str, tuple[str, ...]]] = [
        ("bold", ("status", "threat", "mitigations tested", "title", "rows"))
    ]
    for one in judged:
        tested = f"{one.tested} of {len(one.threat.mitigations)}"
        rows = ", ".join(one.rows) or "none"
        cells = (
            f"{one.status.symbol} {one.status}",
            one.threat.id,
            tested,
            one.threat.title,
            rows,
        )
        table.append((STYLES[one.status.verdict], tuple(line(cell, 300) for cell in cells)))
    print_table(console(), table)
    counts = {status: sum(one.status is status for one in judged) for status in Status}
    say("")
    say(f"{model.title}: " + ", ".join(f"{n} {word}" for word, n in counts.items() if n))
    say(source)


@threats.command()
@_policy_option
def check(policy: Path | None) -> None:
    """Check that threats.toml can be read and names rows that exist.

    Exit code 2 for the first thing that is wrong.
    """
    from securemnist.threat_model import testing_rows
    from securemnist.view.numbers import plural
    from securemnist.view.taxonomy import unknown_in

    read = _policy(policy)
    model, path = _model(read)
    rows = testing_rows(read.requirements)
    for threat, missing in model.unknown_requirements(rows).items():
        raise PolicyError(
            f"{path}: threat {threat}: expected rows of {read.path}, got {', '.join(missing)}; fix "
            "the id, add the row, or remove it from the threat"
        )
    named = (name for threat in model.threats for name in threat.ids)
    if warning := unknown_in(named, "the threat model"):
        say(f"warning: {warning}", err=True)
    uncovered = [threat.id for threat in model.uncovered(rows)]
    say(
        f"{path}: {plural(len(model.threats), 'threat')}; uncovered: {', '.join(uncovered) or 'none'}"
    )


@threats.command()
@click.option(
    "--format",
    "name",
    type=click.Choice(["otm", "tm-bom", "atlas-layer"]),
    required=True,
    help="Open Threat Model 0.2.0, OWASP TM-BOM 1.0.2, or a layer of the ATLAS Navigator.",
)
@click.option("-o", "--out", type=PATH, required=True, help="The file.")
@_policy_option
@_assessment_option
def export(name: str, out: Path, policy: Path | None, assessment: Path | None) -> None:
    """Write the threat model with its statuses for another tool."""
    from securemnist.threat_model import exports
    from securemnist.view.numbers import plural

    model, judged, source = _judged(policy, assessment)
    write_file(Path(), out, exports.export(name, model, judged))
    say(f"{out}: written ({name}, {plural(len(judged), 'threat')})")
    say(source)


def _policy(option: Path | None) -> Policy:
    from securemnist.cli.defaults import policy_of
    from securemnist.project.settings import policy_name
    from securemnist.results import policy as policies

    path = policy_of(option)
    return dataclasses.replace(policies.load(path), path=policy_name(path, Path.cwd()))


def _model(policy: Policy) -> tuple[ThreatModel, str]:
    """The threat model beside a policy, and its path; UsageError without one."""
    from securemnist.results.threat_file import NAME
    from securemnist.threat_model import parse

    if policy.threat_model is None:
        raise UsageError(
            f"expected a threat model ({NAME}) in the folder of {policy.path}, got none; write one, "
            "or name another policy with --policy"
        )
    return parse(policy.threat_model.text, policy.threat_model.path), policy.threat_model.path


def _judged(policy: Path | None, assessment: Path | None) -> tuple[ThreatModel, list[Judged], str]:
    """The model, its threats with their status, and what model and verdicts are of."""
    from securemnist.results.verdicts import utc_day
    from securemnist.threat_model import judge

    read = _policy(policy)
    model, _ = _model(read)
    findings, source = _findings(read, assessment)
    source = f"threat model of {read.path}, reviewed on {model.reviewed}\n{source}"
    return model, judge(model, findings, utc_day()), source


def _findings(policy: Policy, assessment: Path | None) -> tuple[list[Finding], str]:
    """A finding for every row of the policy: NOT_RUN where the assessment has not measured this row.

    A row that differs from the one that was measured, for instance in its threshold, counts as not run.
    """
    from securemnist.results.assessment import Assessment
    from securemnist.results.findings import Verdict
    from securemnist.view.wording import version_of

    known: dict[str, Finding] = {}
    source = f"no assessment: no row was measured ({_ASSESSMENT} does not exist)"
    if assessment is not None or _ASSESSMENT.exists():
        path = assessment or _ASSESSMENT
        loaded = Assessment.load(path)
        known = {finding.requirement.id: finding for finding in loaded.findings}
        source = f"verdicts of {path}: {version_of(loaded)}, {loaded.day}"
    findings = []
    changed = []
    for row in policy.requirements:
        found = known.get(row.id)
        if found is not None and found.requirement.to_json() == row.to_json():
            findings.append(found)
            continue
        if found is not None:
            changed.append(row.id)
        missing = row.unmeasured(Verdict.NOT_RUN, "not measured in this assessment")
        findings.append(dataclasses.replace(missing, in_scope=False))
    if changed:
        source += f"; not counted, since the policy has changed: {', '.join(changed)}"
    return findings, source
