"""What callers may pass: data, threats, attacks, policies and a display of progress."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from securemnist._util import resources
from securemnist.attacks.base import Attack
from securemnist.data import DataSet
from securemnist.defences import make_defence
from securemnist.defences.base import Defence
from securemnist.errors import DataError, PolicyError, UsageError
from securemnist.evaluation.ladders import parse_attack
from securemnist.project.settings import policy_name
from securemnist.results import policy as policies
from securemnist.results.policy import Policy
from securemnist.threats import Threat, Union, as_threats

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
    threat: Threat | Union | Mapping[str, Any] | str | None,
    attack: Attack | Mapping[str, Any] | str | None,
    others: Mapping[str, Any],
    defence: Defence | Mapping[str, Any] | str | None = None,
) -> dict[str, Any]:
    """The settings of a policy row, from values."""
    settings = dict(others)
    if defence is not None:
        settings["defence"] = as_defence(defence).to_json()
    if threat is not None:
        found = as_threats(threat)
        settings["threats" if isinstance(found, Union) else "threat"] = found.to_json()
    if isinstance(attack, Attack):
        if "<locals>" in type(attack).__qualname__:  # a row names its attack as module:Class
            raise UsageError(
                "expected an attack whose class is at the top level of a module or notebook, got "
                f"{type(attack).__qualname__}; move the class there"
            )
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


def as_defence(value: Defence | Mapping[str, Any] | str) -> Defence:
    """The defence of a value, of a table as in a policy, or of words like "jpeg:quality=50".

    PolicyError or UsageError in one sentence for anything else.
    """
    if isinstance(value, Defence):
        if "<locals>" in type(value).__qualname__:  # a row names its defence as module:Class
            raise UsageError(
                "expected a defence whose class is at the top level of a module or notebook, got "
                f"{type(value).__qualname__}; move the class there"
            )
        return value
    if isinstance(value, str):
        return make_defence(parse_attack(value))
    if isinstance(value, Mapping):
        return make_defence(value)
    raise UsageError(
        f"expected a defence like JPEG(quality=50) or 'jpeg:quality=50', got {value!r:.80}; pass one"
    )


def load_policy(path: Path | str) -> Policy:
    """The policy in a file; `bundled` names the one that comes with the package.

    The rows are in `.requirements`. PolicyError in one sentence where the file is no policy.
    """
    if not isinstance(path, Path | str):
        raise PolicyError(f"expected a policy or its path, got {type(path).__name__}; pass one")
    file = resources.POLICY if path == "bundled" else Path(path)
    return dataclasses.replace(policies.load(file), path=policy_name(file, Path.cwd()))
