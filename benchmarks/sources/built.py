"""What systems B and D built or reported beside their accuracies, and where that is here."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

_IMAGES = 10_000
# Seconds of B for its network, the poisoned one, and two that learned from FGSM examples. B says neither
# for how many images nor on which machine.
_SECONDS = {"baseline": "1.98 s", "poisoned": "2.37 s", "robust": "2.68 and 2.60 s"}
# What B built, what stands for it here, and the file with the proof of that.
BUILT = (
    (
        "page on which one draws a digit, classified in real time",
        "`securemnist serve`: mouse, finger or keyboard, prepared as MNIST was; beside the answers of "
        "several models what is proved of each, and an attack on the drawing ([Service](service.md))",
        "tests/serve/page/test_browser.py",
    ),
    (
        "Flask in debug mode",
        "Starlette and granian, without a debug mode; the static gate fails on Flask's (Bandit B201)",
        "tests/static/test_bandit.py",
    ),
    (
        "models loaded from pickles",
        "no file of a model is unpickled; the static gate fails on `torch.load` (B614) and "
        "`pickle.load` (B301)",
        "tests/models/test_hostile_weights.py",
    ),
    (
        "confusion matrices of its networks",
        "in the report of each assessment ([Accuracy](clean.md))",
        "tests/report/test_any_form.py",
    ),
    (
        "authentication, logs and limits, named as open",
        "settings of the service with safe defaults, each with a test that fails without it",
        "tests/serve/test_controls.py",
    ),
)

# The same of D.
BUILT_BY_D = (
    (
        "pipeline in one command: baseline, FGSM, adversarial training, poisoning, timing",
        "`securemnist demo --pipeline` ([Pipeline](pipeline.md)), with networks kept from run to run",
        "tests/pipeline/test_run.py",
    ),
    (
        "JSON of metrics for each part, and a summary",
        "the same, with published schemas, intervals and doubts",
        "tests/pipeline/test_scenarios.py",
    ),
    (
        "pictures of confusion matrices, training, trigger and attack",
        "on one page, each with its numbers as a table",
        "tests/pipeline/test_page.py",
    ),
    (
        "switch that uses existing models",
        "a cache by recipe and training images; a damaged or changed network is trained again",
        "tests/pipeline/test_cache.py",
    ),
    (
        "notebook, and functions to import",
        "[Tutorial](tutorial.ipynb), executed with its outputs; the [library](api.md)",
        "tests/test_notebook.py",
    ),
)


def rows_of_d() -> list[str]:
    """The table of what D built as lines of Markdown."""
    return ["", *_table("D", BUILT_BY_D)]


def _table(system: str, built: Sequence[tuple[str, str, str]]) -> list[str]:
    return [
        f"| built by {system} | here | proof |",
        "|---|---|---|",
        *(f"| {what} | {here} | `{proof}` |" for what, here, proof in built),
    ]


def rows(measured: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """Two tables as lines of Markdown; `measured`: the figures of the networks that stand for B's."""
    times = [
        f"| inference, {role} | {_SECONDS[role]} | {_seconds(measured, role):.2f} s |"
        for role in _SECONDS
    ]
    return [
        "",
        "B also gives the time of its networks, without a number of images or a machine. Ours is for",
        f"{_IMAGES:,} test samples on one thread, beside another training. For information only.",
        "",
        "| time | published | measured |",
        "|---|---|---|",
        *times,
        "",
        *_table("B", BUILT),
    ]


def _seconds(measured: Sequence[Mapping[str, Mapping[str, Any]]], role: str) -> float:
    """Mean over the seeds."""
    return statistics.mean(seed[role]["microseconds"] for seed in measured) * _IMAGES / 1e6
