"""Proofs for patches and single pixels: `python -m benchmarks.squares [ROW ...]`.

It measures `ROWS` by their numbers, and writes all that are measured so far into docs/robustness.md.
The strided networks are those of `python -m benchmarks.proof_networks NAME EPOCHS`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from unittest.mock import patch

import torch

from benchmarks.page import store
from benchmarks.proof_networks import FOLDER, NETWORKS, trained
from benchmarks.proofs import CLOCK
from benchmarks.robustness import PAGE
from securemnist import data
from securemnist._util.resources import write_atomically
from securemnist.certificates.proofs import proof_run
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladders import make_ladder
from securemnist.evaluation.proof_stage import run_proofs
from securemnist.models import loading
from securemnist.runtime.malloc import keep_freed_memory
from securemnist.threats import L0, Patch, Threat

# Random test images, and seconds of one core for the proofs of all of them.
IMAGES, SECONDS = 50, 300.0
ROWS: tuple[tuple[str, Threat], ...] = (
    ("certified", Patch(3)),
    ("certified", Patch(5)),
    ("certified_mnist", Patch(3)),
    ("hardened", L0(1)),
    ("baseline", L0(1)),
    ("strided-adversarial-0", Patch(2)),
    ("strided-adversarial-0", Patch(3)),
    ("strided-undefended", L0(1)),
    ("strided-undefended", Patch(2)),
)
HEAD = "| network | threat | survive the attacks | broken by proofs | proved | open | seconds |"


def measure(number: int) -> None:
    """Measure one row, and keep its line."""
    name, threat = ROWS[number]
    model = loading.from_model(trained(name), name=name) if name in NETWORKS else None
    context = Context(model or loading.resolve(name), data.load())
    sample = context.sample(IMAGES, 0)
    ladder = make_ladder({"use": "ladder", "budget": "standard"}, threat.form)
    run = evaluate(context, sample, ladder.attacks, threat, 0)
    survived, began = run.outcomes.unbroken, time.process_time()
    with patch.object(proof_run, "time", CLOCK):
        run_proofs(run, SECONDS, context)
    seconds, outcomes = time.process_time() - began, run.outcomes
    broken, left = survived - outcomes.unbroken, len(outcomes.undecided)
    shares = [f"{n / IMAGES:.0%}" for n in (survived, broken, outcomes.certified, left)]
    line = f"| `{name}` | {threat} | {' | '.join(shares)} | {seconds:.0f} |"
    write_atomically(_file(number), json.dumps(line).encode())
    print(line, flush=True)


def write() -> None:
    """Put the rows that are measured into the page."""
    paths = [_file(number) for number in range(len(ROWS))]
    rows = [json.loads(path.read_text()) for path in paths if path.exists()]
    store(PAGE, "squares", (HEAD, "|---" * 7 + "|", *rows))


def _file(number: int) -> Path:
    return FOLDER / f"squares-{number}.json"


if __name__ == "__main__":
    torch.set_num_threads(1)
    keep_freed_memory()  # as `securemnist measure` does
    for row in sys.argv[1:]:
        measure(int(row))
    write()
