"""Figures of the page, each from the documents alone, so that pictures, tables and JSON agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from securemnist.pipeline import charts
from securemnist.pipeline.charts import Series, numbers
from securemnist.pipeline.documents import Epoch, Measured, Network, Scenario
from securemnist.pipeline.sizes import BASELINE, TITLES
from securemnist.report import charts as report_charts
from securemnist.report import matrices
from securemnist.results.evidence.attack import CurvePoint
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Panel, Table
from securemnist.view.numbers import NONE


def training(network: Network) -> Exhibit:
    """Loss and accuracy of each epoch."""
    title = f"Training of the {TITLES[network.name]} network"
    history = network.history
    loss = [Series("loss", [epoch.loss for epoch in history])]
    accuracy = [
        Series("training", [epoch.accuracy for epoch in history]),
        Series("tuning, clean", [epoch.tuning_accuracy for epoch in history]),
    ]
    robust = [epoch.tuning_robust_accuracy for epoch in history]
    if any(value is not None for value in robust):
        accuracy.append(Series("tuning, PGD-20", robust))
    caption = (
        f"Epochs on {network.training_data}. Training numbers are means over the batches of an epoch"
        f"{', which are attacked' if network.recipe.get('adversary') else ''}; tuning images are not "
        f"trained on. Epoch {network.epoch_kept} is kept."
    )
    return Exhibit(
        kind="training",
        title=title,
        caption=caption,
        panels=(
            Panel(
                charts.epochs(accuracy, shares=True, alt=f"Accuracy by epoch. {caption}"),
                "Accuracy",
            ),
            Panel(charts.epochs(loss, shares=False, alt=f"Loss by epoch. {caption}"), "Loss"),
        ),
        table=Table(
            head=("epoch", "loss", "training", "tuning, clean", "tuning, PGD-20"),
            rows=tuple(_epoch(epoch) for epoch in history),
        ),
    )


def _epoch(one: Epoch) -> tuple[str, ...]:
    numbers = (one.loss, one.accuracy, one.tuning_accuracy, one.tuning_robust_accuracy)
    return str(one.epoch), *(NONE if number is None else f"{number:.4f}" for number in numbers)


def confusion(one: Measured, where: str, title: str, names: ClassNames) -> Exhibit | None:
    """Confusion matrix; with an attack or a trigger also without it, and the difference."""
    if one.confusion is None:
        return None
    clean = None if one.clean_confusion is None else np.array(one.clean_confusion)
    figure = matrices.of_counts(np.array(one.confusion), clean, where, names)
    return figure and replace(figure, title=title)


def by_eps(scenario: Scenario) -> Exhibit | None:
    """Accuracy of the undefended network under FGSM, by eps; None for fewer than two eps."""
    curve = scenario.measured[1:]  # the first is on all images
    if len(curve) < 2:
        return None
    points = tuple(CurvePoint(one.settings["threat"]["eps"], one.value, one.n) for one in curve)
    line = report_charts.Line(name=TITLES[BASELINE], attack="FGSM", points=points)
    caption = f"Accuracy under FGSM by eps, on {points[0].n:,} test images."
    picture = report_charts.curve([line], None, alt=caption)
    table = numbers("eps", [(f"{p.eps:g}", one) for p, one in zip(points, curve, strict=True)])
    return Exhibit.drawn("curve", "Accuracy under FGSM by eps", caption, picture, table)


def timing(scenario: Scenario, networks: Sequence[Network]) -> Exhibit:
    """Time of an image in batches, and of the training in this run."""
    rows = [
        (
            TITLES[one.network],
            f"{one.settings['batch']:,}",
            f"{one.microseconds or 0:,.1f}",
            f"{one.value:.3f}",
            f"{one.low:.3f} to {one.high:.3f}",
        )
        for one in scenario.measured
    ]
    trained = ", ".join(
        f"{TITLES[one.name]} {'from the cache' if one.seconds is None else f'{one.seconds:g} s'}"
        for one in networks
    )
    caption = (
        "Microseconds of one image in a batch, and the ratio to the calibration kernel (network A), "
        f"timed in turns. Training: {trained}."
    )
    for one in scenario.unmeasured[:1]:
        caption += f" Not measured: {one.reason}."
    head = ("network", "batch", "µs an image", "ratio", "95 % interval")
    return Exhibit(
        kind="timing",
        title="Inference and training time",
        caption=caption,
        table=Table(head=head, rows=tuple(rows), prose=True) if rows else None,
    )
