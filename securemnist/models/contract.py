"""The model contract, checked before any attack.

Float32 (n, 1, 28, 28) in [0, 1] -> finite floating-point logits (n, 10), input untouched. What breaks
it is refused with one sentence; whatever is subtler (noise, saturation, batch effects) is a doubt.
"""

from __future__ import annotations

import torch

from securemnist.errors import ModelError, first_line
from securemnist.models.loading import Subject
from securemnist.types import CLASSES, Images

_ADVICE = (
    "mend the model, or wrap it (securemnist.models.normalized wraps one that wants mean and std)"
)


def check(subject: Subject, x: Images) -> None:
    """Call the model on a few digits, in batches of 1 and of all; ModelError at the first breach."""
    for batch in (x[:1], x):
        _check_batch(subject, batch.to(subject.device))
    _check_answers_stay(subject, x.to(subject.device))


@torch.no_grad()
def _check_batch(subject: Subject, x: Images) -> None:
    name, given = subject.name, x.clone()
    try:
        logits = subject.model(given)
    except Exception as error:
        raise ModelError(
            f"{name}: expected logits for images {tuple(x.shape)}, it raised "
            f"{type(error).__name__} ({first_line(error):.200}); {_ADVICE}"
        ) from error
    if not isinstance(logits, torch.Tensor):
        raise ModelError(f"{name}: expected a tensor, got {type(logits).__name__}; {_ADVICE}")
    expected = (len(x), CLASSES)
    if tuple(logits.shape) != expected:
        raise ModelError(
            f"{name}: expected logits {expected}, got {tuple(logits.shape)}; {_ADVICE}"
        )
    if not logits.is_floating_point():
        raise ModelError(f"{name}: expected floating-point logits, got {logits.dtype}; {_ADVICE}")
    if not torch.isfinite(logits).all():
        raise ModelError(f"{name}: expected finite logits, got NaN or inf; {_ADVICE}")
    # The version counts writes, of the same values, too: under an attack they end in an error.
    if given._version or not torch.equal(given, x):
        raise ModelError(
            f"{name}: expected its input untouched, it was changed in place; {_ADVICE}"
        )


@torch.no_grad()
def _check_answers_stay(subject: Subject, x: Images) -> None:
    """Answers are collected over batches: a model must not write a later one into an earlier."""
    answer = subject.model(x)
    kept = answer.clone()
    subject.model(x.flip(0))
    if not torch.equal(answer, kept):
        raise ModelError(
            f"{subject.name}: expected an answer of its own for each call, a later call changed an "
            f"earlier one; {_ADVICE}"
        )
