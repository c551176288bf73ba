"""`certify`: certificates for a caller's model and samples."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from securemnist.certificates import BRANCHES, METHODS, NORMS, Certificates
from securemnist.certificates import certify as certify_samples
from securemnist.certificates.proofs.proof import prove
from securemnist.data.tensors import as_tensor, check_label_range
from securemnist.errors import DataError, ModelError, UsageError, first_line
from securemnist.input_spec import FEWEST_CLASSES
from securemnist.models.borrowing import borrowed
from securemnist.models.loading import Subject
from securemnist.types import Progress
from securemnist.view.progress import shown


def certify(
    model: nn.Module | Subject | str,
    x: Any,
    y: Any,
    *,
    eps: float,
    norm: str = "linf",
    proof_seconds: float = 0.0,
    device: str | None = None,
    progress: Progress | bool = True,
) -> Certificates:
    """Certificates that no perturbation within `eps` changes the predicted class.

    `norm` is "linf", "l2", "patch" (a square with a side of `eps` pixels, at any place), or "l0" with an
    `eps` of 1 (any pixel). The last two take samples (n, C, H, W).

    `x`: float32 samples (n, ...) of any shape the network takes, in [0, 1]; `y`: integer labels (n,);
    tensors or NumPy arrays. Interval bounds (Gowal et al., arXiv 1810.12715) come first, CROWN (Zhang
    et al., arXiv 1811.00866) where they prove nothing; both in float32 with rounding bounds. With
    `proof_seconds`, branch and bound (Wang et al., arXiv 2103.06624) works on the rest for that long; it
    proves samples of networks that were not trained for it. Called by the main thread on Linux, it makes
    a copy of the process for each thread of torch, as a DataLoader does. The result has `margins` (lower
    bounds of the smallest margin), `proved` (bool, (n,)) and `by` (the method).

    NoCertificate where an operation of the network has no bounds, UsageError, DataError, ModelError or
    MeasureError for bad input. The model is left as it was.
    """
    x, y = _samples(x, y)
    _check_ball(eps, norm, proof_seconds)
    with shown(progress) as display, borrowed(model, device) as subject:
        x, y = x.to(subject.device), y.long().to(subject.device)
        _check_labels(subject.model, x, y)
        found = certify_samples(subject.model, x, y, eps=eps, norm=norm, progress=display)
        if not proof_seconds:
            return found
        return _with_proofs(subject.model, x, y, (eps, norm), proof_seconds, found, display)


def _samples(x: Any, y: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples float32 (n, ...) and integer labels (n,) as tensors; DataError for others."""
    x, y = as_tensor(x, "samples (n, ...)"), as_tensor(y, "labels (n,)")
    if x.dtype != torch.float32 or y.is_floating_point() or y.dtype == torch.bool:
        raise DataError(
            f"expected float32 samples and integer labels, got {x.dtype} and {y.dtype}; convert them"
        )
    if x.dim() < 2 or tuple(y.shape) != (len(x),) or not len(x):
        raise DataError(
            f"expected samples (n, ...) and labels (n,), got {tuple(x.shape)} and {tuple(y.shape)}; "
            "reshape them"
        )
    return x, y


def _check_ball(eps: float, norm: str, proof_seconds: float) -> None:
    """UsageError for a size, a norm or a time that a certificate cannot have."""
    if not hasattr(eps, "__float__"):
        raise UsageError(f"expected eps as a number of 0 or more, got {eps!r:.80}; pass 0.1, say")
    if not (isinstance(proof_seconds, int | float) and 0 <= proof_seconds < math.inf):
        raise UsageError(
            f"expected proof_seconds of 0 or more, got {proof_seconds!r:.80}; pass 60, say"
        )
    if norm not in NORMS:
        known = ", ".join(NORMS)
        raise UsageError(f"expected one of the norms {known}, got {norm!r:.80}; fix the call")


@torch.no_grad()
def _with_proofs(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    within: tuple[float, str],
    seconds: float,
    found: Certificates,
    progress: Progress,
) -> Certificates:
    """The certificates, with those of branch and bound for samples that have none."""
    left = (~found.proved & (model(x).argmax(1) == y)).nonzero().squeeze(1)
    if not len(left):
        return found
    labels, (eps, norm) = y[left], within

    def attack(place: int, starts: torch.Tensor) -> torch.Tensor | None:
        wrong = starts[model(starts).argmax(1) != labels[place]]
        return wrong[0] if len(wrong) else None

    proofs = prove(
        *(model, x[left], labels),
        eps=eps,
        norm=norm,
        seconds=seconds,
        attack=attack,
        progress=progress,
    )
    margins, by = found.margins.clone(), found.by.clone()
    margins[left] = torch.fmax(margins[left], proofs.margins)
    by[left[proofs.proved]] = METHODS.index(BRANCHES)
    return Certificates(margins, by)


@torch.no_grad()
def _check_labels(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    """DataError for a label that is no class of the model, ModelError for other outputs than logits."""
    try:
        logits = model(x[:1])
    except Exception as error:
        raise ModelError(
            f"expected logits for samples {tuple(x.shape)}, the model raised {first_line(error):.200}; "
            "pass samples that it takes"
        ) from error
    shape = tuple(getattr(logits, "shape", ()))
    if len(shape) != 2 or shape[1] < FEWEST_CLASSES:
        raise ModelError(
            f"expected logits (n, K) of {FEWEST_CLASSES} classes or more, got "
            f"{shape or type(logits).__name__}; wrap the model (docs/your-own-model.md)"
        )
    classes = shape[1]
    check_label_range(y, f"labels from 0 to {classes - 1}", classes)
