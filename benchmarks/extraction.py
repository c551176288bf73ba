"""Write the table of docs/privacy.md: copies of the bundled models that learned their answers.

`python -m benchmarks.extraction` takes about five minutes of one thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from benchmarks.page import store
from securemnist import data
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.measures.extraction_attack import REFERENCE
from securemnist.models import loading
from securemnist.results.evidence.privacy import ExtractionEvidence

PAGE = Path(__file__).parent.parent / "docs" / "privacy.md"
COLUMNS = ("network", "learned", "agreement (95 %)", "control", "model right", "copy right")
HEAD = f"| {' | '.join((*COLUMNS, 'on errors', 'fooled'))} |"
MEASURE = "extraction_agreement"
BUNDLED = ("hardened", "certified")
ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("baseline", {"queries": 5_000}),
    ("baseline", {"queries": 1_000}),
    ("baseline", {"queries": 5_000, "labels_only": True}),
    ("baseline", {"queries": 1_000, "labels_only": True}),
    *((name, {"queries": 5_000}) for name in BUNDLED),
)


def line(name: str, settings: dict[str, Any], samples: DataSet, controls: dict[Any, Any]) -> str:
    """One row of the table; the networks of the control are kept, as all models share them."""
    context = Context(loading.resolve(name), samples)
    context.cache.update(controls)
    measured = take_measurement(context, MEASURE, bind(MEASURE, settings), 0)
    controls.update({k: v for k, v in context.cache.items() if k[0] == REFERENCE})
    found = measured.evidence
    if not isinstance(found, ExtractionEvidence):
        raise SystemExit(f"{name}: expected evidence of extraction, got {found!r:.200}")
    learned = "classes" if settings.get("labels_only") else "scores"
    interval = f"{measured.value:.4f} ({measured.low:.4f} to {measured.high:.4f})"
    shares = found.accuracy, found.copy_accuracy, found.on_errors, found.transferred
    cells = " | ".join("-" if share is None else f"{share:.1%}" for share in shares)
    text = (
        f"| `{name}` | {found.queries:,} {learned} | {interval} | {found.reference:.4f} | {cells} |"
    )
    print(text, f"{measured.seconds:.0f} s", measured.inconclusive, flush=True)
    return text


def main() -> None:
    """Measure all models and put the table into the page."""
    mnist, controls = data.load(), dict[Any, Any]()
    rows = [line(name, settings, mnist, controls) for name, settings in ROWS]
    made = f"Made by `python -m benchmarks.extraction` on torch {torch.__version__}."
    store(PAGE, "copies", (HEAD, "|---" * (HEAD.count("|") - 1) + "|", *rows, "", made))


if __name__ == "__main__":
    main()
