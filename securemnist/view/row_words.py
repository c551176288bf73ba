"""Parts of the sentences of rows: images, threats, attacks, defences and bounds, in words.

Each is a function of a row, by the name that stands for it in a sentence of `requirement_text`. A
setting of another form is a KeyError or a ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from securemnist.epsilon import epsilon_text, parse_epsilon
from securemnist.results.findings import Requirement
from securemnist.results.json_model import read
from securemnist.results.value_types import Count, Flag, Nonnegative
from securemnist.sanitize import line

T = TypeVar("T")
_TABLE = Mapping[str, Any]
# What a threat allows, by its norm.
NORMS = {
    "linf": "with no pixel changed by more than {}",
    "l2": "with a change of L2 norm {} at most",
    "l1": "with a change of L1 norm {} at most",
    "l0": "with at most {} pixels changed",
    "patch": "with a square of {0}x{0} pixels replaced anywhere",
}
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
    "request_smuggling": "Requests whose end two servers could see differently are refused",
}
# Settings that say how often an attack does something, and the words for it.
_EFFORTS = {"steps": "steps", "max_iter": "iterations", "queries": "queries", "restarts": "starts"}
_SCORES = {"ece": "the expected calibration error", "brier": "half of the Brier score"}
_OUTLIERS = {
    "uniform": "uniform noise",
    "noise": "normal noise",
    "turned": "images turned by a quarter",
    "mirrored": "images with left and right exchanged",
    "mosaic": "mosaics of four images",
    "shuffled": "images with shuffled pixels",
}
_RANDOM_POSES = {"worst_of_10": "in each of ten random poses", "random": "in a random pose"}


def filled(sentence: str, parts: Mapping[str, Callable[[T], str]], value: T) -> str:
    """A sentence in which `{name}` is the part of this name of a value."""
    return sentence.format_map(_Parts(parts, value))


class _Parts(dict[str, str]):
    """The parts of one value, each made where a sentence asks for it."""

    def __init__(self, parts: Mapping[str, Callable[[Any], str]], value: Any) -> None:
        super().__init__()
        self.parts, self.value = parts, value

    def __missing__(self, name: str) -> str:
        return self.parts[name](self.value)


def percent(row: Requirement) -> str:
    """`89 %`: the threshold of a row."""
    return f"{100 * row.threshold:.4g}\N{NO-BREAK SPACE}%"


def side(row: Requirement) -> str:
    """On which side of its threshold a number has to lie."""
    return "at least" if row.relation == ">=" else "at most"


def _bound(row: Requirement) -> str:
    return f"{side(row)} {percent(row)}"


def _all_but(row: Requirement) -> str:
    """`all`, or `all but 3` of what a row allows to be wrong."""
    return "all" if row.threshold == 0 else f"all but {row.threshold:g}"


def _images(row: Requirement) -> str:
    """`10,000 images`; `up to` where time may run out before."""
    if "images" not in row.settings:
        return "all test images"
    count = f"{read(Count, row.settings['images']):,}\N{NO-BREAK SPACE}images"
    return f"up to {count}" if "seconds" in row.settings else count


def _of_class(row: Requirement) -> str:
    return f"its share of {_images(row)}" if "images" in row.settings else "the images"


def _training_images(row: Requirement) -> str:
    count = row.settings.get("images")
    return "all" if count is None else f"{read(Count, count):,}"


def _threat(row: Requirement) -> str:
    """`with no pixel changed by more than 0.3`."""
    if "threats" in row.settings:
        threats = row.settings["threats"]
        if not isinstance(threats, list | tuple):
            raise ValueError("threats: expected a list")
        return ", or ".join(_allowed(read(_TABLE, threat)) for threat in threats)
    return _allowed(read(_TABLE, row.settings["threat"]))


def _allowed(threat: Mapping[str, Any]) -> str:
    eps = epsilon_text(read(Nonnegative, parse_epsilon(threat.get("eps"))))
    return NORMS[str(threat.get("norm"))].format(eps)


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
    others = _others(attack)
    return f"{name} ({others})" if own and others else name


def _others(table: Mapping[str, Any]) -> str:
    """The settings beside `use`."""
    return line(", ".join(f"{key} {value}" for key, value in table.items() if key != "use"), 60)


def _behind(row: Requirement) -> str:
    """` behind jpeg (quality 50)`; "" without a defence."""
    if row.settings.get("defence") is None:
        return ""
    defence = read(_TABLE, row.settings["defence"])
    others = _others(defence)
    return f" behind {line(defence['use'], 60)}" + (f" ({others})" if others else "")


def _naive(row: Requirement) -> str:
    """`PGD`: the attack that does not know the defence."""
    return line(read(_TABLE, row.settings.get("naive", {"use": "PGD"}))["use"], 60)


def _corrupted(row: Requirement) -> str:
    """`corrupted by fog, stripe at severity 3`, or `corrupted in all ways of MNIST-C`."""
    kinds, benchmark = row.settings.get("kinds"), row.settings.get("benchmark")
    if isinstance(kinds, list | tuple) and kinds:
        how = f"by {line(', '.join(map(str, kinds)), 200).replace('_', ' ')}"
    else:
        how = "in all ways" + (f" of {line(benchmark, 20).upper()}" if benchmark else "")
    severities = row.settings.get("severities")
    if not isinstance(severities, list | tuple) or not severities:
        return f"corrupted {how}"
    word = "severity" if len(severities) == 1 else "severities"
    return f"corrupted {how} at {word} {', '.join(str(read(Count, one)) for one in severities)}"


def _posed(row: Requirement) -> str:
    """`in each of 775 poses, turned by up to 30 degrees and moved by up to 3 pixels`."""
    settings = row.settings
    degrees = read(Nonnegative, settings.get("rotation", 30.0))
    pixels = read(Nonnegative, settings.get("translation", 3.0))
    bounds = [f"turned by up to {degrees:g} degrees"] if degrees else []
    bounds += [f"moved by up to {pixels:g} pixel{'' if pixels == 1 else 's'}"] if pixels else []
    if (kind := settings.get("poses", "grid")) == "grid":
        shifts = read(Count, settings.get("shifts", 5))
        how = f"in each of {read(Count, settings.get('rotations', 31)) * shifts**2:,} poses"
    else:
        how = _RANDOM_POSES[str(kind)]
    return f"{how}, {' and '.join(bounds)}"


def _others_against(row: Requirement) -> str:
    """`uniform noise`, `images turned by a quarter`, ..."""
    against = str(row.settings.get("against", "uniform"))
    return _OUTLIERS.get(against, f"the images of {line(against, 80)}")


PARTS: Mapping[str, Callable[[Requirement], str]] = {
    "images": _images,
    "of_class": _of_class,
    "training_images": _training_images,
    "bound": _bound,
    "Bound": lambda row: _bound(row).capitalize(),
    "percent": percent,
    "threshold": lambda row: f"{row.threshold:g}",
    "all_but": _all_but,
    "All_but": lambda row: _all_but(row).capitalize(),
    "threat": _threat,
    "attack": _attack,
    "naive": _naive,
    "behind": _behind,
    "sigma": lambda row: f"{read(Nonnegative, row.settings['sigma']):g}",
    "corrupted": _corrupted,
    "posed": _posed,
    "score": lambda row: _SCORES[str(row.settings.get("score", "ece"))],
    "outliers": _others_against,
    "queries": lambda row: f"{read(Count, row.settings.get('queries', 5_000)):,}",
    "answers": lambda row: (
        "classes" if read(Flag, row.settings.get("labels_only", False)) else "answers"
    ),
    "level": lambda row: line(row.settings.get("level", "low"), 20),
}
