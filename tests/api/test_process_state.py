"""What a call of the library leaves as it was: the process and the model."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import securemnist as sm
from securemnist import errors
from securemnist.runtime import denormals
from tests.small_network import small_network


class Changing(nn.Module):
    """A network that changes whatever a process shares, and may then raise or leave the program."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.network, self.error = small_network(), error
        self.train()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        random.seed(7)
        np.random.seed(7)
        torch.rand(1)
        os.environ["SECUREMNIST_CHANGED"] = "1"
        logging.getLogger().addHandler(logging.NullHandler())
        logging.getLogger().setLevel(logging.CRITICAL)
        torch.set_flush_denormal(True)
        torch.backends.cudnn.allow_tf32 = not torch.backends.cudnn.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = not torch.backends.cuda.matmul.allow_tf32
        torch.backends.nnpack.set_flags(not torch.backends.nnpack.set_flags(False)[0])
        if self.error is not None:
            torch.set_default_dtype(torch.float64)
            raise self.error
        logits: torch.Tensor = self.network(x)
        return logits


def state(model: nn.Module) -> list[Any]:
    """What a caller may rely on, of the process and of the model."""
    nnpack = torch.backends.nnpack.set_flags(True)[0]
    torch.backends.nnpack.set_flags(nnpack)
    root = logging.getLogger()
    weights = [(p.data_ptr(), p.stride(), p.requires_grad) for p in model.parameters()]
    return [
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.get_rng_state().tolist(),
        dict(os.environ),
        (list(root.handlers), root.level),
        (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, nnpack),
        (denormals.flushing(), torch.get_default_dtype()),
        [module.training for module in model.modules()],
        weights,
    ]


CALLS: dict[str, Callable[..., Any]] = {
    "measure": lambda net, x, y, _: sm.measure("clean_accuracy", net, (x, y)),
    "assess": lambda net, x, y, path: sm.assess(net, (x, y), policy=path, rows=["CLEAN-01"]),
    "compare": lambda net, x, y, path: sm.compare(
        net, net, data=(x, y), policy=path, rows=["CLEAN-01"], same_model=True
    ),
    "attack": lambda net, x, y, _: sm.PGD(steps=2)(net, x, y, threat="linf:0.1"),
    "ART": lambda net, x, y, _: sm.measure(
        "attack_accuracy",
        net,
        (x[:9], y[:9]),
        attack="art:FastGradientMethod",
        threat="linf:0.1",
    ),
    "certify": lambda net, x, y, _: sm.certify(net, x[:2], y[:2], eps=0.1),
}


@pytest.mark.parametrize("error", [None, ValueError("no"), SystemExit(0)], ids=repr)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_process_and_model_are_left_as_they_were(
    call: Callable[..., Any],
    error: BaseException | None,
    images: tuple[torch.Tensor, torch.Tensor],
    policy: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Random generators, logging, environment, float arithmetic and the model are as before the call."""
    net = Changing(error)
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")  # versions are not timed: that takes seconds
    before = state(net)
    # A network that draws random numbers is measured, but has no certificate.
    refused = error is not None or call is CALLS["certify"]
    with pytest.raises(errors.SecureMnistError) if refused else contextlib.nullcontext():
        call(net, *images, policy)
    assert state(net) == before


def test_importing_is_light() -> None:
    """`import securemnist` loads none of the heavy packages and sets no variable of the environment."""
    program = (
        "import os, sys; before = dict(os.environ); import securemnist; dir(securemnist); "
        "heavy = {'torch', 'pydantic', 'numpy', 'pytest', 'click'} & set(sys.modules); "
        "assert not heavy, heavy; assert dict(os.environ) == before"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_first_use_keeps_the_random_state() -> None:
    """The first use of each public name leaves the random numbers of Python as they were."""
    program = (
        "import random; import securemnist as sm; before = random.getstate(); "
        "[getattr(sm, name) for name in sm.__all__]; assert random.getstate() == before"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
