"""What callers may pass: data, threats, attacks, policies and a display of progress."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from securemnist._util import resources
from securemnist.attacks.base import Attack
from securemnist.data import DataSet
from securemnist.errors import DataError, PolicyError, UsageError
from securemnist.evaluation.ladders import parse_attack
from securemnist.project.settings import policy_name
from securemnist.results import policy as policies
from securemnist.results.policy import Policy
from securemnist.threats import Threat, as_threat

Data = DataSet | tuple[Any, Any] | Path | str | None


def as_data(value: Data) -> DataSet:
    """A data set as it is; (images, labels); a path as in `DataSet.load`; None for the bundled MNIST."""
    if isinstance(value, DataSet):
        return value
    if value is None or isinstance(value, Path | str):
        return DataSet.load(value)
    if isinstance(value, tuple | list) and len(value) == 2:
        return DataSet.from_tensors(*value)
    raise DataError(
        f"expected a DataSet, (images, labels) or a path, got {type(value).__name__}; pass one"
    )


def as_settings(
    threat: Threat | Mapping[str, Any] | str | None,
    attack: Attack | Mapping[str, Any] | str | None,
    others: Mapping[str, Any],
) -> dict[str, Any]:
    """The settings of a policy row, from values."""
    settings = dict(others)
    if threat is not None:
        settings["threat"] = as_threat(threat).to_json()
    if isinstance(attack, Attack):
        settings["attack"] = attack.to_json()
    elif isinstance(attack, str):
        settings["attack"] = parse_attack(attack)
    elif isinstance(attack, Mapping):
        settings["attack"] = dict(attack)
    elif attack is not None:
        raise UsageError(
            f"expected an attack like PGD(steps=40) or 'PGD:steps=40', got {attack!r:.80}; pass one"
        )
    return settings


def load_policy(path: Path | str) -> Policy:
    """The policy in a file; `bundled` names the one that comes with the package.

    The rows are in `.requirements`. PolicyError in one sentence where the file is no policy.
    """
    if not isinstance(path, Path | str):
        raise PolicyError(f"expected a policy or its path, got {type(path).__name__}; pass one")
    file = resources.POLICY if path == "bundled" else Path(path)
    return dataclasses.replace(policies.load(file), path=policy_name(file, Path.cwd()))
