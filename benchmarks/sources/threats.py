"""The threats of the source systems: where each is in the threat model, and which rows test it."""

from __future__ import annotations

from securemnist._util import resources
from securemnist.results import policy
from securemnist.threat_model import ThreatModel, load, testing_rows
from securemnist.view import taxonomy

SYSTEMS = "ABCD"


def rows() -> list[str]:
    """The section as lines of Markdown, from the bundled threat model and policy."""
    model = load(resources.THREATS)
    known = testing_rows(policy.load(resources.POLICY).requirements)
    uncovered = {threat.id for threat in model.uncovered(known)}
    return [
        "",
        "## Threats",
        "",
        "The sources describe threats in the six categories of STRIDE. All are in the",
        "[threat model](threat-model.md) (`security_tests/threats.toml`), with scenario, impact and the",
        f"mitigations that they name. A row of the policy tests {len(model.threats) - len(uncovered)} of "
        f"{len(model.threats)}; the others are uncovered.",
        "",
        "| threat | category | sources | what | mitigations tested | rows |",
        "|---|---|---|---|---|---|",
        *_table(model, uncovered),
    ]


def _table(model: ThreatModel, uncovered: set[str]) -> list[str]:
    lines = []
    for threat in model.threats:
        tested = sum(bool(mitigation.requirements) for mitigation in threat.mitigations)
        cells = (
            threat.id,
            taxonomy.name(f"STRIDE:{threat.category}"),
            ", ".join(threat.sources),
            threat.title,
            f"{tested} of {len(threat.mitigations)}",
            "**uncovered**" if threat.id in uncovered else ", ".join(threat.requirements),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines
