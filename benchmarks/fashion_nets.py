"""Two small networks for Fashion-MNIST; `python nets.py` trains both."""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

import securemnist as sm

DATA, IMAGES = "fashion.toml", 15_000
EPS = 0.05


def network():
    """A convolutional network without weights."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 49, 10),
    )


def loaded(name):
    """The network with the weights of a file beside this module."""
    model = network()
    model.load_state_dict(load_file(Path(__file__).with_name(f"{name}.safetensors")))
    return model.eval()


def plain():
    """Trained on the images as they are."""
    return loaded("plain")


def robust():
    """Trained on images with one signed gradient step from a random start."""
    return loaded("robust")


def perturbed(model, x, y):
    """One signed gradient step (Wong et al. 2020, arXiv 2001.03994)."""
    start = x + torch.empty_like(x).uniform_(-EPS, EPS)
    start.requires_grad_()
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(model(start), y), start)
    change = (start + 1.25 * EPS * gradient.sign() - x).clamp(-EPS, EPS)
    return (x + change).clamp(0, 1).detach()


def train(name, images, labels, epochs=4):
    """Train one of the networks, and write its weights."""
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(64):
            x, y = images[batch], labels[batch]
            if name == "robust":
                x = perturbed(model, x, y)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    save_file(model.state_dict(), f"{name}.safetensors")


if __name__ == "__main__":
    data = sm.DataSet.load(sys.argv[1] if sys.argv[1:] else DATA)
    for each in ("plain", "robust"):
        train(each, data.train[:IMAGES].images(), data.train[:IMAGES].labels)
