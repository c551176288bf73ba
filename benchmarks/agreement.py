"""Survivors of the ladder that torchattacks' AutoAttack breaks, for every reference model.

Resumable: what a model, an eps and a hundred images came to is kept in reports/agreement; remove the
folder after a change of an attack that its settings do not show.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import torch

from benchmarks.attacks import plain_copy
from benchmarks.ladder import PEER_BATCH, autoattack, climbed
from securemnist import data
from securemnist._util.hashing import sha256_of_value
from securemnist._util.resources import ROOT, write_atomically
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladders import BUDGETS
from securemnist.models import loading
from securemnist.results.per_image import SURVIVED

EPSILONS = (0.1, 0.3)
IMAGES = 100
BUDGET = "full"
FOLDER = ROOT / "reports" / "agreement"
# Model, eps, the first of its images.
Case = tuple[str, float, int]


def beside(case: Case) -> dict[str, int]:
    """Counts of a case. An image that has fallen to us needs no peer, nor does one that is proved."""
    name, eps, low = case
    subject = loading.resolve(name)
    attacks = [attack.to_json() for attack in BUDGETS[BUDGET].attacks]
    made_by = sha256_of_value([subject.digest, eps, low, PEER_BATCH, attacks])
    kept = FOLDER / f"{name}-{eps}-{low}-{made_by[:12]}.json"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, json.dumps(_counted(subject, eps, low)).encode())
    print(f"  {name}, eps {eps}, from {low}", flush=True)
    found: dict[str, int] = json.loads(kept.read_text())
    return found


def _counted(subject: loading.Subject, eps: float, low: int) -> dict[str, int]:
    mnist = data.load()
    context = Context(subject, dataclasses.replace(mnist, test=mnist.test[low : low + PEER_BATCH]))
    found = climbed(context, BUDGETS[BUDGET], eps).outcomes
    left = found.codes == SURVIVED
    broken = 0
    if bool(left.any()):
        x, y = context.data.test.images()[left], context.data.test.labels[left]
        theirs = plain_copy(subject.name)
        x_adv = autoattack(theirs, eps)(x, y)
        with torch.no_grad():
            broken = int((theirs(x_adv).argmax(1) != y).sum())
    return {"standing": found.unbroken, "certified": found.certified, "broken": broken}


def report() -> list[str]:
    """The table over all bundled models; nothing is timed, so each core takes cases of its own."""
    print("agreement", flush=True)
    rows = [(name, eps) for name in loading.reference_names() for eps in EPSILONS]
    cases = [(*row, low) for low in range(0, IMAGES, PEER_BATCH) for row in rows]
    with ProcessPoolExecutor(
        os.cpu_count(), multiprocessing.get_context("spawn"), torch.set_num_threads, (1,)
    ) as pool:
        found = list(pool.map(beside, cases))
    sums: dict[tuple[str, float], Counter[str]] = {row: Counter() for row in rows}
    for (name, eps, _), counts in zip(cases, found, strict=True):
        sums[name, eps].update(counts)
    return [
        "### Survivors of the ladder and of torchattacks' AutoAttack",
        "",
        f"The first {IMAGES} test samples, `{BUDGET}` ladder. The peer attacks the samples that",
        "we have neither broken nor certified; the last column counts those that only the peer breaks.",
        "",
        "| model | eps | survivors | of them certified | broken by the peer only |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {eps} | {n['unbroken']} | {n['certified']} | {n['broken']} |"
            for (name, eps), n in sums.items()
        ),
        "",
    ]
