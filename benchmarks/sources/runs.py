"""One run: the networks of a system and a seed, trained and measured; what was interrupted goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from benchmarks.sources.figures import figures
from benchmarks.sources.systems import SYSTEMS
from securemnist import data
from securemnist.resources import ROOT, write_atomically
from securemnist.train import train

FOLDER = ROOT / "reports" / "sources"


def reproduce(system: str, seed: int) -> Path:
    """The three networks of a system, trained and measured; answers the file of their figures."""
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    done, described = FOLDER / f"{system}-{seed}.json", SYSTEMS[system]
    if done.is_file():
        return done
    found = {}
    for role, recipe in described.recipes(seed, FOLDER).items():
        weights = FOLDER / f"{described.label(role, seed)}.safetensors"
        if not weights.is_file():
            train(weights.stem, recipe, data.load(), FOLDER, resume=True)
        print(f"{weights.stem}: trained, now measured", file=sys.stderr, flush=True)
        baseline = FOLDER / f"{described.label('baseline', seed)}.safetensors"
        found[role] = figures(str(weights), described.eps, str(baseline))
    write_atomically(done, json.dumps(found).encode())
    return done
