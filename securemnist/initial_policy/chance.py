"""Whether a model is clearly better than guessing, and the design effect of its samples."""

from __future__ import annotations

from securemnist import assessing
from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from securemnist.initial_policy import margins
from securemnist.results.evidence.answers import CleanEvidence
from securemnist.results.intervals import share_interval

_ABOVE_CHANCE = 0.1


def design_of(context: Context, name: str) -> float:
    """The design effect of the tuning samples.

    UsageError unless the lower bound of the accuracy, and its mean over classes, exceed twice chance, or
    chance by a tenth.
    """
    clean = assessing.measure(context, "clean_accuracy", {})
    chance = 1 / context.data.spec.classes
    least = chance + min(chance, _ABOVE_CHANCE)
    evidence = clean.evidence
    shares = evidence.per_class if isinstance(evidence, CleanEvidence) else []
    known = [share for share in shares or [] if share is not None]
    # Always the most frequent class: a high accuracy, but each class counts as much here.
    by_class = sum(known) / len(known) if known else 0.0
    if by_class > least >= share_interval(clean.n, clean.n)[0]:
        raise UsageError(
            f"expected enough samples to tell {name} from guessing, got {clean.n} of "
            f"{context.data.name}; add images (the tuning split is a twelfth of the training images)"
        )
    if min(clean.low, by_class) <= least:
        polarity = ", white on black" if context.data.pinned else ""
        raise UsageError(
            f"expected {name} to classify unmodified samples clearly better than guessing, got accuracy "
            f"{clean.value:.4f} on {clean.n:,} samples ({by_class:.4f} as the mean over classes); check "
            f"its preprocessing (pixels are in [0, 1]{polarity}; wrap it with "
            "securemnist.models.normalized(net, mean, std) where it was trained on normalised pixels), "
            "the order of its classes, and whether its weights were loaded"
        )
    answers = evidence.answers if isinstance(evidence, CleanEvidence) else None
    if answers is None:
        raise TypeError("expected the answers of a clean accuracy")
    return margins.design_effect(answers.labels.tolist(), answers.clean.tolist())
