"""Names of the threat identifiers that requirements carry.

MITRE ATLAS 5.6 (https://atlas.mitre.org), OWASP Machine Learning Security Top 10, 2023 edition
(https://owasp.org/www-project-machine-learning-security-top-10/), CWE (https://cwe.mitre.org) and
STRIDE. These are the identifiers that a test of a classifier is likely to carry, not all there are. One
that is not here is shown as it is, and the reader is warned that it may be a slip.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from securemnist.results.findings import Requirement
from securemnist.sanitize import line

# An identifier of one of these taxonomies, by how it begins; others are the project's own.
_OF_A_TAXONOMY = re.compile(r"AML\b|ML\d|CWE\b|STRIDE\b", re.IGNORECASE)
_MOST_NAMED = 8

_ATLAS = {
    "AML.T0010": "AI Supply Chain Compromise",
    "AML.T0010.001": "AI Supply Chain Compromise: AI Software",
    "AML.T0010.002": "AI Supply Chain Compromise: Data",
    "AML.T0010.003": "AI Supply Chain Compromise: Model",
    "AML.T0011.000": "User Execution: Unsafe AI Artifacts",
    "AML.T0015": "Evade AI Model",
    "AML.T0018": "Manipulate AI Model",
    "AML.T0018.000": "Manipulate AI Model: Poison AI Model",
    "AML.T0018.002": "Manipulate AI Model: Embed Malware",
    "AML.T0020": "Poison Training Data",
    "AML.T0024.000": "Exfiltration via AI Inference API: Infer Training Data Membership",
    "AML.T0024.001": "Exfiltration via AI Inference API: Invert AI Model",
    "AML.T0024.002": "Exfiltration via AI Inference API: Extract AI Model",
    "AML.T0029": "Denial of AI Service",
    "AML.T0043": "Craft Adversarial Data",
    "AML.T0043.000": "Craft Adversarial Data: White-Box Optimization",
    "AML.T0043.001": "Craft Adversarial Data: Black-Box Optimization",
    "AML.T0043.002": "Craft Adversarial Data: Black-Box Transfer",
    "AML.T0043.004": "Craft Adversarial Data: Insert Backdoor Trigger",
}

_OWASP = {
    "ML01": "Input Manipulation Attack",
    "ML02": "Data Poisoning Attack",
    "ML03": "Model Inversion Attack",
    "ML04": "Membership Inference Attack",
    "ML05": "Model Theft",
    "ML06": "AI Supply Chain Attacks",
    "ML07": "Transfer Learning Attack",
    "ML08": "Model Skewing",
    "ML09": "Output Integrity Attack",
    "ML10": "Model Poisoning",
}

_CWE = {
    "CWE-117": "Improper Output Neutralization for Logs",
    "CWE-200": "Exposure of Sensitive Information to an Unauthorized Actor",
    "CWE-203": "Observable Discrepancy",
    "CWE-345": "Insufficient Verification of Data Authenticity",
    "CWE-347": "Improper Verification of Cryptographic Signature",
    "CWE-353": "Missing Support for Integrity Check",
    "CWE-400": "Uncontrolled Resource Consumption",
    "CWE-494": "Download of Code Without Integrity Check",
    "CWE-502": "Deserialization of Untrusted Data",
    "CWE-506": "Embedded Malicious Code",
    "CWE-770": "Allocation of Resources Without Limits or Throttling",
    "CWE-778": "Insufficient Logging",
    "CWE-799": "Improper Control of Interaction Frequency",
    "CWE-829": "Inclusion of Functionality from Untrusted Control Sphere",
    "CWE-912": "Hidden Functionality",
    "CWE-1039": (
        "Inadequate Detection or Handling of Adversarial Input Perturbations in Automated "
        "Recognition Mechanism"
    ),
    "CWE-1395": "Dependency on Vulnerable Third-Party Component",
}

_STRIDE = {
    "S": "Spoofing",
    "T": "Tampering",
    "R": "Repudiation",
    "I": "Information disclosure",
    "D": "Denial of service",
    "E": "Elevation of privilege",
}


def name(identifier: str) -> str:
    """The name of `AML.T0043.000`, `ML01:2023`, `CWE-1039` or `STRIDE:T`; "" where unknown."""
    if identifier.startswith("STRIDE:"):
        words = [
            _STRIDE.get(letter, "") for letter in identifier.removeprefix("STRIDE:").split("/")
        ]
        return ", ".join(words) if all(words) else ""
    known = {**_ATLAS, **_OWASP, **_CWE}
    return known.get(identifier.removesuffix(":2023"), "")


def unknown_ids(rows: Iterable[Requirement]) -> str:
    """A sentence that names identifiers of a taxonomy that are not listed here; "" without one."""
    found = dict.fromkeys(identifier for row in rows for identifier in row.ids)
    odd = [one for one in found if _OF_A_TAXONOMY.match(one.strip()) and not name(one)]
    if not odd:
        return ""
    more = f" and {len(odd) - _MOST_NAMED} more" if len(odd) > _MOST_NAMED else ""
    shown = ", ".join(line(one, 60) for one in odd[:_MOST_NAMED])
    return (
        f"the policy names identifiers that are not known here: {shown}{more}; check their spelling"
    )


def url(identifier: str) -> str:
    """The official page of a known identifier; "" where there is none or it is unknown."""
    plain = identifier.removesuffix(":2023")
    if identifier in _ATLAS:
        return f"https://atlas.mitre.org/techniques/{identifier}"
    if identifier in _CWE:
        number = identifier.removeprefix("CWE-")
        return f"https://cwe.mitre.org/data/definitions/{number}.html"
    if plain in _OWASP:
        title = f"{plain}_2023-{_OWASP[plain].replace(' ', '_')}"
        return f"https://owasp.org/www-project-machine-learning-security-top-10/docs/{title}"
    return ""
