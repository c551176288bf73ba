"""Names of the threat identifiers that requirements carry.

Editions:

- MITRE ATLAS 5.6, https://atlas.mitre.org
- OWASP Machine Learning Security Top 10 of 2023,
  https://owasp.org/www-project-machine-learning-security-top-10/
- CWE, https://cwe.mitre.org
- NIST AI 100-2 E2025, https://doi.org/10.6028/NIST.AI.100-2e2025
- STRIDE

taxonomy.toml has the identifiers that a test of a classifier is likely to carry, not all. Any other one
is printed as it is, with a warning that it may be wrong.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from securemnist.results.findings import Requirement
from securemnist.sanitize import line

# An identifier of one of these taxonomies, by how it begins; others are the project's own.
_OF_A_TAXONOMY = re.compile(r"AML\b|ML\d|CWE\b|NISTAML\b|STRIDE\b", re.IGNORECASE)
_MOST_NAMED = 8

_NAMES: Mapping[str, Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
)


def name(identifier: str) -> str:
    """The name of `AML.T0043.000`, `ML01:2023`, `CWE-1039` or `STRIDE:T`; "" where unknown."""
    if identifier.startswith("STRIDE:"):
        words = [
            _NAMES["STRIDE"].get(letter, "")
            for letter in identifier.removeprefix("STRIDE:").split("/")
        ]
        return ", ".join(words) if all(words) else ""
    plain = identifier.removesuffix(":2023")
    taxonomies = (_NAMES[key] for key in ("ATLAS", "OWASP", "CWE", "NIST"))
    return next((names[plain] for names in taxonomies if plain in names), "")


def unknown_ids(rows: Iterable[Requirement]) -> str:
    """A sentence that names identifiers of a taxonomy that are not listed here; "" without one."""
    return unknown_in((identifier for row in rows for identifier in row.ids), "the policy")


def unknown_in(named: Iterable[str], where: str) -> str:
    """The same of identifiers that `where` names."""
    identifiers = dict.fromkeys(named)
    unknown = [i for i in identifiers if _OF_A_TAXONOMY.match(i.strip()) and not name(i)]
    if not unknown:
        return ""
    more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
    names = ", ".join(line(identifier, 60) for identifier in unknown[:_MOST_NAMED])
    return f"{where} names identifiers that are not known here: {names}{more}; check their spelling"


def url(identifier: str) -> str:
    """The official page of a known identifier; "" where there is none or it is unknown."""
    plain = identifier.removesuffix(":2023")
    if identifier in _NAMES["ATLAS"]:
        return f"https://atlas.mitre.org/techniques/{identifier}"
    if identifier in _NAMES["CWE"]:
        number = identifier.removeprefix("CWE-")
        return f"https://cwe.mitre.org/data/definitions/{number}.html"
    if identifier in _NAMES["NIST"]:
        return "https://doi.org/10.6028/NIST.AI.100-2e2025"
    if plain in _NAMES["OWASP"]:
        title = f"{plain}_2023-{_NAMES['OWASP'][plain].replace(' ', '_')}"
        return f"https://owasp.org/www-project-machine-learning-security-top-10/docs/{title}"
    return ""
