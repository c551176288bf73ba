"""A run: networks from cache or training, scenarios, documents and page, published as one folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from securemnist._util import environment
from securemnist._util.hashing import sha256
from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.pipeline import cache, folder, page, scenarios
from securemnist.pipeline.cache import Say, Trained
from securemnist.pipeline.documents import Figure, Name, Scenario, Summary
from securemnist.pipeline.measuring import Bench
from securemnist.pipeline.scenarios import FGSM, PGD, SCENARIOS, threat
from securemnist.pipeline.sizes import BASELINE, HARDENED, ONE_STEP, POISONED, Sizes
from securemnist.report import writing
from securemnist.report.folder import publish
from securemnist.report.swap import locked
from securemnist.runtime.malloc import keep_freed_memory
from securemnist.train.subset import first_images
from securemnist.types import Progress
from securemnist.view.eta import Schedule

# Seconds of a scenario on two cores, for the display of progress only.
_EXPECTED: Mapping[str, float] = {
    "baseline": 2,
    "fgsm": 15,
    "adversarial-training": 45,
    "poisoning": 10,
    "timing": 10,
}
# The main numbers: scenario, network, words, measure and settings.
_FIGURES: tuple[tuple[Name, str, str, str, dict[str, object]], ...] = (
    ("baseline", BASELINE, "clean accuracy", "clean_accuracy", {}),
    ("fgsm", BASELINE, "under FGSM", "attack_accuracy", {"threat": threat(), "attack": FGSM}),
    ("adversarial-training", BASELINE, "under PGD-40", "robust_accuracy", {"attack": PGD}),
    ("adversarial-training", ONE_STEP, "under FGSM", "attack_accuracy", {"attack": FGSM}),
    ("adversarial-training", ONE_STEP, "under PGD-40", "robust_accuracy", {"attack": PGD}),
    ("adversarial-training", HARDENED, "under PGD-40", "robust_accuracy", {"attack": PGD}),
    ("poisoning", POISONED, "clean accuracy", "clean_accuracy", {}),
    ("poisoning", POISONED, "attack success rate", "backdoor_success", {}),
)


def run(
    out: Path,
    data: DataSet,
    sizes: Sizes,
    *,
    say: Say,
    progress: Progress,
    schedule: Schedule,
) -> Path:
    """Train or load the networks, measure, and write `out`; returns the path of the page.

    `data` are images of MNIST's form. `say` gets a sentence about each step. The networks lie in the
    folder `models` of `out`; all other files are written at the end, as one. UsageError for a folder
    that may not be written, and for more images than there are.
    """
    began = time.perf_counter()
    sizes.check(data)
    folder.check(out)
    keep_freed_memory()
    trainings = {f"train {name}": _seconds(sizes, name) for name in sizes.recipes()}
    schedule.expected = {**trainings, **_EXPECTED}
    bench = Bench(data, out, progress)
    networks: list[Trained] = []
    found: dict[Name, Scenario] = {}
    with _locked(out / cache.FOLDER) as models:
        training = first_images(data, sizes.training)
        for name, recipe in sizes.recipes().items():
            with _step(schedule, f"train {name}"):
                networks.append(
                    cache.network(name, recipe, training, models, say=say, progress=progress)
                )
        subjects = {network.record.name: network.subject for network in networks}
        for scenario in SCENARIOS:
            with _step(schedule, scenario):
                found[scenario] = scenarios.run(scenario, bench, subjects, sizes)
            say(_sentence(found[scenario]))
    files = {f"{name}.json": scenario.dumps() for name, scenario in found.items()}
    summary = Summary(
        sizes=vars(sizes),
        data=data.to_json(),
        networks=tuple(network.record for network in networks),
        figures=tuple(_figures(found)),
        files={name: sha256(content) for name, content in files.items()},
        environment=environment.describe(out, processor=torch.backends.cpu.get_cpu_capability()),
        seconds=round(time.perf_counter() - began, 1),
    )
    page_file = page.render(summary, found, bench.pictures)
    folder.check(out)  # others may have come into it
    with writing(out):
        publish(out, {**files, folder.SUMMARY: summary.dumps(), folder.PAGE: page_file})
    return out / folder.PAGE


@contextlib.contextmanager
def _locked(models: Path) -> Iterator[Path]:
    """The cache, used by one run at a time."""
    cache.begin(models)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(models))
        except BlockingIOError as error:
            raise UsageError(
                f"{models}: expected no other run in this folder, got one; wait for it or name another "
                "folder"
            ) from error
        yield models


@contextlib.contextmanager
def _step(schedule: Schedule, name: str) -> Iterator[None]:
    """A step of the display of progress."""
    schedule.begin(name)
    yield
    schedule.end()


def _seconds(sizes: Sizes, name: str) -> float:
    """Seconds of a training on two cores, for the display of progress only."""
    images = sizes.recipes()[name].epochs * sizes.training
    return images / (2_500 if name in (ONE_STEP, HARDENED) else 6_000)


def _sentence(scenario: Scenario) -> str:
    """`fgsm: baseline attack accuracy 0.1580, ...`: the scenario's main numbers."""
    parts = [
        f"{figure.network} {figure.label} {figure.value:.4f}"
        for figure in _figures({scenario.scenario: scenario})
    ]
    parts += [f"{one.network} {one.measure} not measured" for one in scenario.unmeasured]
    if not parts:
        parts = [f"{len(scenario.measured)} measurements"]
    return f"{scenario.scenario}: {', '.join(parts)}"


def _figures(found: Mapping[Name, Scenario]) -> Iterator[Figure]:
    """The main numbers of these scenarios."""
    for name, network, label, measure, settings in _FIGURES:
        one = found[name].find(network, measure, **settings) if name in found else None
        if one is not None:
            yield Figure(
                scenario=name,
                network=network,
                label=label,
                value=one.value,
                low=one.low,
                high=one.high,
                n=one.n,
                doubts=tuple(doubt.name for doubt in one.doubts),
            )
