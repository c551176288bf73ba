"""The JSON Schema of a policy, for editors: docs/schema/policy.schema.json."""

from __future__ import annotations

from typing import Any

from securemnist.results import policy

_PUBLIC = {"_WaiverRow": "Waiver", "NamedData": "Data"}


def schema() -> dict[str, Any]:
    """JSON Schema of thresholds.toml; a row may have any setting, since those depend on its measure."""
    file, row = policy._File.model_json_schema(), policy._Row.model_json_schema()
    parts = {**row.pop("$defs"), **file.pop("$defs")}
    definitions = {_PUBLIC[name]: {**part, "title": _PUBLIC[name]} for name, part in parts.items()}
    rows = {**file["properties"]["requirement"], "items": {"$ref": "#/$defs/Requirement"}}
    whole = {
        **file,
        "title": "Policy",
        "properties": {**file["properties"], "requirement": rows},
        "$defs": {**definitions, "Requirement": {**row, "title": "Requirement"}},
    }
    return _renamed(whole)


def _renamed(part: Any) -> Any:
    """The same with references to the public names."""
    if isinstance(part, dict):
        return {key: _renamed(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_renamed(value) for value in part]
    name = part.removeprefix("#/$defs/") if isinstance(part, str) else ""
    return f"#/$defs/{_PUBLIC[name]}" if name in _PUBLIC else part
