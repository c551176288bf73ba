"""Limits of the doubts on data other than MNIST: a file that `init --calibrate` writes.

The limits were chosen on MNIST. On other data a calibration says by which factor each may be larger: as
small as two honest networks allow, and only where known impostors still raise the doubt. A factor is
at most 2, whoever wrote the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from securemnist._util.files import read_at_most
from securemnist._util.hashing import json_file, sha256
from securemnist._util.parsing import json_value
from securemnist.data import DataSet
from securemnist.errors import DataError, ParseError
from securemnist.results.findings import Doubt
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Number, Share

FILE = "security_tests/calibration.json"
FACTORS = (1.0, 1.5, 2.0)
UNCALIBRATED = "uncalibrated: its limits were chosen on MNIST"
_OTHER = f"{UNCALIBRATED}, and {FILE} is for other data"
_NO_LIMIT = f"{UNCALIBRATED}, and {FILE} has none that separates honest networks from impostors"
_UNTRIED = f"{UNCALIBRATED}, and the time of {FILE} was over before its impostors were tried"
_MAX_BYTES = 1 << 16
_ADVICE = "remove it, and run securemnist init --calibrate"


@dataclass(frozen=True, kw_only=True)
class Reference(JsonModel):
    """An honest network: its name, digest and accuracy, and the threat at which it was attacked."""

    name: str
    digest: str
    accuracy: Share
    threat: str


@dataclass(frozen=True, kw_only=True)
class Calibration(JsonModel):
    """What a calibration found for one data set.

    `data`: SHA-256 of its splits by name; it applies to images of one of them. `factors`: 1, 1.5 or 2 by
    the name of a doubt, times the limits of MNIST. A doubt without a factor stays uncalibrated; `untried`
    names those that the time did not suffice for.
    """

    data: Mapping[Literal["test", "tuning"], str]
    references: tuple[Reference, ...]
    factors: Mapping[str, Number]
    untried: tuple[str, ...] = ()
    schema: Literal[1] = 1

    def __post_init__(self) -> None:
        """ValueError for a factor that no calibration gives."""
        for name, factor in self.factors.items():
            if factor not in FACTORS:
                raise ValueError(f"{name:.40}: expected a factor of {FACTORS}, got {factor!r:.20}")

    def dumps(self) -> bytes:
        """The text of the file; equal calibrations give equal bytes."""
        return json_file(self.to_json(), sort_keys=True)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The calibration in a file, or None where there is none; DataError for anything else."""
        try:
            return cls.from_json(json_value(read_at_most(path, _MAX_BYTES), values=1000))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ParseError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise DataError(
                f"{path}: expected a calibration, got {reason!s:.200}; {_ADVICE}"
            ) from error

    def limits(self) -> Limits:
        """These limits, for doubts about models of these data."""
        source = sha256(self.dumps())
        return Limits(self.factors, missing=_NO_LIMIT, source=source, untried=self.untried)


@dataclass(frozen=True)
class Limits:
    """The limits that doubts use: `factors` of MNIST's by the name of a doubt, 1 where it has none.

    `missing`: what the reason of a doubt without a factor says; empty for MNIST, whose limits are
    calibrated. `source`: SHA-256 of the calibration, or empty. `untried`: doubts that it had no time for.
    """

    factors: Mapping[str, float] = field(default_factory=dict)
    missing: str = ""
    source: str = ""
    untried: tuple[str, ...] = ()

    def stated(self, doubt: Doubt) -> str:
        """The doubt's reason, with where its limits come from on data other than MNIST."""
        words = _UNTRIED if doubt.name in self.untried else self.missing
        if (factor := self.factors.get(doubt.name)) is not None:
            words = f"limits of MNIST times {factor:g}, calibrated on these data: {FILE}"
        return f"{doubt.reason} ({words})" if words else doubt.reason


def limits_of(folder: Path, data: DataSet) -> Limits:
    """The limits for data of the project in `folder`; a calibration for other data is not used.

    DataError for a file that is no calibration.
    """
    if data.pinned:
        return Limits()
    found = Calibration.read(folder / FILE)
    if found is None:
        return Limits(missing=UNCALIBRATED)
    if data.digest not in found.data.values():
        return Limits(missing=_OTHER)
    return found.limits()
