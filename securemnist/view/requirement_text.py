"""What a row claims, in one sentence of its own: its attack, threat, images and threshold.

A suite's docstring is the claim of a measure, the same for all its rows. A row of a measure that this
module does not know, or with settings of another form, keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from securemnist.epsilon import epsilon_text, parse_epsilon
from securemnist.input_spec import TARGET_WORDS
from securemnist.results.findings import Finding, Requirement
from securemnist.results.json_model import read
from securemnist.results.value_types import Class, Count, Nonnegative
from securemnist.sanitize import line
from securemnist.view import control_text, defence_text, natural_text, trigger_text
from securemnist.view.class_names import NUMBERS, ClassNames
from securemnist.view.privacy_text import PRIVACY
from securemnist.view.supply_text import SUPPLY_CHAIN

_TABLE = Mapping[str, Any]
_VOWELS = (8, 11, 18, *range(80, 90), *range(800, 900))  # numbers that begin with a vowel


def claim(finding: Finding, names: ClassNames = NUMBERS) -> str:
    """One sentence: the row's own, else the suite's, else the measure's name.

    Numbers keep their units beside them, by no-break spaces. `names` are those of the data's classes.
    """
    row, target = named(finding.requirement, names), finding.requirement.settings.get("target")
    try:
        if isinstance(target, str) and target not in (*TARGET_WORDS, *names.names):
            raise ValueError("target: expected a class of the data")
        return _counted(WORDS[row.measure](row), finding)
    except (KeyError, ValueError):
        return line(finding.claim, 300) or line(row.measure, 100).replace("_", " ")


def named(row: Requirement, names: ClassNames) -> Requirement:
    """The row with the name of its target class instead of the number, where classes have names."""
    target = row.settings.get("target")
    if type(target) is not int or not 0 <= target < len(names.names):
        return row
    name = names[target]
    return row if name in TARGET_WORDS else replace(row, settings={**row.settings, "target": name})


def _counted(detail: str, finding: Finding) -> str:
    """The claim with the number of all images, once it is known: all may be five."""
    measurement = finding.measurement
    if measurement is None or not measurement.complete:
        return detail
    return detail.replace("all test images", f"all {measurement.n:,}\N{NO-BREAK SPACE}test images")


def _bound(row: Requirement) -> str:
    """`at least 89 %`."""
    words = "at least" if row.relation == ">=" else "at most"
    return f"{words} {100 * row.threshold:.4g}\N{NO-BREAK SPACE}%"


def _images(settings: Mapping[str, Any]) -> str:
    """`10,000 images`; `up to` where time may run out before."""
    if "images" not in settings:
        return "all test images"
    count = f"{read(Count, settings['images']):,}\N{NO-BREAK SPACE}images"
    return f"up to {count}" if "seconds" in settings else count


# What a threat allows, by its norm.
NORMS = {
    "linf": "with no pixel changed by more than {}",
    "l2": "with a change of L2 norm {} at most",
    "l1": "with a change of L1 norm {} at most",
    "l0": "with at most {} pixels changed",
    "patch": "with a square of {0}x{0} pixels replaced anywhere",
}


def _threat(settings: Mapping[str, Any]) -> str:
    """`with no pixel changed by more than 0.3`."""
    if "threats" in settings:
        threats = settings["threats"]
        if not isinstance(threats, list | tuple):
            raise ValueError("threats: expected a list")
        return ", or ".join(_allowed(read(_TABLE, threat)) for threat in threats)
    return _allowed(read(_TABLE, settings["threat"]))


def _allowed(threat: Mapping[str, Any]) -> str:
    eps = epsilon_text(read(Nonnegative, parse_epsilon(threat.get("eps"))))
    return NORMS[str(threat.get("norm"))].format(eps)


# Settings that say how often an attack does something, and the words for it.
_EFFORTS = {"steps": "steps", "max_iter": "iterations", "queries": "queries", "restarts": "starts"}


def _attack(row: Requirement) -> str:
    """`40 steps of PGD`, `ART's DeepFool`, `the ladder of attacks (full)`, `MyAttack (trials 5)`."""
    attack = read(_TABLE, row.settings.get("attack", {"use": "ladder"}))
    use = line(attack["use"], 80)
    if use == "ladder":
        return f"the ladder of attacks ({line(attack.get('budget', row.tier), 20)})"
    own = ":" in use and not use.startswith("art:")
    name = use.rpartition(":")[2] if own else use.replace("art:", "ART's ")
    counts = {key: attack[key] for key in _EFFORTS if key in attack}
    if own and not all(type(count) is int and count >= 0 for count in counts.values()):
        counts = {}  # the user's own attack may mean something else by these names
    efforts = [f"{read(Count, count):,} {_EFFORTS[key]}" for key, count in counts.items()]
    if efforts:
        return f"{' and '.join(efforts)} of {name}"
    others = ", ".join(f"{key} {value}" for key, value in attack.items() if key != "use")
    return f"{name} ({line(others, 60)})" if own and others else name


def _robust(row: Requirement) -> str:
    how = "By proof" if row.measure == "certified_accuracy" else f"Under {_attack(row)}"
    images = f"{_images(row.settings)}{defence_text.behind(row.settings)}"
    return f"{how}, {_threat(row.settings)}, {_bound(row)} of {images} keep their class."


def _false(row: Requirement) -> str:
    of = f"Of {_images(row.settings)}{defence_text.behind(row.settings)}, {_threat(row.settings)}"
    naive = defence_text.naive(row.settings)
    return f"{of}, {_bound(row)} withstand {naive} and fall to {_attack(row)}."


def _smoothed(row: Requirement) -> str:
    sigma = f"{read(Nonnegative, row.settings['sigma']):g}"
    how, images = f"Smoothed by noise of deviation {sigma}", _images(row.settings)
    return f"{how}, {_threat(row.settings)}, {_bound(row)} of {images} are certified."


def _clean(row: Requirement) -> str:
    return f"Of {_images(row.settings)}, unmodified, {_bound(row)} are classified correctly."


def _worst_class(row: Requirement) -> str:
    of = "the images" if "images" not in row.settings else f"its share of {_images(row.settings)}"
    return f"Of every class, {_bound(row)} of {of} are classified correctly."


def _corruption(row: Requirement) -> str:
    of = f"Of {_images(row.settings)}, {natural_text.corrupted(row.settings)}"
    every = "under each kind" if row.measure.startswith("worst") else "on average over the kinds"
    return f"{of}, {_bound(row)} are classified correctly {every}."


def _spatial(row: Requirement) -> str:
    how = natural_text.posed(row.settings)
    return f"Of {_images(row.settings)}, {_bound(row)} are classified correctly {how}."


def _calibration(row: Requirement) -> str:
    names = {"ece": "the expected calibration error", "brier": "half of the Brier score"}
    name = names[str(row.settings.get("score", "ece"))]
    return f"Of {_images(row.settings)}, {name} is at most {row.threshold:g}."


def _outliers(row: Requirement) -> str:
    others = natural_text.outliers(row.settings)
    if row.measure == "outlier_auroc":
        area = f"an AUROC of at least {row.threshold:g}"
        return f"Scores tell test images from {others}, with {area}."
    most, of = _bound(row).capitalize(), _images(row.settings)
    return f"{most} of {others} pass a limit of the score that 95 % of {of} pass."


def _backdoor(row: Requirement) -> str:
    mark, target = trigger_text.trigger(row.settings["trigger"]), row.settings["target"]
    turns = (
        f"{mark} {'turn' if 'single pixels' in mark else 'turns'} {_bound(row)} of the images of"
    )
    if target == "pair":
        return f"{turns} any one class into any one other."
    into = {"all": "any one class", "next": "the next class"}.get(str(target))
    if into is None and isinstance(target, str):
        into = f"the class {line(target, 100)}"
    into = into or f"{'an' if target in _VOWELS else 'a'} {read(Class, target)}"
    return f"{turns} other classes into {into}."


def _scan(row: Requirement) -> str:
    return f"A found trigger succeeds on {_bound(row)} more images than on clean networks."


def _poisoned(row: Requirement) -> str:
    count = row.settings.get("images")
    images = "all" if count is None else f"{read(Count, count):,}"
    if row.threshold == 0:
        return f"None of {images} training images is in a group of wrong labels and one feature."
    of = f"{_bound(row).capitalize()} of {images} training images"
    return f"{of} are in a group of wrong labels and one feature."


def _latency(row: Requirement) -> str:
    batch = read(Count, row.settings.get("batch", 1))
    other = line(row.settings.get("against", "network A"), 60)
    what = "One image" if batch == 1 else f"A batch of {batch:,} images"
    times = "" if row.threshold == 1 else f"{row.threshold:g} times "
    return f"{what} takes at most {times}as long as {other} needs, timed in turn."


def _static(row: Requirement) -> str:
    level = line(row.settings.get("level", "low"), 20)
    found = "nothing" if row.threshold == 0 else f"at most {row.threshold:g} places"
    return f"Bandit and Semgrep find {found} of {level} severity or above that is not accepted."


def _threats(row: Requirement) -> str:
    if row.threshold == 0:
        return "A row of the policy tests every threat of the threat model."
    threats = "one threat" if row.threshold == 1 else f"{row.threshold:g} threats"
    has = "has" if row.threshold == 1 else "have"
    return f"At most {threats} of the threat model {has} no row that tests them."


WORDS: Mapping[str, Callable[[Requirement], str]] = {
    "clean_accuracy": _clean,
    "worst_class_accuracy": _worst_class,
    "corruption_accuracy": _corruption,
    "worst_corruption_accuracy": _corruption,
    "spatial_accuracy": _spatial,
    "calibration_error": _calibration,
    "outlier_auroc": _outliers,
    "outlier_false_positives": _outliers,
    "attack_accuracy": _robust,
    "robust_accuracy": _robust,
    "certified_accuracy": _robust,
    "defended_accuracy": _robust,
    "false_robustness": _false,
    "certified_l2": _smoothed,
    "backdoor_success": _backdoor,
    "backdoor_scan": _scan,
    "poisoned_share": _poisoned,
    **PRIVACY,
    "latency_ratio": _latency,
    "static_findings": _static,
    "service_violations": control_text.controlled,
    **SUPPLY_CHAIN,
    "uncovered_threats": _threats,
}
