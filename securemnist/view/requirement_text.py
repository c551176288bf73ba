"""What a row claims, in one sentence of its own: its attack, threat, images and threshold.

A suite's docstring is the claim of a measure, the same for all its rows. A row of a measure that this
module does not know, or with settings of another form, keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from securemnist.input_spec import TARGET_WORDS
from securemnist.results.findings import Finding, Requirement
from securemnist.results.json_model import read
from securemnist.results.value_types import Class, Count
from securemnist.sanitize import line
from securemnist.view.class_names import NUMBERS, ClassNames
from securemnist.view.row_words import CONTROLS, PARTS, filled, percent, side
from securemnist.view.trigger_text import trigger

_VOWELS = (8, 11, 18, *range(80, 90), *range(800, 900))  # numbers that begin with a vowel


def claim(finding: Finding, names: ClassNames = NUMBERS) -> str:
    """One sentence: the row's own, else the suite's, else the measure's name.

    Numbers keep their units beside them, by no-break spaces. `names` are those of the data's classes.
    """
    row, target = named(finding.requirement, names), finding.requirement.settings.get("target")
    try:
        if isinstance(target, str) and target not in (*TARGET_WORDS, *names.names):
            raise ValueError("target: expected a class of the data")
        return _counted(_own(row), finding)
    except (KeyError, ValueError):
        return line(finding.claim, 300) or line(row.measure, 100).replace("_", " ")


def named(row: Requirement, names: ClassNames) -> Requirement:
    """The row with the name of its target class instead of the number, where classes have names."""
    target = row.settings.get("target")
    if type(target) is not int or not 0 <= target < len(names.names):
        return row
    name = names[target]
    return row if name in TARGET_WORDS else replace(row, settings={**row.settings, "target": name})


def _own(row: Requirement) -> str:
    """The sentence of the row's measure; KeyError or ValueError where there is none for its settings."""
    words = WORDS[row.measure]
    if callable(words):
        return words(row)
    if isinstance(words, tuple):
        words = words[row.threshold != 0]
    return filled(words, PARTS, row)


def _counted(detail: str, finding: Finding) -> str:
    """The claim with the number of all images, once it is known: all may be five."""
    measurement = finding.measurement
    if measurement is None or not measurement.complete:
        return detail
    return detail.replace("all test images", f"all {measurement.n:,}\N{NO-BREAK SPACE}test images")


def _backdoor(row: Requirement) -> str:
    mark, target = trigger(row.settings["trigger"]), row.settings["target"]
    turn = "turn" if "single pixels" in mark else "turns"
    turns = f"{mark} {turn} {side(row)} {percent(row)} of the images of"
    if target == "pair":
        return f"{turns} any one class into any one other."
    into = {"all": "any one class", "next": "the next class"}.get(str(target))
    if into is None and isinstance(target, str):
        into = f"the class {line(target, 100)}"
    into = into or f"{'an' if target in _VOWELS else 'a'} {read(Class, target)}"
    return f"{turns} other classes into {into}."


def _latency(row: Requirement) -> str:
    batch = read(Count, row.settings.get("batch", 1))
    other = line(row.settings.get("against", "network A"), 60)
    what = "One image" if batch == 1 else f"A batch of {batch:,} images"
    times = "" if row.threshold == 1 else f"{row.threshold:g} times "
    return f"{what} takes at most {times}as long as {other} needs, timed in turn."


def _service(row: Requirement) -> str:
    """What holds by the control; "At https://..." for an endpoint."""
    held = CONTROLS[str(row.settings["control"])]
    if endpoint := line(row.settings.get("endpoint") or "", 100):
        held = f"At {endpoint} {held[0].lower()}{held[1:]}"
    return f"{held}." if row.threshold == 0 else f"{held}, but for {row.threshold:g} checks."


def _data(row: Requirement) -> str:
    statistics = row.settings.get("compare", "digests") == "statistics"
    return filled(_DATA["statistics" if statistics else "digests"], PARTS, row)


_DATA = {
    "statistics": "By statistics, {all_but} checks say that the data are a draw of the recorded ones.",
    "digests": "{All_but} digests and counts of the data are the recorded ones.",
}


