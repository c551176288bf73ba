"""Checks of a row against its measure: thresholds and regression limits have to be able to fail."""

from __future__ import annotations

from securemnist.backdoor import make_trigger
from securemnist.errors import DataError, PolicyError, UsageError
from securemnist.input_spec import TARGET_WORDS, InputSpec
from securemnist.measures.backdoor import BackdoorSettings
from securemnist.measures.base import (
    LEAST_CHANCE,
    ImageSettings,
    Measure,
    Settings,
)
from securemnist.measures.corruptions import CorruptionSettings
from securemnist.measures.latency import LatencySettings
from securemnist.results.findings import Requirement
from securemnist.threats import make_threat

# 9,900 pairs; the intervals of more are too wide to decide anything.
MOST_CLASSES_OF_PAIRS = 100
_BETTER = {"at_least": "more", "at_most": "less"}


def check_row(row: Requirement, measure: Measure, settings: Settings, where: str) -> None:
    """Raise PolicyError for a row that its measure does not allow, or that could not fail."""
    _check_direction(row, measure, where)
    _check_threshold(row, measure, where)
    _check_change(row, measure, settings, where)
    _check_budget(settings, where)


def _check_direction(row: Requirement, measure: Measure, where: str) -> None:
    """Raise PolicyError where the threshold has the wrong direction for the measure."""
    direction = "at_most" if row.at_least is None else "at_least"
    if direction != measure.good:
        raise PolicyError(
            f"{where}: expected {measure.good} for {row.measure}, of which {_BETTER[measure.good]} is "
            f"better, got {direction}; write {measure.good} = {row.threshold:g}, or another threshold"
        )


def _check_threshold(row: Requirement, measure: Measure, where: str) -> None:
    """Raise PolicyError for a threshold outside the measure's limits, or one that every model meets."""
    (low, high), threshold = measure.limits, row.threshold
    easy = low if measure.good == "at_least" else high
    if measure.unit == "share" and 0 <= threshold <= low and measure.good == "at_least":
        raise PolicyError(
            f"{where}: expected a threshold above {low:g} for {row.measure}, got {threshold:g}; "
            "a model that guesses meets it, so raise it"
        )
    if not low <= threshold <= high:
        top = 0 if measure.unit == "share" else low
        percent = measure.unit == "share" and 1 < threshold <= 100
        advice = f"write {threshold:g} % as {threshold / 100:g}" if percent else "change it"
        raise PolicyError(
            f"{where}: expected a threshold from {top:g} to {high:g} for {row.measure}, got "
            f"{threshold:g}; it could never fail or never pass, {advice}"
        )
    if threshold == easy:
        raise PolicyError(
            f"{where}: expected a threshold that a model can miss, got {row.relation} {threshold:g}; "
            "set a stricter one"
        )


def _check_change(row: Requirement, measure: Measure, settings: Settings, where: str) -> None:
    """Raise PolicyError for a regression limit that no change could exceed.

    A share lies in [0, 1]. A ratio or a count below its threshold cannot have risen by more than
    it.
    """
    largest = 1.0 if measure.unit == "share" else row.threshold
    limits = {"max_drop": largest, "max_relative_drop": 1.0}
    for key, limit in limits.items():
        bound = getattr(row, key)
        if bound is not None and bound >= limit and bound > 0:
            raise PolicyError(
                f"{where}: expected {key} below {limit:g} for {row.measure}, got {bound:g}; no change "
                "could exceed it: write 5 % as 0.05"
            )
    if row.max_newly_broken is None:
        return
    if measure.unit == "ratio":
        raise PolicyError(
            f"{where}: expected a measure of samples for max_newly_broken, got {row.measure}; limit its "
            "change by max_drop"
        )
    if measure.unit == "count":
        _check_newly_broken(row.max_newly_broken, max(int(row.threshold), 1), "findings", where)
    elif isinstance(settings, ImageSettings) and settings.images is not None:
        _check_newly_broken(row.max_newly_broken, settings.images, "samples", where)


def _check_budget(settings: Settings, where: str) -> None:
    """Raise PolicyError for a time budget under a second."""
    seconds = getattr(settings, "seconds", None)
    if seconds is not None and seconds < 1:
        raise PolicyError(
            f"{where}: expected seconds of at least 1, got {seconds:g}; give the attack the time it needs"
        )


def check_form(
    row: Requirement, measure: Measure, settings: Settings, spec: InputSpec, where: str
) -> None:
    """Raise PolicyError where a row does not fit the shape of the images or the number of classes."""
    _check_chance(row, measure, spec.classes, where)
    try:
        for threat in settings.within:
            threat.check_fits(spec.size)
            for eps in getattr(settings, "curve", ()):
                make_threat(threat.norm, eps).check_fits(spec.size)
        if isinstance(settings, CorruptionSettings):
            settings.chosen(spec)
        if isinstance(settings, BackdoorSettings):
            make_trigger(settings.trigger).check_fits(*spec.shape)
            _check_target(settings.target, spec)
    except (UsageError, DataError) as error:
        raise PolicyError(f"{where}: {error}") from error


def _check_chance(row: Requirement, measure: Measure, classes: int, where: str) -> None:
    """Raise PolicyError for an accuracy that guessing among the classes of the data meets."""
    guessed = measure.unit == "share" and measure.good == "at_least"
    if guessed and measure.limits[0] == LEAST_CHANCE and row.threshold <= 1 / classes:
        raise PolicyError(
            f"{where}: expected a threshold above {1 / classes:.4g} for {row.measure} on {classes:,} "
            f"classes, got {row.threshold:g}; a model that guesses meets it, so raise it"
        )


def _check_target(target: int | str, spec: InputSpec) -> None:
    """DataError for a class that the data lacks, UsageError for more pairs than can be measured."""
    if target not in TARGET_WORDS:
        spec.label_of(target)
    classes = spec.classes
    if target == "pair" and classes > MOST_CLASSES_OF_PAIRS:
        raise UsageError(
            f"expected at most {MOST_CLASSES_OF_PAIRS} classes for every pair of them, got "
            f'{classes:,}; write target = "all" or "next"'
        )


def check_size(row: Requirement, settings: Settings, samples: int, where: str) -> None:
    """Raise PolicyError where a row asks for more than the test set's number of `samples`."""
    count = settings.batch if isinstance(settings, LatencySettings) else None
    if isinstance(settings, ImageSettings):
        count = settings.images
    if count is not None and count > samples:
        raise PolicyError(
            f"{where}: expected at most {samples:,} samples, as many as the test set has, got {count:,}; "
            "lower `images` or `batch`"
        )
    if row.max_newly_broken is not None and isinstance(settings, ImageSettings):
        _check_newly_broken(row.max_newly_broken, settings.images or samples, "samples", where)


def _check_newly_broken(bound: int, most: int, what: str, where: str) -> None:
    if bound >= most:
        raise PolicyError(
            f"{where}: expected max_newly_broken below {most:,}, the row's {what}, got {bound:,}; no "
            "change could exceed it, lower it"
        )
