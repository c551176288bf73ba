"""Families of measures: one section of the report each, with its texts and how versions compare.

A family of the user's own is a Family, too. An assessment stores it, so that the report and the
comparison need no code of the user's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Family:
    """A section of the report. `name` is also the pytest marker of its rows.

    `title`: heading of the section, by default the name. `introduction`: its first sentence. `advice`:
    what to do about a FAIL. `topic`: the noun in "nothing is said about ...". `condition`: heading of
    figures of changed samples, such as "under attack". `misread`: what a bar of the figure by class
    counts. `figures`: the title of each figure that a row should have, by the key of its evidence.
    `proofs`: a sample counts only where it is proved. `packages`: those whose version can change a
    number. `same_device`, `same_machine`: what two versions have to share to be compared. `measures`:
    the bundled measures of the family.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    name: str
    title: str = ""
    introduction: str = ""
    advice: str = ""
    topic: str = ""
    condition: str = ""
    misread: str = "misclassified"
    figures: Mapping[str, str] = field(default_factory=dict)
    proofs: bool = False
    packages: tuple[str, ...] = ("torch",)
    same_device: bool = True
    same_machine: bool = False
    measures: tuple[str, ...] = ()

    def to_json(self) -> str | dict[str, Any]:
        """The name of a known or unknown family, the whole table of a user's own."""
        if self == of(self.name):
            return self.name
        return {**self.__dict__, "figures": dict(self.figures), "packages": list(self.packages),
                "measures": list(self.measures)}  # fmt: skip


CLEAN = Family(
    name="clean",
    introduction="Is the model right without an attack?",
    advice="Check data and preprocessing; then retrain.",
    topic="unmodified samples",
    figures={"answers": "the confusion matrix", "per_class": "the classes"},
    measures=("clean_accuracy", "worst_class_accuracy"),
)
ADVERSARIAL = Family(
    name="adversarial",
    introduction="Does it stay right when an attacker may change the image a little?",
    advice="Look at the broken images, then harden the model by adversarial or certified training.",
    topic="evasion",
    condition="under attack",
    misread="misclassified under attack",
    figures={
        "gallery": "images before and after",
        "waterfall": "the stages",
        "outcomes": "the outcome of each image",
    },
    measures=("attack_accuracy", "robust_accuracy"),
)
CERTIFIED = Family(
    name="certified",
    introduction="For how many images is it proved that no such change matters?",
    advice="Give proofs more time (`proof_seconds`), or use certified training; an image without a "
    "certificate is not broken.",
    topic="certified accuracy",
    misread="without a proof",
    proofs=True,
    measures=("certified_accuracy", "certified_l2"),
)
DEFENCE = Family(
    name="defence",
    title="defences",
    introduction="Is what a defence keeps left under an attack that knows it?",
    advice="Count on the adaptive number alone; a defence that hides the gradient defends nothing.",
    topic="defences",
    condition="under attack",
    misread="misclassified under attack",
    figures={"waterfall": "the stages"},
    measures=("defended_accuracy", "false_robustness"),
)
BACKDOOR = Family(
    name="backdoor",
    introduction="Can a small mark on the image change the answer?",
    advice="Treat the weights as poisoned: retrain from trusted data, or repair and measure again.",
    topic="backdoors",
    condition="with the trigger",
    figures={"triggered_gallery": "images with the trigger", "per_class_asr": "the classes"},
    measures=("backdoor_success", "backdoor_scan", "poisoned_share"),
)
NATURAL = Family(
    name="natural",
    title="natural robustness",
    introduction="Does it stay right under noise, blur, weather and rotation, without an attacker?",
    advice="Look at the kinds that it fails under, then train with such images.",
    topic="natural robustness",
    packages=("torch", "numpy", "scipy", "pillow"),
    measures=(
        "corruption_accuracy",
        "worst_corruption_accuracy",
        "spatial_accuracy",
        "calibration_error",
        "outlier_auroc",
        "outlier_false_positives",
    ),
)
PRIVACY = Family(
    name="privacy",
    introduction="Do its answers tell what is in the training data, or enough to copy the model?",
    advice="Train with more data, regularisation or differential privacy; against copies, limit queries.",
    topic="privacy",
    measures=("membership_auroc", "extraction_agreement"),
)
LATENCY = Family(
    name="latency",
    introduction="Does it answer in the time that its arithmetic explains?",
    advice="Profile the forward pass for time that its arithmetic does not explain.",
    topic="latency",
    figures={"samples": "the timings"},
    same_machine=True,
    measures=("latency_ratio",),
)
STATIC = Family(
    name="static",
    introduction="Is the source code free of patterns known to be dangerous?",
    advice="Fix the places that the row lists.",
    topic="source code",
    figures={"static": "the places"},
    packages=("bandit", "semgrep"),
    same_device=False,
    measures=("static_findings",),
)
SERVICE = Family(
    name="service",
    title="served model",
    introduction="Does a service of the model withstand hostile clients?",
    advice="Switch the control on, or fix the requests that the row lists.",
    topic="a service",
    figures={"checks": "the checks"},
    packages=("granian", "starlette"),
    same_device=False,
    measures=("service_violations",),
)
SUPPLY_CHAIN = Family(
    name="supply_chain",
    title="supply chain",
    introduction="Do the model's files, data and dependencies come from where they should?",
    advice="Fix what the row lists, or record anew what was changed on purpose.",
    topic="the supply chain",
    figures={"checks": "the checks"},
    packages=(),
    same_device=False,
    measures=(
        "unpinned_dependencies",
        "vulnerable_dependencies",
        "advisories_age_days",
        "unknown_provenance",
        "unsafe_loaders",
        "data_changes",
        "unverified_files",
    ),
)
THREAT_MODEL = Family(
    name="threat_model",
    title="threat model",
    introduction="Does a row of the policy test every threat of the threat model?",
    advice="Add a row that tests the threats that are listed, and name it in threats.toml.",
    topic="the threat model",
    figures={"threats": "the threats"},
    packages=(),
    same_device=False,
    measures=("uncovered_threats",),
)
# In the order of the report.
FAMILIES = {
    one.name: one
    for one in (
        CLEAN,
        NATURAL,
        ADVERSARIAL,
        CERTIFIED,
        DEFENCE,
        BACKDOOR,
        PRIVACY,
        LATENCY,
        STATIC,
        SERVICE,
        SUPPLY_CHAIN,
        THREAT_MODEL,
    )
}
NONE = Family(name="")


def of(name: str) -> Family:
    """The bundled family of this name, else one without texts."""
    return FAMILIES.get(name) or Family(name=name)


def read(value: Family | str) -> Family:
    """A family, which may be given by its name."""
    return of(value) if isinstance(value, str) else value


def own(family: Family) -> Family:
    """A family of the user's own, as a file stores it; ValueError for the name of a bundled one.

    No stored table replaces a bundled family: that would change how its rows are compared.
    """
    if family.name in FAMILIES:
        raise ValueError(f"expected another name than {family.name!r} for a family of one's own")
    return family
