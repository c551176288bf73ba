"""The networks that `benchmarks.proofs` measures: small, and not trained for certificates.

Each is trained once, from its seed, and kept in `.benchmarks/proofs`; training resumes by epoch.
`python -m benchmarks.proof_networks NAME EPOCHS` trains so many epochs more of one network.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

from securemnist import data
from securemnist._util.hashing import seed_from
from securemnist._util.random_numbers import generator
from securemnist.attacks.losses import cross_entropies, loss_and_gradient
from securemnist.threats import Linf
from securemnist.types import Images, Labels

FOLDER = Path(__file__).parent.parent / ".benchmarks" / "proofs"
BATCH = 128


@dataclass(frozen=True)
class Spec:
    """A network: its shape, the seed and epochs of its training, and the eps it is measured at.

    `seconds` of processor time are for the proofs of all images.
    `trained_at`: the eps of PGD in training (Madry et al. 2017, arXiv 1706.06083); 0 for none.
    """

    shape: str
    seed: int
    epochs: int
    eps: float
    trained_at: float = 0.0
    seconds: float = 1200.0


NETWORKS = {
    "strided-adversarial-0": Spec("strided", 0, 8, 0.3, 0.3, 3600.0),
    "strided-adversarial-1": Spec("strided", 1, 8, 0.3, 0.3, 3600.0),
    "strided-undefended": Spec("strided", 0, 4, 0.12),
    "strided-undefended-small-eps": Spec("strided", 0, 4, 0.04),
    "linear-undefended": Spec("linear", 0, 4, 0.026),
    "gelu-undefended": Spec("gelu", 0, 4, 0.03, seconds=600.0),
    "tanh-undefended": Spec("tanh", 0, 4, 0.03, seconds=600.0),
    "attention-undefended": Spec("attention", 0, 4, 0.001, seconds=600.0),
}
ACTIVATIONS = {"strided": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}
# Steps of PGD in training, of this share of eps each; eps itself grows over the first two epochs.
STEPS, STEP = 5, 0.3
RAMP = 2.0


class Attention(nn.Module):
    """One layer of a vision transformer (arXiv 2010.11929): patches of 7x7, two heads of 16 values."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 32, 7, 7)
        self.token = nn.Parameter(torch.zeros(1, 1, 32))
        self.places = nn.Parameter(torch.zeros(1, 17, 32))
        self.heads = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 96))
        self.out = nn.Linear(32, 32)
        self.hidden = nn.Sequential(
            nn.LayerNorm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32)
        )
        self.last = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), patches], 1) + self.places
        heads = self.heads(x).unflatten(2, (3, 2, 16)).permute(2, 0, 3, 1, 4)
        values = F.scaled_dot_product_attention(*heads.unbind(0))
        x = x + self.out(values.transpose(1, 2).flatten(2))
        x = x + self.hidden(x)
        logits: torch.Tensor = self.last(x[:, 0])
        return logits


def build(shape: str) -> nn.Module:
    """Two strided convolutions and one hidden layer, six hidden layers of 100 units, or attention."""
    if shape == "attention":
        return Attention()
    if shape in ACTIVATIONS:
        activation = ACTIVATIONS[shape]
        first, second = nn.Conv2d(1, 16, 4, 2, 1), nn.Conv2d(16, 32, 4, 2, 1)
        head = [nn.Flatten(), nn.Linear(1568, 100), activation(), nn.Linear(100, 10)]
        return nn.Sequential(first, activation(), second, activation(), *head)
    hidden = [layer for _ in range(5) for layer in (nn.Linear(100, 100), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), *hidden, nn.Linear(100, 10))


def trained(name: str) -> nn.Module:
    """The network with its final weights, in eval mode; its training must be complete."""
    spec = NETWORKS[name]
    path = _file(name, spec.epochs)
    if not path.exists():
        raise SystemExit(
            f"expected the weights of {name}, got none; run `python -m benchmarks.proof_networks "
            f"{name} {spec.epochs}`"
        )
    model = build(spec.shape)
    model.load_state_dict(load_file(path))
    return model.eval().requires_grad_(False)


def train(name: str, epochs: int) -> None:
    """Train `epochs` epochs more; each one's weights and optimizer state are kept."""
    spec, samples = NETWORKS[name], data.load().train
    x, y = samples.images(), samples.labels
    torch.manual_seed(seed_from(name))
    model = build(spec.shape)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    done = max((n for n in range(1, spec.epochs + 1) if _file(name, n).exists()), default=0)
    if done:
        model.load_state_dict(load_file(_file(name, done)))
        _load(optimizer, done, name)
    for epoch in range(done, min(spec.epochs, done + epochs)):
        loss = _epoch(model, optimizer, x, y, spec, epoch)
        _save(optimizer, epoch + 1, name)
        save_file(model.state_dict(), _file(name, epoch + 1))
        print(f"{name}: epoch {epoch + 1} of {spec.epochs}, loss {loss:.4f}", flush=True)


def _epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Images,
    labels: Labels,
    spec: Spec,
    epoch: int,
) -> float:
    rng = generator(spec.seed, spec.shape, epoch)
    parts = torch.randperm(len(labels), generator=rng).split(BATCH)
    total = 0.0
    for step, part in enumerate(parts):
        progress = epoch + step / len(parts)
        optimizer.param_groups[0]["lr"] = 1e-3 * max(0.01, 1 - progress / spec.epochs)
        x, y = images[part], labels[part]
        if spec.trained_at:
            x = _perturbed(model, x, y, spec.trained_at * min(1.0, progress / RAMP), rng)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) / len(parts)
    return total


def _perturbed(model: nn.Module, x: Images, y: Labels, eps: float, rng: torch.Generator) -> Images:
    threat = Linf(eps)
    x_adv = threat.random_start(x, rng)
    for _ in range(STEPS):
        _, gradient, _ = loss_and_gradient(model, x_adv, y, cross_entropies)
        x_adv = threat.project(x, x_adv + STEP * eps * threat.steepest(gradient))
    return x_adv


def _file(name: str, epoch: int) -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER / f"{name}-{epoch}.safetensors"


def _save(optimizer: torch.optim.Optimizer, epoch: int, name: str) -> None:
    """Adam's state by the number of the weight and the name of the value."""
    states = optimizer.state_dict()["state"]
    flat = {f"{k}.{key}": value for k, each in states.items() for key, value in each.items()}
    save_file(flat, _file(name, epoch).with_suffix(".adam"))


def _load(optimizer: torch.optim.Optimizer, epoch: int, name: str) -> None:
    state = optimizer.state_dict()
    for key, value in load_file(_file(name, epoch).with_suffix(".adam")).items():
        number, _, field = key.partition(".")
        state["state"].setdefault(int(number), {})[field] = value
    optimizer.load_state_dict(state)


if __name__ == "__main__":
    train(sys.argv[1], int(sys.argv[2]))
