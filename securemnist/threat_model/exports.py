"""The threat model for other tools: OTM, OWASP TM-BOM, a layer of the ATLAS Navigator. JSON only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

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
    document = FORMATS[name](model, judged)
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
