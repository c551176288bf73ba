"""Write the table of docs/defences.md: `python -m benchmarks.defences [SECONDS] [MODEL] [anew]`.

Rows that the table has are kept, so that a run that was cut goes on where it ended. SECONDS limits a
run: no row begins later. MODEL limits it to the rows of a model. `anew` empties the table first.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.page import store
from securemnist import data
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.defences import make_defence
from securemnist.evaluation.adaptive_stages import STAGES
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import model_doubts
from securemnist.evaluation.eot import mean_accuracy
from securemnist.evaluation.ladder_run import Further, LadderRun
from securemnist.evaluation.ladders import parse_attack
from securemnist.measures import with_defence
from securemnist.measures.attack_run import RobustSettings, run_attacks
from securemnist.measures.hidden_gradients import doubt_context, settle_gradients
from securemnist.models import loading
from securemnist.models.loading import Subject
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, Labels

PAGE = Path(__file__).parent.parent / "docs" / "defences.md"
FIRST, IMAGES, EPS, BUDGET = 60, 20, 0.3, "smoke"
THREAT = {"norm": "linf", "eps": EPS}
NAIVE = PGD(steps=40)
# The further stages without the longest search and without the training of a surrogate.
THROUGH = tuple(attack for attack in STAGES if attack.passes() < 200 and not attack.black_box)
# Rounds of the latency ratio, and images of a batch.
ROUNDS, BATCH = 25, 16
NONE = "none"
TRIED = (
    NONE,
    *("jpeg:quality=75", "jpeg:quality=25", "bit-depth:bits=3", "bit-depth:bits=1"),
    *("median:size=3", "gaussian:sigma=1.0", "total-variation:weight=0.1"),
    *("art:SpatialSmoothing:window_size=3", "art:FeatureSqueezing:bit_depth=3"),
    *("ensemble:others=network_c+network_d", "ensemble:others=network_c+network_d,combine=vote"),
    *("confidence-mask:decimals=0", "label-only", "detector:threshold=1.0"),
    # Random defences take longest.
    *("random-resize:pixels=4", "random-noise:sigma=0.25"),
)
# ART's code does the same as two others, so that one network is enough. Random defences take longest.
HARDENED = tuple(
    sorted((text for text in TRIED if "art:" not in text), key=lambda t: "random" in t)
)
PROVED = (NONE, "bit-depth:bits=3", "bit-depth:bits=1", "ensemble:others=certified_mnist")
ROWS = tuple(
    (model, defence)
    for model, defences in (("baseline", TRIED), ("hardened", HARDENED), ("certified", PROVED))
    for defence in defences
)
HEAD = "| model | defence | clean | borrowed | own gradient | adaptive | proved | in doubt | time |"


@dataclass(frozen=True)
class Case:
    """A defended model beside the undefended one, and the images."""

    plain: Subject
    context: Context
    settings: RobustSettings
    x: Images
    y: Labels

    def accuracy(self, x: Images) -> float:
        """Accuracy of the defended model, of one answer an image."""
        return float((~is_wrong(self.context.logits(x), self.y)).float().mean())

    def under(self, attacked: nn.Module) -> float:
        """Accuracy of the defended model on examples made against `attacked`."""
        rng, threat = torch.Generator().manual_seed(0), self.settings.threat_value()
        x_adv = NAIVE.propose(attacked, self.x, self.y, threat=threat, rng=rng)
        return self.accuracy(x_adv)

    def adaptive(self) -> tuple[float, float, str]:
        """Accuracy under the ladder with all further stages, the share that is proved, and the doubt."""
        settings = self.settings
        further = Further(THROUGH, doubt_context(self.context, settings))
        run = run_attacks(
            *(self.context, settings, settings.images, settings.threat_value(), 0),
            before_crown=settings.ladder.before_crown,
            further=lambda: further,
        )
        share = run.outcomes.unbroken / len(self.y)
        share = mean_accuracy(self.context, run) if settings.randomised else share
        return share, run.outcomes.certified / len(self.y), self._doubt(run)

    def _doubt(self, run: LadderRun) -> str:
        """Whether the gradient of the defended model is in doubt; "" where no attack failed."""
        if not len(run.outcomes.undecided):
            return ""
        settings, itself = self.settings, doubt_context(self.context, self.settings)
        found = model_doubts(itself, settings.threat_value(), randomised=settings.randomised)
        names = {doubt.name for doubt in found}
        left, settled = settle_gradients(self.context, settings, run, found)
        others = ", ".join(sorted(names & {doubt.name for doubt in left}))
        return others or ("settled" if settled else "no")

    def time(self) -> float:
        """Processor time of a batch over that of the undefended model, in turn; the median ratio."""
        ratios = []
        for _ in range(ROUNDS + 1):
            seconds = [
                self._seconds(model) for model in (self.context.subject.model, self.plain.model)
            ]
            ratios.append(seconds[0] / seconds[1])
        return statistics.median(ratios[1:])  # the first round warms up

    @torch.no_grad()
    def _seconds(self, model: nn.Module) -> float:
        began = time.process_time()  # other processes do not count
        model(self.x[:BATCH])
        return time.process_time() - began


def case_of(model: str, defence: str, mnist: DataSet) -> Case:
    """The case of a row."""
    plain = loading.resolve(model)
    asked: dict[str, Any] = {"threat": THREAT, "images": IMAGES}
    asked["attack"] = {"use": "ladder", "budget": BUDGET}
    if defence != NONE:
        asked["defence"] = make_defence(parse_attack(defence)).to_json()
    bound = RobustSettings.model_validate(asked, context={"tier": BUDGET})
    context, settings = with_defence(Context(plain, mnist), bound)
    sample = context.sample(IMAGES, 0)
    return Case(plain, context, settings, sample.x, sample.y)  # type: ignore[arg-type]


def line(model: str, defence: str, mnist: DataSet) -> str:
    """The row of the table."""
    torch.manual_seed(0)  # of random defences
    case = case_of(model, defence, mnist)
    clean, borrowed = case.accuracy(case.x), case.under(case.plain.model)
    own = case.under(case.context.subject.model)
    adaptive, proved, doubt = case.adaptive()
    shares = (f"{100 * share:.0f} %" for share in (clean, borrowed, own, adaptive, proved))
    return f"| {model} | `{defence}` | {' | '.join(shares)} | {doubt} | {case.time():.1f} |"


def kept() -> dict[tuple[str, str], str]:
    """Rows that the page has, by model and defence."""
    rows = {}
    for text in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().strip("`") for cell in text.strip("|").split("|")]
        if text.startswith("|") and tuple(cells[:2]) in ROWS:
            rows[(cells[0], cells[1])] = text
    return rows


def main(words: list[str]) -> None:
    """Measure what the table lacks, and write each row as soon as it is known."""
    numbers = [float(word) for word in words if word.replace(".", "", 1).isdigit()]
    models = {model for model, _ in ROWS}
    chosen = [key for key in ROWS if key[0] in (models & set(words) or models)]
    known = {} if "anew" in words else kept()
    left = [key for key in chosen if key not in known]
    mnist = data.load()
    mnist = dataclasses.replace(mnist, test=mnist.test[:FIRST], digests={})
    began = time.perf_counter()
    for number, key in enumerate(left):
        if numbers and time.perf_counter() - began > numbers[0]:
            print(f"{len(left) - number} rows are left; run the command again")
            break
        print(f"row {number + 1} of {len(left)}: {' '.join(key)}", flush=True)
        measured = {key: line(*key, mnist)}
        print(measured[key], flush=True)
        # Another run may have written rows meanwhile.
        known = ({} if "anew" in words and not number else kept()) | measured
        table = [HEAD, "|---" * (HEAD.count("|") - 1) + "|"]
        store(PAGE, "table", [*table, *(known[one] for one in ROWS if one in known), ""])


if __name__ == "__main__":
    main(sys.argv[1:])
