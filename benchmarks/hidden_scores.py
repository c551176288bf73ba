"""Write the table of docs/privacy.md: what rounding and noise leave of the scores.

`python -m benchmarks.hidden_scores` takes about a minute of one thread.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.page import store
from securemnist import data
from securemnist.attacks.losses import answers
from securemnist.data import Samples
from securemnist.measures.membership_hidden import hidden_reason, rank_correlation, tied_share
from securemnist.measures.membership_references import label_margins, reference_answers
from securemnist.models import loading
from securemnist.types import Logits, silent

PAGE = Path(__file__).parent.parent / "docs" / "privacy.md"
HEAD = (
    "| scores | equal pairs | rank correlation | of them, with a reference of 400 images | a pass |"
)
IMAGES, REFERENCES = 1_000, (5_000, 400)
BUNDLED = ("baseline", "hardened", "certified", "certified_mnist", "network_c", "network_d")
Change = Callable[[Logits], Logits]


def rounded(logits: Logits, *, digits: int) -> Logits:
    """Logarithms of probabilities with so many digits."""
    return (logits.softmax(1).double().round(decimals=digits) + 1e-30).log()


def noise(logits: Logits) -> Logits:
    """The predicted class, and a random number for how sure it is."""
    sure = torch.rand(len(logits), 1, generator=torch.Generator().manual_seed(0))
    return torch.zeros_like(logits).scatter(1, logits.argmax(1, keepdim=True), 1 + sure)


CHANGES: dict[str, Change] = {
    "logits as bytes": lambda logits: (logits * 127 / logits.abs().max()).round(),
    "probabilities of six digits": functools.partial(rounded, digits=6),
    "probabilities of two digits": functools.partial(rounded, digits=2),
    "classes alone": lambda logits: (logits == logits.amax(1, keepdim=True)).float(),
    "classes, and random numbers": noise,
}


def line(name: str, logits: Logits, measured: Samples, easy: list[np.ndarray]) -> str:
    """One row of the table."""
    margins = label_margins(logits, measured.labels)
    tied = tied_share(margins[:IMAGES], margins[IMAGES:])
    right = IMAGES + np.flatnonzero(margins[IMAGES:] > 0)
    related = [rank_correlation(margins[right], one[right]) for one in easy]
    possible = "no" if hidden_reason(margins, easy[0], IMAGES) else "possible"
    cells = (name, f"{tied:.1%}", *(f"{round(one, 2) + 0.0:.2f}" for one in related), possible)
    text = f"| {' | '.join(cells)} |"
    print(text, flush=True)
    return text


def main() -> None:
    """Measure all scores and put the table into the page."""
    mnist = data.load()
    order = torch.randperm(len(mnist.train), generator=torch.Generator().manual_seed(0))
    measured = Samples.joined([mnist.train[order[:IMAGES]], mnist.test[:IMAGES]])
    easy = [
        reference_answers(
            mnist, mnist.train[order[IMAGES:][:count]], measured, count=1, seed=0, progress=silent
        )[0]
        for count in REFERENCES
    ]
    rows = []
    for name in BUNDLED:
        logits = answers(loading.resolve(name).model, measured.images(), 250)
        rows.append(line(f"`{name}`: logits", logits, measured, easy))
        if name == BUNDLED[0]:
            for change, changed in CHANGES.items():
                rows.append(line(f"`{name}`: {change}", changed(logits), measured, easy))
    made = f"Made by `python -m benchmarks.hidden_scores` on torch {torch.__version__}."
    store(PAGE, "hidden", (HEAD, "|---" * (HEAD.count("|") - 1) + "|", *rows, "", made))


if __name__ == "__main__":
    main()
