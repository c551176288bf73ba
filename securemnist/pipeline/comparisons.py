"""Figures that compare networks: before and after a defence, without and with poisoned images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from securemnist.pipeline import charts
from securemnist.pipeline.charts import Series, numbers
from securemnist.pipeline.documents import Scenario
from securemnist.pipeline.scenarios import FGSM, PGD, threat
from securemnist.pipeline.sizes import BASELINE, EPS, HARDENED, ONE_STEP, POISONED, TITLES
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Panel, Table
from securemnist.view.numbers import NONE


class _Kind(NamedTuple):
    """A number that is compared: its label, its measure and its settings."""

    label: str
    measure: str
    settings: Mapping[str, Any] = {}


def before_after(scenario: Scenario) -> Exhibit:
    """Clean, under FGSM and under PGD: the undefended network, and both that were defended."""
    kinds = (
        _Kind("clean", "clean_accuracy"),
        _Kind("FGSM", "attack_accuracy", {"threat": threat(), "attack": FGSM}),
        _Kind("PGD-40", "robust_accuracy", {"threat": threat(), "attack": PGD}),
    )
    caption = (
        "Accuracy of each network: clean, under one step (FGSM) and under 40 steps (PGD-40), at "
        f"L-infinity eps {EPS:g}."
    )
    title = "Before and after adversarial training"
    networks = (BASELINE, ONE_STEP, HARDENED)
    return _compared("before-after", title, caption, scenario, networks, kinds)


def trigger_effect(scenario: Scenario) -> Exhibit:
    """What poisoning changes: clean accuracy, and the share that the trigger turns to the target."""
    kinds = (
        _Kind("clean accuracy", "clean_accuracy"),
        _Kind("attack success rate", "backdoor_success"),
    )
    caption = (
        "Attack success rate: the share of images of other classes that the trigger turns to the "
        "target. Clean accuracy counts images without the trigger."
    )
    title = "The trigger, without and with poisoned training images"
    return _compared("trigger", title, caption, scenario, (BASELINE, POISONED), kinds)


def _compared(
    kind: str,
    title: str,
    caption: str,
    scenario: Scenario,
    networks: Sequence[str],
    kinds: Sequence[_Kind],
) -> Exhibit:
    """A bar for each number of each network, and the table of all."""
    rows = [
        (name, one.label, scenario.find(name, one.measure, **one.settings))
        for name in networks
        for one in kinds
    ]
    series = [
        Series(
            TITLES[name],
            [found.value if found else None for other, _, found in rows if other == name],
        )
        for name in networks
    ]
    picture = charts.bars([one.label for one in kinds], series, alt=caption)
    table = numbers(
        "network, number", [(f"{TITLES[name]}, {label}", found) for name, label, found in rows]
    )
    return Exhibit.drawn(kind, title, caption, picture, table)


def trigger_by_class(scenario: Scenario, names: ClassNames) -> Exhibit:
    """The attack success rate of each true class; the target has none."""
    found = [scenario.find(name, "backdoor_success") for name in (BASELINE, POISONED)]
    rates = [(one.per_class or []) if one is not None else [] for one in found]
    classes = max(map(len, rates), default=0)
    values = [[*rate, *[None] * (classes - len(rate))] for rate in rates]
    series = [
        Series(TITLES[name], rate) for name, rate in zip((BASELINE, POISONED), values, strict=True)
    ]
    groups = [names.short(label) for label in range(classes)]
    caption = "Attack success rate by true class; images of the target class do not count."
    rows = tuple(
        (names[label], *(NONE if rate[label] is None else f"{rate[label]:.4f}" for rate in values))
        for label in range(classes)
    )
    return Exhibit(
        kind="trigger-classes",
        title="Attack success rate by class",
        caption=caption,
        panels=(Panel(charts.bars(groups, series, alt=caption)),) if groups else (),
        table=Table(head=("class", TITLES[BASELINE], TITLES[POISONED]), rows=rows),
    )
