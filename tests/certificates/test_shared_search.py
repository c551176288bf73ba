"""Samples that several processes search, each its part."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from securemnist.certificates.proofs.proof import Proofs, prove
from securemnist.errors import ModelError
from securemnist.runtime import forks
from tests.certificates.balls import EPS, first_wrong
from tests.certificates.tiny import tiny

SAMPLES = 6


def samples() -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    """A tiny network, and images of the classes that it finds."""
    model = tiny(4, hidden=12)
    x = torch.rand(SAMPLES, 1, 2, 2, generator=torch.Generator().manual_seed(4))
    return model, x, model(x).argmax(1)


def searched(processes: int, seconds: float = math.inf) -> tuple[Proofs, list[int]]:
    """Proofs of these samples by so many processes, and the numbers of decided samples on the way."""
    model, x, y = samples()
    done = list[int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forks, "useful", lambda _samples: processes)
        found = prove(
            *(model, x, y),
            eps=EPS,
            seconds=seconds,
            attack=first_wrong(model, y),
            progress=lambda _task, decided, _total: done.append(decided),
        )
    return found, done


def test_processes_find_what_one_finds() -> None:
    """Three processes prove and break the same samples as one, with equal bounds and examples."""
    one, _ = searched(1)
    three, done = searched(3)
    assert one.proved.any()
    assert one.broken.any()
    for name in ("proved", "broken", "margins", "x_adv"):
        assert torch.equal(getattr(three, name), getattr(one, name)), name
    assert three.domains == one.domains
    assert three.decided.isfinite().equal(one.decided.isfinite())
    assert done == sorted(done)
    assert done[-1] == SAMPLES


def test_examples_of_broken_samples_are_kept() -> None:
    """`x_adv` holds a misclassified image of the ball for each broken sample, and the other samples."""
    model, x, y = samples()
    found, _ = searched(2)
    wrong = model(found.x_adv).argmax(1) != y
    assert torch.equal(wrong, found.broken)
    assert ((found.x_adv - x).abs() <= EPS + 1e-6).all()
    assert torch.equal(found.x_adv[~found.broken], x[~found.broken])


def test_error_of_an_attack_ends_all_searches() -> None:
    """An error of the model in one process is the error of the call."""
    model, x, y = samples()

    def attack(_place: int, _starts: torch.Tensor) -> None:
        raise ModelError("the model answers no more")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forks, "useful", lambda _samples: 2)
        with pytest.raises(ModelError, match="answers no more"):
            prove(model, x, y, eps=EPS, seconds=math.inf, attack=attack)


def test_time_ends_all_processes() -> None:
    """Without time no process begins a search."""
    found, _ = searched(3, seconds=0)
    assert not (found.proved | found.broken).any()
    assert found.domains == 0
