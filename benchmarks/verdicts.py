"""How often a comparison calls a new version worse: `python -m benchmarks.verdicts`.

Two versions on 10,000 images, simulated 2,000 times. What matters beside the drop is how many images
the two versions disagree on: retrained from another seed, networks of one recipe disagree on more of
them than a model and its fine-tuned successor.
"""

from __future__ import annotations

import numpy as np

from securemnist.comparison.intervals import Paired
from securemnist.comparison.paired_scores import PairedScores
from securemnist.comparison.requirement import MARGIN, word_of

IMAGES = 10_000
TIMES = 2_000
OLD = 0.93  # robust accuracy of the old version
DROP, POWER = 0.01, 0.95  # a drop is noticed where so many comparisons say worse


def rate(drop: float, disagreement: float, *, margin: float = MARGIN, times: int = TIMES) -> float:
    """Share of simulated comparisons that say worse."""
    rng = np.random.default_rng(7)
    gained, lost = (disagreement - drop) / 2, (disagreement + drop) / 2
    cells = [gained, lost, OLD - lost, 1 - OLD - gained]
    said = 0
    for one in rng.multinomial(IMAGES, cells, size=times):
        paired = Paired(IMAGES, int(one[0]), int(one[1]), int(one[2]))
        said += word_of(*paired.interval(), margin, up=True) == "worse"
    return said / times


def noticed_up_to() -> float:
    """The largest share of disagreeing images, in steps of half a point, at which DROP is noticed."""
    steps = 8
    while rate(DROP, (steps + 1) / 200) >= POWER:
        steps += 1
    return steps / 200


def against_itself(images: int) -> float:
    """Half the width of the interval of a model against itself: mean accuracy under corruptions."""
    right = np.ones((1, images), np.int8)
    low, high = PairedScores(right, right, 1).interval(np.mean)
    return (high - low) / 2


def main() -> None:
    """The table of docs/compare.md, and the sentences below it."""
    head = (
        "versions disagree on",
        "drop of 1 point called worse",
        "no change called worse",
        "the same, margin 0",
    )
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for disagreement in (0.02, 0.04, 0.06, 0.08):
        rates = (
            rate(DROP, disagreement),
            rate(0.0, disagreement),
            rate(0.0, disagreement, margin=0.0),
        )
        print(f"| {disagreement:.0%} | " + " | ".join(f"{share:.2%}" for share in rates) + " |")
    print(
        f"a drop of 1 point is noticed in 95 % up to {noticed_up_to():.1%} of images that disagree"
    )
    for images in (200, 250, 300, 1_000):
        print(
            f"corruptions, a model against itself, {images} images: ±{against_itself(images):.4f}"
        )


if __name__ == "__main__":
    main()
