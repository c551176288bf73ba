"""Isolation of ART: random state, logging, folders and the model after import and calls."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from securemnist.art_library.isolation import load
from securemnist.attacks import make_attack
from securemnist.attacks.art import ARTAttack
from securemnist.data import DataSet
from securemnist.models.loading import Subject
from securemnist.threats import L2
from tests.attacks.test_art import seeded

# Decision-based, with a few dozen queries whose random numbers must come from the seed.
BLACK_BOX = {"use": "art:HopSkipJump", "max_iter": 1, "max_eval": 20, "init_eval": 5}


@pytest.fixture
def images(mnist: DataSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Eight tuning images and their labels."""
    few = mnist.tuning[:8]
    return few.images(), few.labels


def test_art_candidates_determined_by_seed(
    baseline: Subject, images: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """An attack that ART seeds from the operating system repeats under an equal seed."""
    x, y = images
    attack = make_attack(BLACK_BOX)
    found = [
        attack.propose(baseline.model, x[:2], y[:2], threat=L2(3.0), rng=seeded(s))
        for s in (0, 0, 1)
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_art_call_restores_process_state(
    baseline: Subject,
    images: tuple[torch.Tensor, torch.Tensor],
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Generators, model, module table and terminal are unchanged after a call."""
    x, y = images
    load()
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    state, modules = np.random.RandomState, set(sys.modules)
    original = x[:2].clone()
    ARTAttack(kind="UniversalPerturbation", params={"max_iter": 1}).propose(
        baseline.model, x[:2], y[:2], threat=L2(3.0), rng=seeded()
    )
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    assert before[:2] == after[:2]
    assert torch.equal(before[2], after[2])
    assert np.random.RandomState is state
    assert "multiprocess" not in set(sys.modules) - modules
    assert torch.equal(original, x[:2])
    assert not baseline.model.training
    assert not any(m._forward_hooks or m._backward_hooks for m in baseline.model.modules())
    assert capfd.readouterr() == ("", "")


def test_art_import_restores_process_state(tmp_path: Path) -> None:
    """Importing ART changes neither HOME, logging nor temporary folders; a row binds without it."""
    program = """
import logging, os, sys, tempfile
handler = logging.FileHandler(os.devnull)
logging.getLogger().addHandler(handler)
from securemnist.attacks import make_attack
from securemnist.art_library.isolation import load
make_attack({"use": "art:DeepFool", "max_iter": 3})
assert "art" not in sys.modules, "naming an attack imported ART"
home = os.environ["HOME"]
art = load()
from art import config
assert os.environ["HOME"] == home
assert logging.getLogger().handlers == [handler] and handler.stream is not None
assert "tests" not in logging.root.manager.loggerDict
assert config.ART_DATA_PATH.startswith(tempfile.gettempdir())
"""
    home, scratch = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    scratch.mkdir()
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(scratch)}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120, env=environment)
    assert list(home.iterdir()) == []
    assert list(scratch.iterdir()) == []
