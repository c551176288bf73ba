"""Write the table of docs/complete-proofs.md: proofs for networks that were not trained for proofs.

`python -m benchmarks.proofs NAME PART` measures one part (0 to 7) of one of `ROWS`, within a few minutes,
so that parts can run side by side. Results are kept in `.benchmarks/proofs`. Without arguments the table
is written.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.page import store
from benchmarks.proof_networks import FOLDER, NETWORKS, trained
from securemnist import data
from securemnist._util.resources import write_atomically
from securemnist.certificates import BRANCHES
from securemnist.certificates.proofs import proof_run
from securemnist.evaluation.context import Context, Sample
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladder_run import LadderRun
from securemnist.evaluation.ladders import BUDGETS
from securemnist.evaluation.outcomes import Outcomes
from securemnist.evaluation.proof_stage import run_proofs
from securemnist.models import loading
from securemnist.results.per_image import UNBROKEN
from securemnist.threats import L2, Linf, Threat

PAGE = Path(__file__).parent.parent / "docs" / "complete-proofs.md"
# The first test images, in parts. Proofs have seconds of processor time, so that other work on the
# machine does not count.
IMAGES, PART = 200, 25
CLOCK = SimpleNamespace(perf_counter=time.process_time)


@dataclass(frozen=True)
class Row:
    """What is measured: a network of `proof_networks` within a threat, with seconds for all images."""

    network: str
    threat: Threat
    seconds: float


ROWS = {name: Row(name, Linf(spec.eps), spec.seconds) for name, spec in NETWORKS.items()} | {
    "strided-adversarial-0-l2": Row("strided-adversarial-0", L2(0.4), 600.0),
    "strided-undefended-l2": Row("strided-undefended", L2(0.2), 600.0),
}
HEAD = (
    "| network | threat | clean | survive the attacks | broken by proofs | proved | open | seconds "
    "| breakable survivors | of these by `full` |"
)


def measure(name: str, part: int) -> None:
    """Measure one part of a network's images, in an equal share of the seconds, and keep its counts."""
    start = PART * part
    if not 0 <= start < IMAGES:
        raise SystemExit(f"expected a part from 0 to {IMAGES // PART - 1}, got {part}")
    asked, samples = ROWS[name], data.load()
    samples = dataclasses.replace(samples, test=samples.test[start : start + PART])
    context = Context(loading.from_model(trained(asked.network), name=name), samples)
    sample = context.sample(PART, 0)
    run = _attacked(context, sample, "standard", asked.threat)
    left = run.outcomes.undecided
    clean = int((run.outcomes.clean_predictions == sample.y).sum())
    row = {"clean": clean, "survived": run.outcomes.unbroken, "seconds": 0.0, "broken": 0}
    if len(left):
        began = time.process_time()
        with patch.object(proof_run, "time", CLOCK):
            run_proofs(run, asked.seconds * len(samples.test) / IMAGES, context)
        stage = run.outcomes.waterfall[-1]
        row |= {"seconds": time.process_time() - began, "broken": stage.fell}
        if stage.stage != BRANCHES:
            raise SystemExit(f"expected proofs, got {run.certificate_evidence}")
    row |= {"proved": run.outcomes.certified, "open": len(run.outcomes.undecided)}
    full = _attacked(context, sample, "full", asked.threat)
    row |= _breakable(left, run.outcomes, full.outcomes)
    write_atomically(_file(name, part), json.dumps(row).encode())
    print(name, start, row, flush=True)


def _attacked(context: Context, sample: Sample, budget: str, threat: Threat) -> LadderRun:
    ladder = BUDGETS[budget]
    return evaluate(context, sample, ladder.attacks, threat, 0, before_crown=ladder.before_crown)


def _breakable(left: torch.Tensor, proofs: Outcomes, full: Outcomes) -> dict[str, int]:
    """Of the survivors at `left`: those that proofs or the full ladder break, and the latter alone."""
    by_proofs, by_full = (
        ~torch.isin(each.codes[left], torch.tensor(UNBROKEN)) for each in (proofs, full)
    )
    return {"breakable": int((by_proofs | by_full).sum()), "found": int(by_full.sum())}


def stored(name: str) -> list[dict[str, Any]]:
    """The counts of the parts that are measured."""
    paths = [_file(name, part) for part in range(IMAGES // PART)]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def _file(name: str, part: int) -> Path:
    return FOLDER / f"{name}-part-{part}.json"


def line(name: str) -> str:
    """One row of the table, of the images measured so far."""
    rows = stored(name)
    total = {key: sum(row[key] for row in rows) for key in rows[0]}
    n = PART * len(rows)
    shares = [f"{total[key] / n:.1%}" for key in ("clean", "survived", "broken", "proved", "open")]
    threat = ROWS[name].threat
    found = f"{total['breakable']} | {total['found']}"
    return f"| {name}, {n} digits | {threat} | {' | '.join(shares)} | {total['seconds']:.0f} | {found} |"


def write() -> None:
    """Put the rows of the networks that are measured into the page; the others keep theirs."""
    text = PAGE.read_text(encoding="utf-8")
    kept = {name: re.search(rf"^\| {name}, \d+ digits .*$", text, re.MULTILINE) for name in ROWS}
    rows = [
        line(name) if stored(name) else before[0]
        for name, before in kept.items()
        if stored(name) or before
    ]
    store(PAGE, "figures", (HEAD, "|---" * HEAD.count(" | ") + "|---|", *rows))


if __name__ == "__main__":
    if sys.argv[1:]:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        write()