def _signatures(row: Requirement) -> str:
    """Of the model's files, or of those of the reference models."""
    models = row.settings.get("of") == "reference models"
    what = "files of the bundled reference models" if models else "files of the model"
    signed = "are signed" if models or row.settings.get("signature") else "are attested"
    attested = " and attested" if signed == "are signed" and row.settings.get("attestation") else ""
    return filled(f"{{All_but}} {what} {signed}{attested}.", PARTS, row)


def _threats(row: Requirement) -> str:
    if row.threshold == 0:
        return "A row of the policy tests every threat of the threat model."
    one = row.threshold == 1
    threats = "one threat" if one else f"{row.threshold:g} threats"
    has = "has" if one else "have"
    return f"At most {threats} of the threat model {has} no row that tests them."


_SEARCH = "Under {attack}, {threat}, {bound} of {images}{behind} keep their class."
_CORRUPTED = "Of {images}, {corrupted}, {bound} are classified correctly"
# By measure: a sentence with parts of `row_words`, or two of which the first is that of a threshold of 0.
WORDS: Mapping[str, str | tuple[str, str] | Callable[[Requirement], str]] = {
    "clean_accuracy": "Of {images}, unmodified, {bound} are classified correctly.",
    "worst_class_accuracy": "Of every class, {bound} of {of_class} are classified correctly.",
    "corruption_accuracy": f"{_CORRUPTED} on average over the kinds.",
    "worst_corruption_accuracy": f"{_CORRUPTED} under each kind.",
    "spatial_accuracy": "Of {images}, {bound} are classified correctly {posed}.",
    "calibration_error": "Of {images}, {score} is at most {threshold}.",
    "outlier_auroc": (
        "Scores tell test images from {outliers}, with an AUROC of at least {threshold}."
    ),
    "outlier_false_positives": (
        "{Bound} of {outliers} pass a limit of the score that 95 % of {images} pass."
    ),
    "attack_accuracy": _SEARCH,
    "robust_accuracy": _SEARCH,
    "certified_accuracy": "By proof, {threat}, {bound} of {images}{behind} keep their class.",
    "defended_accuracy": _SEARCH,
    "false_robustness": (
        "Of {images}{behind}, {threat}, {bound} withstand {naive} and fall to {attack}."
    ),
    "certified_l2": (
        "Smoothed by noise of deviation {sigma}, {threat}, {bound} of {images} are certified."
    ),
    "backdoor_success": _backdoor,
    "backdoor_scan": "A found trigger succeeds on {bound} more images than on clean networks.",
    "poisoned_share": (
        "None of {training_images} training images is in a group of wrong labels and one feature.",
        "{Bound} of {training_images} training images are in a group of wrong labels and one feature.",
    ),
    "membership_auroc": (
        "Scores tell training images from test images with an AUROC of at most {threshold}; 0.5 is "
        "chance."
    ),
    "extraction_agreement": (
        "A copy trained on {queries} {answers} agrees with the model on at most {percent} of the test "
        "images."
    ),
    "latency_ratio": _latency,
    "static_findings": (
        "Bandit and Semgrep find nothing of {level} severity or above that is not accepted.",
        "Bandit and Semgrep find at most {threshold} places of {level} severity or above that is not "
        "accepted.",
    ),
    "service_violations": _service,
    "unpinned_dependencies": (
        "{All_but} dependencies of the project are pinned to one version with hashes of its files."
    ),
    "vulnerable_dependencies": (
        "No installed or locked version has a vulnerability that the list of advisories knows.",
        "At most {threshold} installed or locked versions have a vulnerability that the list of "
        "advisories knows.",
    ),
    "advisories_age_days": "The list of advisories is at most {threshold} days old.",
    "unknown_provenance": (
        "{All_but} facts about the weights (recipe, seed, data, file) are recorded and hold."
    ),
    "unsafe_loaders": (
        "No call in the project's code may run code of the file that it reads.",
        "At most {threshold} calls in the project's code may run code of the file that they read.",
    ),
    "data_changes": _data,
    "unverified_files": _signatures,
    "uncovered_threats": _threats,
}
