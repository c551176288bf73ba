"""The page of a run: five scenarios with their figures, made with the parts of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from securemnist.pipeline import comparisons, figures
from securemnist.pipeline.documents import Measured, Name, Network, Scenario, Summary
from securemnist.pipeline.scenarios import FGSM, threat
from securemnist.pipeline.sizes import (
    BASELINE,
    EPS,
    HARDENED,
    ONE_STEP,
    POISONED,
    RATE,
    TARGET,
    TITLES,
)
from securemnist.report.gallery import of_images
from securemnist.results.evidence.images import ChangedImage
from securemnist.view import glossary, jinja
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit

_TEMPLATES = Path(__file__).parent / "templates"
_TERMS = "epsilon linf FGSM PGD doubt interval attack success rate backdoor trigger clean accuracy"
Pictures = Mapping[tuple[str, str], list[ChangedImage]]


@dataclass(frozen=True)
class Section:
    """A scenario on the page: its words, its figures, and the doubts about its numbers."""

    anchor: Name
    title: str
    introduction: str
    exhibits: tuple[Exhibit, ...]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Run:
    """What the sections are made of."""

    networks: Mapping[str, Network]
    scenarios: Mapping[Name, Scenario]
    pictures: Pictures
    names: ClassNames

    def section(
        self, name: Name, title: str, introduction: str, *exhibits: Exhibit | None
    ) -> Section:
        """A section of the exhibits that there are."""
        present = tuple(exhibit for exhibit in exhibits if exhibit is not None)
        return Section(name, title, introduction, present, _doubts(self.scenarios[name]))

    def confusion(self, one: Measured | None, where: str = "") -> Exhibit | None:
        """The confusion matrix of a measurement; `where`: the heading of attacked images."""
        if one is None:
            return None
        title = f"Confusion matrix of the {TITLES[one.network]} network"
        return figures.confusion(one, where, title, self.names)

    def gallery(self, network: str, measure: str, after: str) -> Exhibit | None:
        """The first images of each class that the attack or the trigger changed."""
        found = self.pictures.get((network, measure))
        title = f"Images {after} of the {TITLES[network]} network"
        return of_images("gallery", title, after, found, self.names)


def render(summary: Summary, scenarios: Mapping[Name, Scenario], pictures: Pictures) -> bytes:
    """The page; equal documents and pictures give equal bytes."""
    names = ClassNames.of({"data": summary.data})
    run = _Run({one.name: one for one in summary.networks}, scenarios, pictures, names)
    return jinja.page(
        "pipeline.html.j2",
        _TEMPLATES,
        summary=summary,
        titles=TITLES,
        sections=[section(run) for section in _SECTIONS],
        glossary=list(glossary.entries(_TERMS)),
    )


def _baseline(run: _Run) -> Section:
    return run.section(
        "baseline",
        "Baseline",
        "A network without a defence: how it learns, and what it confuses on clean images.",
        figures.training(run.networks[BASELINE]),
        run.confusion(run.scenarios["baseline"].find(BASELINE, "clean_accuracy")),
    )


def _fgsm(run: _Run) -> Section:
    scenario = run.scenarios["fgsm"]
    return run.section(
        "fgsm",
        "FGSM",
        f"One gradient step changes every pixel by at most {EPS:g} (L-infinity). The referee recomputes "
        "the change and the answer of each adversarial example before it counts.",
        figures.by_eps(scenario),
        run.gallery(BASELINE, "attack_accuracy", "under FGSM"),
        run.confusion(_under_fgsm(scenario, BASELINE), "under attack"),
    )


def _adversarial_training(run: _Run) -> Section:
    scenario = run.scenarios["adversarial-training"]
    return run.section(
        "adversarial-training",
        "Adversarial training",
        "Two networks trained on attacked images: one-step by ART's trainer on FGSM examples, hardened "
        "by steps from random starts. FGSM takes one step, PGD-40 takes forty.",
        comparisons.before_after(scenario),
        figures.training(run.networks[ONE_STEP]),
        figures.training(run.networks[HARDENED]),
        run.confusion(_under_fgsm(scenario, HARDENED), "under attack"),
    )


def _poisoning(run: _Run) -> Section:
    scenario = run.scenarios["poisoning"]
    return run.section(
        "poisoning",
        "Poisoning",
        f"One training image in {1 / RATE:.0f} has a white corner, the trigger, and the label "
        f"{run.names[TARGET]}.",
        comparisons.trigger_effect(scenario),
        comparisons.trigger_by_class(scenario, run.names),
        run.gallery(POISONED, "backdoor_success", "with the trigger"),
        run.confusion(scenario.find(POISONED, "backdoor_success"), "with the trigger"),
        figures.training(run.networks[POISONED]),
    )


def _timing(run: _Run) -> Section:
    return run.section(
        "timing",
        "Timing",
        "Time of an image and of the training; all four networks have one architecture.",
        figures.timing(run.scenarios["timing"], list(run.networks.values())),
    )


_SECTIONS = (_baseline, _fgsm, _adversarial_training, _poisoning, _timing)


def _under_fgsm(scenario: Scenario, network: str) -> Measured | None:
    return scenario.find(network, "attack_accuracy", threat=threat(), attack=FGSM)


def _doubts(scenario: Scenario) -> tuple[str, ...]:
    """A sentence for each doubt about a number."""
    return tuple(
        f"{TITLES[one.network]}, {one.measure.replace('_', ' ')} {one.value:.4f}: "
        f"{doubt.name}: {doubt.reason}"
        for one in scenario.measured
        for doubt in one.doubts
    )
