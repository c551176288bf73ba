"""Model contract, checked before any attack.

Input float32 (n, C, H, W) in [0, 1], output finite floating-point logits (n, K), input unchanged; the
data's `InputSpec` says which. A violation is a ModelError of one sentence, with the wrapper to use where
there is one. Noise, saturation and batch effects are doubts instead.
"""

from __future__ import annotations

import contextlib

import torch

from securemnist._util.user_code import place
from securemnist.errors import ModelError, NoAnswer, first_line
from securemnist.input_spec import FEWEST_CLASSES, MNIST, MOST_CLASSES, InputSpec
from securemnist.models import mismatch
from securemnist.models.loading import Subject
from securemnist.types import Images

_ADVICE = "fix the model"


def check(subject: Subject, x: Images, spec: InputSpec = MNIST) -> None:
    """ModelError at the first violation, for images `x` of `spec` in batches of 1 and of all."""
    if subject.remote is not None:
        subject.remote.probe(x)
    for batch in (x[:1], x):
        _check_batch(subject, batch.to(subject.device), spec)
    _check_outputs_not_reused(subject, x.to(subject.device))


@torch.no_grad()
def check_any(subject: Subject, x: Images) -> InputSpec:
    """The specification of images `x` and of the model's classes; ModelError as from `check`."""
    channels, height, width = x.shape[1:]
    classes = FEWEST_CLASSES
    with contextlib.suppress(Exception):  # the check reports it
        logits = subject.model(x[:1].to(subject.device))
        if logits.dim() == 2 and FEWEST_CLASSES <= logits.shape[1] <= MOST_CLASSES:
            classes = logits.shape[1]
    spec = InputSpec(channels, height, width, classes)
    check(subject, x, spec)
    return spec


@torch.no_grad()
def _check_batch(subject: Subject, x: Images, spec: InputSpec) -> None:
    name, images = subject.name, x.clone()
    try:
        logits = subject.model(images)
    except NoAnswer:  # of an endpoint: nothing is known about its answers
        raise
    except ModelError as error:  # a wrapper's own sentence
        raise ModelError(f"{name}: {error}") from error
    except Exception as error:
        raise ModelError(
            f"{name}: expected logits for images {tuple(x.shape)}, it raised "
            f"{type(error).__name__} ({first_line(error):.120}){place(error)}; "
            f"{mismatch.input_advice(subject.model, x[:1], spec)}"
        ) from error
    if not isinstance(logits, torch.Tensor):
        raise ModelError(
            f"{name}: expected a tensor, got {type(logits).__name__}; "
            f"{mismatch.output_advice(logits, spec)}"
        )
    expected = (len(x), spec.classes)
    if tuple(logits.shape) != expected:
        raise ModelError(
            f"{name}: expected logits {expected}, got {tuple(logits.shape)}; "
            f"{mismatch.output_advice(logits, spec)}"
        )
    if not logits.is_floating_point():
        raise ModelError(f"{name}: expected floating-point logits, got {logits.dtype}; {_ADVICE}")
    if not torch.isfinite(logits).all():
        raise ModelError(
            f"{name}: expected finite logits, got NaN or inf; {_ADVICE}, and end it in "
            "log_softmax where it takes the logarithm of softmax"
        )
    # The version also counts writes of equal values, which raise an error under an attack.
    if images._version or not torch.equal(images, x):
        raise ModelError(f"{name}: expected an unchanged input, it was changed in place; {_ADVICE}")


@torch.no_grad()
def _check_outputs_not_reused(subject: Subject, x: Images) -> None:
    """ModelError if a later call overwrites the logits of an earlier one, which are collected."""
    logits = subject.model(x)
    copy = logits.clone()
    subject.model(x.flip(0))
    if not torch.equal(logits, copy):
        raise ModelError(
            f"{subject.name}: expected new logits from each call, a later call changed those of an "
            f"earlier one; {_ADVICE}"
        )
