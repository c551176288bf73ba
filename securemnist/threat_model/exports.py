"""The threat model for other tools: OTM, OWASP TM-BOM, a layer of the ATLAS Navigator. JSON only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from securemnist._util.hashing import json_file
from securemnist.threat_model import atlas_layer, otm, tm_bom
from securemnist.threat_model.model import ThreatModel
from securemnist.threat_model.status import Judged

FORMATS: Mapping[str, Callable[[ThreatModel, Sequence[Judged]], dict[str, Any]]] = {
    "otm": otm.document,
    "tm-bom": tm_bom.document,
    "atlas-layer": atlas_layer.document,
}


def export(name: str, model: ThreatModel, judged: Sequence[Judged]) -> bytes:
    """The document of a format of FORMATS; equal models and statuses give equal bytes."""
    return json_file(FORMATS[name](model, judged), ensure_ascii=False)
