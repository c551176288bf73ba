"""Scans of honest networks for a task of the user's own, so that its backdoor scans can be judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from securemnist._util import resources
from securemnist._util.hashing import canonical_json
from securemnist.backdoor.scan import searches
from securemnist.backdoor.scan.references import (
    CONTROLS,
    NAME,
    ReferenceNetwork,
    ReferenceScans,
)
from securemnist.backdoor.scan.statistics import FEWEST_CLASSES
from securemnist.backdoor.scan.witness import logits_of
from securemnist.calibration.references import check_learned, network_in_time
from securemnist.data import DataSet
from securemnist.errors import DataError
from securemnist.initial_policy.kind import kind_of
from securemnist.models import weight_file
from securemnist.models.loading import Subject
from securemnist.models.predictions import is_wrong
from securemnist.results.intervals import share_interval
from securemnist.train.recipes import Recipe
from securemnist.types import Progress, silent

SEARCHED = 300


def calibrate_scan(
    data: DataSet, folder: Path, *, seconds: float, progress: Progress = silent
) -> ReferenceScans:
    """Train networks on the training split, scan each, and write their scans into a new folder.

    `seconds` limits the training of all together. The weights of some are kept as controls for found
    triggers. DataError without training images; UsageError where the time is too short, and for a
    network that learned nothing: its sizes say nothing about others.
    """
    if data.spec.classes < FEWEST_CLASSES:
        raise DataError(
            f"{data.name}: expected {FEWEST_CLASSES} or more classes, got {data.spec.classes}; a scan "
            "compares each class with the others"
        )
    if not len(data.train):
        raise DataError(
            f"{data.name}: expected training images for reference networks, got none; add a training "
            "split"
        )
    samples = data.tuning if len(data.tuning) >= 2 * data.spec.classes else data.train
    samples = samples.spread(min(SEARCHED, len(samples)))
    x, y = samples.images(), samples.labels
    networks: list[ReferenceNetwork] = []
    controls: list[Subject] = []
    for subject in _trained(data, seconds, progress):
        right = int((~is_wrong(logits_of(subject.model, x), y)).sum())
        advice = "raise --minutes, or add training images with right labels"
        check_learned(subject.name, right / len(y), share_interval(right, len(y))[0], y, advice)
        found = searches.search(subject.model, x, y, data.spec.classes, seed=0, progress=progress)
        sizes = {one.kind: [round(float(size), 6) for size in one.sizes] for one in found}
        networks.append(ReferenceNetwork(name=subject.name, digest=subject.digest, sizes=sizes))
        if len(controls) < CONTROLS:
            controls.append(subject)
    scans = ReferenceScans(
        made_by="securemnist calibrate",
        searches=searches.VERSION,
        data=data.digest,
        networks=networks,
    )
    # Nothing is written where a network could not be trained.
    folder.mkdir(parents=True, exist_ok=True)
    for subject in controls:
        manifest = {"architecture": "A", "spec": data.spec.to_json()}
        weight_file.save(subject.model, folder / f"{subject.name}.safetensors", manifest)
    resources.write_atomically(folder / NAME, (canonical_json(scans.to_json()) + "\n").encode())
    return scans


def _trained(data: DataSet, seconds: float, progress: Progress) -> Iterator[Subject]:
    """Honest networks: as they are, with noise, and with attacks."""
    eps = kind_of(data).linf[2]
    plain = Recipe(learning_rate=2e-3)
    robust = dataclasses.replace(plain, adversary="pgd", eps=eps, steps=3, step_size=eps / 2)
    recipes = {
        **{f"plain-{k}": dataclasses.replace(plain, seed=k) for k in range(4)},
        **{f"slow-{k}": Recipe(learning_rate=5e-4, seed=10 + k) for k in range(2)},
        **{f"noise-{k}": Recipe(noise=0.1 + 0.2 * k, seed=20 + k) for k in range(2)},
        "fgsm": dataclasses.replace(robust, adversary="fgsm", eps=eps / 2, seed=30),
        "pgd": dataclasses.replace(robust, seed=31),
    }
    weights = {name: 4 if recipe.adversary == "pgd" else 1 for name, recipe in recipes.items()}
    for name, recipe in recipes.items():
        share = weights[name] / sum(weights.values())
        yield network_in_time(name, recipe, data, share * seconds, progress, option="--minutes")
