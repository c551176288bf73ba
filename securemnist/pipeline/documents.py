"""The JSON files of a run: one for each scenario, and the summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from securemnist._util.hashing import json_file
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Flag, Integer, Nonnegative, Number, Share, Shares
from securemnist.results.verdicts import Doubt

Matrix = list[list[Count]]
Name = Literal["baseline", "fgsm", "adversarial-training", "poisoning", "timing"]
SCHEMA: Literal[1] = 1


class File(JsonModel):
    """A document that is a file of its own."""

    def dumps(self) -> bytes:
        """The content of the file."""
        return json_file(self.to_json(), sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class Epoch(JsonModel):
    """One epoch of training: mean loss and accuracy over its batches, then accuracy on tuning images.

    `tuning_robust_accuracy` is that under PGD with 20 steps, of an adversarially trained network.
    """

    epoch: Count
    loss: Nonnegative
    accuracy: Share
    tuning_accuracy: Share
    tuning_robust_accuracy: Share | None = None
    rolled_back: Flag = False


@dataclass(frozen=True, kw_only=True)
class Network(JsonModel):
    """A network of the run and its training.

    `recipe_sha256` covers recipe and training data, `sha256` the weight file. `seconds` of training in
    this run; None where the network came from the cache.
    """

    name: str
    architecture: str
    recipe: Mapping[str, Any]
    recipe_sha256: str
    sha256: str
    training_data: str
    history: tuple[Epoch, ...]
    epoch_kept: Count
    seconds: Nonnegative | None


@dataclass(frozen=True, kw_only=True)
class Measured(JsonModel):
    """One measurement: of which network, what it gave, and its tables.

    [low, high]: 95 % interval for new images. `complete`: all test images were measured. `per_class`:
    accuracy by class; of a backdoor the attack success rate. `confusion`: counts, row true class,
    column predicted class; `clean_confusion` those without attack or trigger. `microseconds`: of one
    image, of a timing. `detail`: further numbers that the measure records.
    """

    network: str
    measure: str
    settings: Mapping[str, Any]
    value: Number
    low: Number
    high: Number
    unit: str
    n: Count
    complete: Flag
    seed: Integer
    seconds: Nonnegative
    doubts: tuple[Doubt, ...] = ()
    inconclusive: str = ""
    per_class: Shares | None = None
    confusion: Matrix | None = None
    clean_confusion: Matrix | None = None
    microseconds: Nonnegative | None = None
    detail: Mapping[str, Number] | None = None


@dataclass(frozen=True, kw_only=True)
class Unmeasured(JsonModel):
    """A measurement that this run could not take, and why."""

    network: str
    measure: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Scenario(File):
    """One scenario: its measurements, in their order, and those that were not taken."""

    scenario: Name
    measured: tuple[Measured, ...]
    unmeasured: tuple[Unmeasured, ...] = ()
    schema: Literal[1] = SCHEMA

    def find(self, network: str, measure: str, **settings: Any) -> Measured | None:
        """The first measurement of a network with these settings; None without one."""
        for one in self.measured:
            same = all(one.settings.get(key) == value for key, value in settings.items())
            if (one.network, one.measure) == (network, measure) and same:
                return one
        return None


@dataclass(frozen=True, kw_only=True)
class Figure(JsonModel):
    """A number of the summary, as its scenario's file has it: a share in [0, 1]."""

    scenario: Name
    network: str
    label: str
    value: Share
    low: Share
    high: Share
    n: Count
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Summary(File):
    """The whole run: sizes, data, networks, the main numbers, and the files of the scenarios.

    `files`: SHA-256 of each scenario's file, by name. `seconds`: of the whole run.
    """

    sizes: Mapping[str, Count]
    data: Mapping[str, Any]
    networks: tuple[Network, ...]
    figures: tuple[Figure, ...]
    files: Mapping[str, str]
    environment: Mapping[str, Any]
    seconds: Nonnegative
    schema: Literal[1] = SCHEMA
