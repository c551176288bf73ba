"""Checkpoints of networks as they are met in practice, with the tensors that have to arrive."""

from __future__ import annotations

import io
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.foreign.checkpoints import saved

State = dict[str, torch.Tensor]


def network() -> nn.Module:
    """A network with float and integer tensors."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


def state() -> State:
    """Its state dict."""
    return network().state_dict()


class _Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight


def of_types() -> State:
    """A tensor of each type that is imported, with values that rounding would change."""
    torch.manual_seed(1)
    floats = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
    whole = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]
    values = {f"f{i}": torch.randn(3, 2).to(kind) for i, kind in enumerate(floats)}
    values |= {f"i{i}": torch.randint(0, 99, (4,)).to(kind) for i, kind in enumerate(whole)}
    return {**values, "b": torch.tensor([True, False]), "s": torch.tensor(1.5), "e": torch.empty(0)}


def views() -> State:
    """Tensors that share a storage: transposed, cut and expanded."""
    base = torch.arange(12.0).view(3, 4)
    return {"t": base.T, "cut": base[1:, ::2], "wide": base[:, :1].expand(3, 5), "base": base}


def training() -> tuple[Any, State]:
    """What a training script stores: state dict, optimizer, schedule, loss, arguments."""
    net = network()
    moments = {"step": torch.tensor(3.0), "exp_avg": torch.rand(2), "exp_avg_sq": torch.rand(2)}
    group = {"lr": 0.1, "betas": (0.9, 0.999), "foreach": None, "fused": False, "params": [0, 1]}
    adam = {"state": {0: moments, 1: dict(moments)}, "param_groups": [group]}
    stored = {
        "epoch": 3,
        "best": torch.tensor(0.9),
        "state_dict": net.state_dict(),
        "optimizer": adam,
        "scheduler": {"gamma": 0.1, "milestones": Counter([2, 4]), "_last_lr": [0.1]},
        "args": {"lr": 0.1, "name": "x", "shape": torch.Size([1, 4, 4])},
        "ema_state_dict": net.state_dict(),
        "rng": torch.get_rng_state(),
    }
    return stored, net.state_dict()


def arrays() -> tuple[bytes, State]:
    """An `.npz`, with an empty array, one in Fortran order, and data that begin with white space."""
    more = {
        "empty": torch.zeros(0, 3),
        "transposed": torch.rand(3, 4).T,
        "white": torch.frombuffer(bytearray(b"\n \t\n" * 3), dtype=torch.float32),
    }
    packed, stored = io.BytesIO(), {**state(), **more}
    np.savez_compressed(packed, **{name: value.numpy() for name, value in stored.items()})
    return packed.getvalue(), stored


Case = Callable[[], tuple[bytes, State]]
CHECKPOINTS: dict[str, Case] = {
    "state dict": lambda: (saved(state()), state()),
    "state dict, legacy": lambda: (saved(state(), zipped=False), state()),
    "plain dict": lambda: (saved(dict(state())), state()),
    "parameters": lambda: (saved(OrderedDict(network().named_parameters())), parameters()),
    "parameters, legacy": lambda: (
        saved(dict(network().named_parameters()), zipped=False),
        parameters(),
    ),
    "every type": lambda: (saved(of_types()), of_types()),
    "every type, legacy": lambda: (saved(of_types(), zipped=False), of_types()),
    "shared storages": lambda: (saved(views()), views()),
    "shared storages, legacy": lambda: (saved(views(), zipped=False), views()),
    "tied weights": lambda: (lambda s: (saved(s), s))(_Tied().state_dict()),
    "half": lambda: (saved(network().half().state_dict()), network().half().state_dict()),
    "training": lambda: (lambda stored, s: (saved(stored), s))(*training()),
    "training, legacy": lambda: (lambda stored, s: (saved(stored, zipped=False), s))(*training()),
    "model inside": lambda: (saved({"model": {"state_dict": state()}, "epoch": 1}), state()),
    "unknown entry": lambda: (saved({"generator": state(), "epoch": 1}), state()),
    "DataParallel": lambda: (
        saved(nn.DataParallel(network()).state_dict()),
        nn.DataParallel(network()).state_dict(),
    ),
    "arrays": arrays,
}


def parameters() -> State:
    """The parameters of the network as plain tensors."""
    return {name: value.detach() for name, value in network().named_parameters()}
