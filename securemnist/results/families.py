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
    introduction="Does it stay right when an attacker may change every pixel a little?",
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
    advice="Use certified training, or a smaller eps; a sample without a certificate is not broken.",
    topic="proofs",
    misread="without a proof",
    proofs=True,
    measures=("certified_accuracy",),
)
BACKDOOR = Family(
    name="backdoor",
    introduction="Can a small mark on the image change the answer?",
    advice="Treat the weights as poisoned: retrain from trusted data, or repair and measure again.",
    topic="backdoors",
    condition="with the trigger",
    figures={"triggered_gallery": "images with the trigger", "per_class_asr": "the classes"},
    measures=("backdoor_success",),
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
# In the order of the report.
FAMILIES = {
    one.name: one for one in (CLEAN, ADVERSARIAL, CERTIFIED, BACKDOOR, LATENCY, STATIC, SERVICE)
}  # fmt: skip
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
