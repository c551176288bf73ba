"""Small threat models as TOML texts, and assessments of the rows that they name."""

from __future__ import annotations

from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding, Verdict, Waiver
from securemnist.threat_model import ThreatModel, parse
from tests.report.example import assessment, finding, measured, row

HEAD = """
title = "A small system"
description = "Two components and a flow."
reviewed = 2026-11-01
zones = [
  { id = "outside", title = "Outside", description = "Clients.", trust = 0 },
  { id = "inside", title = "Inside", description = "The service.", trust = 60 },
]
boundaries = [{ title = "HTTP", between = ["outside", "inside"], authentication = "token" }]
components = [
  { id = "client", title = "Client", description = "Asks.", kind = "external entity", zone = "outside" },
  { id = "service", title = "Service", description = "Answers.", kind = "process", zone = "inside" },
  { id = "weights", title = "Weights", description = "A file.", kind = "store", zone = "inside" },
]

[[flows]]
id = "ask"
title = "Requests"
description = "Images."
source = "client"
destination = "service"
encrypted = true
sensitive = true

[[adversaries]]
id = "anyone"
title = "Anyone"
description = "Sends requests."
access = "anonymous"
skill = "engineer"
likely = "high"
"""
SCOPE = """
[scope]
criticality = "moderate"
exposure = "external"
tier = "important"
"""


def threat(name: str, *requirements: str, category: str = "T", on: str = "service") -> str:
    """A threat with one mitigation."""
    rows = ", ".join(f'"{one}"' for one in requirements)
    return f"""
[[threats]]
id = "{name}"
category = "{category}"
on = ["{on}"]
title = "The threat {name}"
scenario = "It happens."
impact = "It hurts."
adversary = "anyone"
likelihood = "possible"
severity = "major"
mitigations = [{{ text = "Measure it", requirements = [{rows}] }}]
ids = ["AML.T0043.000", "CWE-1039", "NISTAML.022"]
"""


def model(*threats: str) -> ThreatModel:
    """The model of the small system with these threats."""
    return parse("".join([HEAD, *threats]), "threats.toml")


def judged(name: str, verdict: Verdict, *, waived: bool = False, in_scope: bool = True) -> Finding:
    """A row with this verdict."""
    waiver = Waiver(reason="a reason", expires="2999-01-01") if waived else None
    requirement = row(name, "clean_accuracy", at_least=0.9, waiver=waiver)
    if verdict in (Verdict.PASS, Verdict.FAIL):
        found = finding(
            requirement, measured(0.95 if verdict is Verdict.PASS else 0.5), "", "clean"
        )
    else:
        found = requirement.unmeasured(verdict, "a reason", family="clean")
    return Finding(**{**found.__dict__, "in_scope": in_scope})


def with_model(text: str, *findings: Finding) -> Assessment:
    """An assessment of these rows that carries a threat model."""
    record = {"path": "security_tests/threats.toml", "digest": "0" * 64, "text": text}
    return assessment(findings=findings, threat_model=record)
