"""One run: the networks of a system and a seed, trained and measured; what was interrupted goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from benchmarks.sources.figures import figures
from benchmarks.sources.systems import SYSTEMS
from securemnist import data
from securemnist._util.hashing import sha256_of_value
from securemnist._util.resources import ROOT, write_atomically
from securemnist.train import train

FOLDER = ROOT / "reports" / "sources"


def folder(system: str, seed: int) -> Path:
    """Where a run keeps its files: what was made by another recipe lies elsewhere."""
    recipes = SYSTEMS[system].recipes(seed, Path())
    made_by = sha256_of_value({role: recipe.to_json() for role, recipe in recipes.items()})
    return FOLDER / f"{system}-{seed}-{made_by[:12]}"


def figures_file(system: str, seed: int) -> Path:
    """The figures of a finished run."""
    return folder(system, seed) / "figures.json"


def reproduce(system: str, seed: int) -> None:
    """The three networks of a system, trained and measured, to `figures_file`."""
    torch.set_num_threads(1)
    kept, done, described = folder(system, seed), figures_file(system, seed), SYSTEMS[system]
    if done.is_file():
        return
    kept.mkdir(parents=True, exist_ok=True)
    found = {}
    for role, recipe in described.recipes(seed, kept).items():
        weights = kept / f"{described.label(role, seed)}.safetensors"
        if not weights.is_file():
            train(weights.stem, recipe, data.load(), kept, resume=True)
        print(f"{weights.stem}: trained, now measured", file=sys.stderr, flush=True)
        baseline = kept / f"{described.label('baseline', seed)}.safetensors"
        found[role] = figures(str(weights), described.eps, str(baseline))
    write_atomically(done, json.dumps(found).encode())
