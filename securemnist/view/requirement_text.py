"""What a row claims, in one sentence of its own: its attack, threat, images and threshold.

A suite's docstring is the claim of a measure, the same for all its rows. A row of a measure that this
module does not know, or with settings of another form, keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from securemnist.epsilon import epsilon_text, parse_epsilon
from securemnist.results.findings import Finding, Requirement
from securemnist.results.json_model import read
from securemnist.results.value_types import Class, Count, Integer, Nonnegative, Share
from securemnist.sanitize import line
from securemnist.view.class_names import NUMBERS, ClassNames

_TABLE = Mapping[str, Any]
_VOWELS = (8, 11, 18, *range(80, 90), *range(800, 900))  # numbers that begin with a vowel
_TARGETS = ("all", "next", "pair")  # targets that are no single class


def claim(finding: Finding, names: ClassNames = NUMBERS) -> str:
    """One sentence: the row's own, else the suite's, else the measure's name.

    Numbers keep their units beside them, by no-break spaces. `names` are those of the data's classes.
    """
    row, target = named(finding.requirement, names), finding.requirement.settings.get("target")
    try:
        if isinstance(target, str) and target not in (*_TARGETS, *names.names):
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
    return row if name in _TARGETS else replace(row, settings={**row.settings, "target": name})


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
}


def _threat(settings: Mapping[str, Any]) -> str:
    """`with no pixel changed by more than 0.3`."""
    threat = read(_TABLE, settings["threat"])
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
    images = _images(row.settings)
    return f"{how}, {_threat(row.settings)}, {_bound(row)} of {images} keep their class."


def _clean(row: Requirement) -> str:
    return f"Of {_images(row.settings)}, unmodified, {_bound(row)} are read as their label."


def _worst_class(row: Requirement) -> str:
    of = "the images" if "images" not in row.settings else f"its share of {_images(row.settings)}"
    return f"Of every class, {_bound(row)} of {of} are read as their label."


def _backdoor(row: Requirement) -> str:
    mark, target = _trigger(row.settings["trigger"]), row.settings["target"]
    if target == "pair":
        return f"{mark} turns {_bound(row)} of the images of any one class into any one other."
    into = {"all": "any one class", "next": "the next class"}.get(str(target))
    if into is None and isinstance(target, str):
        into = f"the class {line(target, 100)}"
    into = into or f"{'an' if target in _VOWELS else 'a'} {read(Class, target)}"
    return f"{mark} turns {_bound(row)} of the images of other classes into {into}."


def _trigger(trigger: Any) -> str:
    """`A 4x4 square of brightness 1, bottom right,`."""
    settings = read(_TABLE, trigger)
    kind, value = settings.get("kind", "corner"), _brightness(settings.get("value", 1))
    if kind == "blend":
        share = f" ({100 * read(Share, settings.get('alpha', 0.2)):.4g} %)"
        return f"A pattern blended{share} into the whole picture"
    if kind == "mark":
        row, column = (read(Integer, settings.get(key, -4)) for key in ("top", "left"))
        return f"A drawn mark of brightness {value}, from row {row} and column {column} on,"
    if kind != "corner":
        raise ValueError("trigger: expected corner, mark or blend")
    size = read(Count, settings.get("size", 4))
    corner = line(settings.get("corner", "bottom_right"), 20).replace("_", " ")
    return f"A {size}x{size} square of brightness {value}, {corner},"


def _brightness(value: Any) -> str:
    """`1`, or the values of the channels: `1/0/0.5`."""
    values = value if isinstance(value, list | tuple) else [value]
    return "/".join(f"{read(Share, one):g}" for one in values)


def _latency(row: Requirement) -> str:
    batch = read(Count, row.settings.get("batch", 1))
    other = line(row.settings.get("against", "network A"), 60)
    what = "One image" if batch == 1 else f"A batch of {batch:,} images"
    times = f"{'at least' if row.relation == '>=' else 'at most'} {row.threshold:g} times"
    return f"{what} takes {times} as long as {other} needs, timed in turn."


def _static(row: Requirement) -> str:
    level = line(row.settings.get("level", "low"), 20)
    found = "nothing" if row.threshold == 0 else f"at most {row.threshold:g} places"
    return f"Bandit and Semgrep find {found} of {level} severity or above that is not accepted."


# What holds by each control of a service.
CONTROLS = {
    "authentication": "Without a valid token nothing is answered",
    "token_comparison": "The time of a refusal does not tell how near a token is",  # nosec B105 # a claim
    "rate_limit": "A client that sends too much is refused for a while",
    "body_cap": "Large bodies are refused before they are read",
    "slow_requests": "Slow clients are cut off and delay no others",
    "malformed_json": "Malformed JSON is refused and does no harm",
    "wrong_tensors": "Images of another shape, type or range are refused",
    "methods": "Paths answer to their own methods only",
    "path_traversal": "No path leads to a file of the machine",
    "error_disclosure": "Errors give no details away",
    "security_headers": "Answers carry the headers that make browsers strict",
    "origins": "Requests of other sites and for other hosts are refused",
    "confidence_precision": "Confidences are rounded, or left out",
    "batch_independence": "An answer depends on its image only",
    "overload": "Requests above the bound are refused, the others are answered in time",
    "audit_trail": "Each request leaves a record",
}


def _service(row: Requirement) -> str:
    found = "all" if row.threshold == 0 else f"all but {row.threshold:g}"
    of = "a service of the model"
    if endpoint := row.settings.get("endpoint"):
        of = line(endpoint, 100)
    return f"{CONTROLS[str(row.settings['control'])]}: {found} checks of {of} hold."


WORDS: Mapping[str, Callable[[Requirement], str]] = {
    "clean_accuracy": _clean,
    "worst_class_accuracy": _worst_class,
    "attack_accuracy": _robust,
    "robust_accuracy": _robust,
    "certified_accuracy": _robust,
    "backdoor_success": _backdoor,
    "latency_ratio": _latency,
    "static_findings": _static,
    "service_violations": _service,
}
