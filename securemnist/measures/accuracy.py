"""Clean accuracy: of all digits, and of the class that is read worst."""

from __future__ import annotations

from typing import Any

from securemnist.evaluation.context import Lab
from securemnist.evaluation.outcomes import confusion, per_class
from securemnist.evaluation.pace import Pace
from securemnist.evaluation.thumbnails import hardest
from securemnist.measures.base import AnswerSettings, Measure, share, unreliable
from securemnist.models.predictions import predicted, tied
from securemnist.results.families import CLEAN
from securemnist.results.findings import Measurement


def clean_accuracy(lab: Lab, settings: AnswerSettings, seed: int) -> Measurement:
    """Share of unmodified test digits that are read as their label."""
    evidence, complete = _seen(lab, settings, seed)
    table = evidence["confusion"]
    hits = sum(table[k][k] for k in range(len(table)))
    n = sum(map(sum, table))
    why = unreliable(lab, settings)
    return share(hits, n, complete=complete, seed=seed, evidence=evidence, inconclusive=why)


def worst_class_accuracy(lab: Lab, settings: AnswerSettings, seed: int) -> Measurement:
    """Clean accuracy of the class that is read worst; n is the number of its digits.

    It passes only where every class has a digit: of one that has none, nothing is known.
    """
    evidence, complete = _seen(lab, settings, seed)
    table = evidence["confusion"]
    totals = [sum(row) for row in table]
    seen = [k for k, total in enumerate(totals) if total]
    worst = min(seen, key=lambda k: (table[k][k] / totals[k], k))
    evidence["worst_class"] = worst
    missing = ", ".join(str(k) for k, total in enumerate(totals) if not total)
    complaint = f"no digit of class {missing} was measured; take more, or other, digits"
    return share(
        table[worst][worst],
        totals[worst],
        complete=complete,
        seed=seed,
        evidence=evidence,
        inconclusive=complaint if missing else unreliable(lab, settings),
    )


def _seen(lab: Lab, settings: AnswerSettings, seed: int) -> tuple[dict[str, Any], bool]:
    """The evidence, and whether the number is exact."""
    sample = lab.sample(settings.digits, seed)
    logits = lab.test_logits.cpu()[sample.places]
    labels = sample.y.cpu()
    read = predicted(logits, labels)
    table = confusion(labels, read)
    evidence = {
        "ties": int(tied(logits, labels).sum()),
        "confusion": table,
        "per_class": per_class(table),
        "answers": sample.answers(read),
        "hardest": hardest(logits, labels, sample.x.cpu(), sample.places),
    }
    return evidence, sample.complete and not settings.randomised


def _estimate(settings: AnswerSettings, pace: Pace) -> float:
    return settings.expected_digits * pace.seconds / 2


CLEAN_ACCURACY = Measure(clean_accuracy, AnswerSettings, CLEAN, _estimate)
WORST_CLASS_ACCURACY = Measure(worst_class_accuracy, AnswerSettings, CLEAN, _estimate)
