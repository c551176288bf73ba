"""A layer of the ATLAS Navigator: the techniques of MITRE ATLAS that the threats name.

Layer format 4.3, https://github.com/mitre-attack/attack-navigator; domain and versions as in the layers
that MITRE publishes for ATLAS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from securemnist.threat_model.model import ThreatModel
from securemnist.threat_model.status import Judged, Status, worst

VERSIONS = {"layer": "4.3", "navigator": "4.6.4"}
ATLAS_DATA = "5.6.1"
_TECHNIQUE = re.compile(r"AML\.T\d{4}(\.\d{3})?", re.ASCII)
_LEAST, _HALF, _MOST = 0, 50, 100
_SCORES = {Status.FAILING: _LEAST, Status.UNCOVERED: _LEAST, Status.COVERED: _MOST}
# The navigator has a light and a dark background; these are readable on both.
_COLOURS = {
    Status.FAILING: "#e57f66",
    Status.UNDECIDED: "#e8bb5e",
    Status.UNCOVERED: "#dda2ec",
    Status.NOT_RUN: "#c3c7cc",
    Status.WAIVED: "#c3c7cc",
    Status.COVERED: "#72cd9a",
}


def document(model: ThreatModel, judged: Sequence[Judged]) -> dict[str, Any]:
    """A technique has the worst status of the threats that name it."""
    named = {name for one in judged for name in one.threat.ids}
    names = sorted(filter(_TECHNIQUE.fullmatch, named))
    techniques = [_technique(name, judged) for name in names]
    parents = {name[: -len(".000")] for name in names if name.count(".") == 2} - set(names)
    techniques += [{"techniqueID": name, "showSubtechniques": True} for name in sorted(parents)]
    return {
        "name": model.title,
        "versions": VERSIONS,
        "domain": "atlas-atlas",
        "description": model.description,
        "techniques": techniques,
        "gradient": {
            "colors": [_COLOURS[Status.FAILING], _COLOURS[Status.COVERED]],
            "minValue": _LEAST,
            "maxValue": _MOST,
        },
        "legendItems": [
            {"label": str(status), "color": colour} for status, colour in _COLOURS.items()
        ],
        "metadata": [
            {"name": "atlas_data_version", "value": ATLAS_DATA},
            {"name": "reviewed", "value": model.reviewed.isoformat()},
        ],
    }


def _technique(name: str, judged: Sequence[Judged]) -> dict[str, Any]:
    own = [one for one in judged if name in one.threat.ids]
    status = worst(one.status for one in own)
    rows = dict.fromkeys(row for one in own for row in one.rows)
    tested = f"rows {', '.join(rows)}" if rows else "no row"
    return {
        "techniqueID": name,
        "score": _SCORES.get(status, _HALF),
        "color": _COLOURS[status],
        "comment": f"{status}: threats {', '.join(one.threat.id for one in own)}; {tested}",
    }
