"""The published JSON Schemas, from the classes; `python -m tests.schemas` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.documentation import policy_schema
from securemnist._util.resources import ROOT
from securemnist.comparison.document import Document
from securemnist.pipeline.documents import Scenario, Summary
from securemnist.results.assessment import Assessment
from securemnist.results.json_model import json_schema

FOLDER = ROOT / "docs" / "schema"
FILES = {
    "assessment.schema.json": lambda: json_schema(Assessment),
    "comparison.schema.json": lambda: json_schema(Document),
    "policy.schema.json": policy_schema.schema,
    "pipeline-scenario.schema.json": lambda: json_schema(Scenario),
    "pipeline-summary.schema.json": lambda: json_schema(Summary),
}


def text(name: str) -> str:
    """The schema of a file of FOLDER."""
    return json.dumps(FILES[name](), indent=1, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    write()
