"""The policy: thresholds.toml, every number that can fail a build, as requirements.

Only the shape of a row is checked here; the keys that are left are the settings of its measure, and
the measure's own model checks those (`measures.bind`). Never overridden by environment variables.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from securemnist._util.hashing import sha256
from securemnist._util.parsing import toml_table
from securemnist._util.strict import Strict
from securemnist.errors import ParseError, PolicyError, UsageError
from securemnist.results import row_keys
from securemnist.results.findings import Requirement, Waiver
from securemnist.results.threat_file import ThreatFile, beside, text_of
from securemnist.results.validation_text import sentence
from securemnist.results.verdicts import DEFAULT_TIER, LARGEST, Tier, utc_day
from securemnist.sanitize import readable

LONGEST_WAIVER = 366  # days ahead


def _unsigned(number: float) -> float:
    """The number; minus zero becomes zero."""
    return number + 0.0


# The name of a measure, or the code pkg.module:NAME.
_MEASURE = r"^([a-z][a-z0-9_]{0,63}|[A-Za-z_][A-Za-z0-9_.]{0,127}:[A-Za-z_][A-Za-z0-9_]{0,63})$"

_Number = Annotated[float, AfterValidator(_unsigned)]
# How far a row may fall behind an older version: in its own unit, or relative to the old value.
_Drop = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False), AfterValidator(_unsigned)]
_Text = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(readable)]


class _WaiverRow(Strict):
    reason: _Text = Field(description="Why the row may fail for a time.")
    expires: datetime.date = Field(
        description=f"Last day (UTC, inclusive), at most {LONGEST_WAIVER} days ahead."
    )
    worst: _Number | None = Field(
        None, description="Worst measured value that it permits; any without this key."
    )

    @field_validator("expires")
    @classmethod
    def _soon(cls, expires: datetime.date) -> datetime.date:
        last = datetime.date.fromisoformat(utc_day()) + datetime.timedelta(days=LONGEST_WAIVER)
        if expires > last:
            raise ValueError(
                f"expected a waiver of at most {LONGEST_WAIVER} days, so until {last}, got {expires}; "
                "name an earlier day and renew it then"
            )
        return expires


class _Row(BaseModel):
    """The keys every row may have; others are settings of its measure."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")] = Field(
        description="Name of the row, and of its test; ids differ in more than case."
    )
    measure: Annotated[str, Field(pattern=_MEASURE)] = Field(
        description="Name of a bundled measure, or `pkg.module:NAME` of one of your own."
    )
    because: _Text = Field(description="Reason for the row and its threshold.")
    tier: Tier = Field(DEFAULT_TIER, description="Cost of the row: seconds, minutes or hours.")
    at_least: _Number | None = Field(
        None, description="Threshold where more is better; exactly one of `at_least` and `at_most`."
    )
    at_most: _Number | None = Field(None, description="Threshold where less is better.")
    max_drop: _Drop | None = Field(
        None, description="Largest drop against an older version, in the unit of the measure."
    )
    max_relative_drop: _Drop | None = Field(
        None, description="Largest drop against an older version, as a share of its number."
    )
    max_newly_broken: Annotated[int, Field(ge=0, le=int(LARGEST))] | None = Field(
        None, description="Most samples that survive in the older version only."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of all random numbers.")
    ids: list[_Text] = Field(
        default_factory=list, description="Entries of public threat catalogues, such as CWE-1039."
    )
    waiver: _WaiverRow | None = Field(
        None, description="Permission to merge in spite of the verdict, for a time."
    )

    @model_validator(mode="after")
    def _one_threshold(self) -> _Row:
        bounds = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        if len(bounds) != 1:
            raise ValueError("expected exactly one of at_least and at_most")
        if not abs(bounds[0]) <= LARGEST:
            raise ValueError(f"expected a finite threshold up to {LARGEST:g}, got {bounds[0]}")
        return self

    @model_validator(mode="after")
    def _worse_than_the_threshold(self) -> _Row:
        worst = self.waiver.worst if self.waiver else None
        if worst is None:
            return self
        higher = self.at_least is not None and worst > self.at_least
        lower = self.at_most is not None and worst < self.at_most
        if higher or lower or not abs(worst) <= LARGEST:
            raise ValueError(
                f"expected waiver.worst at the threshold or on its failing side, got {worst:g}"
            )
        return self

    def requirement(self) -> Requirement:
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        waiver = self.waiver and Waiver(
            reason=self.waiver.reason,
            expires=self.waiver.expires.isoformat(),
            worst=self.waiver.worst,
        )
        own = {"ids": tuple(self.ids), "waiver": waiver, "settings": dict(self.model_extra or {})}
        return Requirement(**{**fields, **own})


class NamedData(Strict):
    """The data that the thresholds were chosen for; `sha256` is `DataSet.digest`."""

    name: _Text = Field(description="Display name of the data.")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(
        description='Digest of the test images and labels; a report lists it as "data, test split".'
    )


class _File(Strict):
    requirement: list[dict[str, Any]] = Field(min_length=1, description="The rows of the policy.")
    families: list[_Text] = Field(
        default_factory=list, description="Families that need at least one row each."
    )
    data: NamedData | None = Field(None, description="The data that the thresholds are for.")


@dataclass(frozen=True)
class Policy:
    """The requirements of one file, in its order.

    `families`: each of them has to have a row. `data`: what the thresholds were chosen for.
    `threat_model`: the file beside it that names its rows.
    """

    path: str
    text: str
    requirements: tuple[Requirement, ...]
    families: tuple[str, ...] = ()
    data: NamedData | None = None
    threat_model: ThreatFile | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the file as it was read."""
        return sha256(self.text.encode())

    def rows(self, measure: str) -> tuple[Requirement, ...]:
        """The requirements that ask for this measure."""
        return tuple(row for row in self.requirements if row.measure == measure)

    def refuse_other_data(self, name: str, digest: str) -> None:
        """UsageError where the policy names its data, and this is other data."""
        if self.data is not None and self.data.sha256 != digest:
            raise UsageError(
                f"{self.path}: expected the data it was written for, {self.data.name} (SHA-256 "
                f"{self.data.sha256:.12}...), got {name} ({digest}); name that data, write a "
                "policy for this data with `securemnist init --data`, or choose the thresholds again "
                "and set `data`"
            )

    def to_json(self) -> dict[str, str]:
        """What an assessment records of its policy."""
        return {"path": self.path, "digest": self.digest, "text": self.text}


def load(path: Path) -> Policy:
    """Read a policy; PolicyError with one sentence for the first thing that is wrong."""
    text = text_of(path, "a policy", "name one with --policy")
    return replace(parse(text, str(path)), threat_model=beside(path))


def parse(text: str, path: str) -> Policy:
    """The policy of a TOML text; `path` is for messages and the record."""
    try:
        file = _File.model_validate(toml_table(text))
    except ParseError as error:
        raise PolicyError(f"{path}: expected TOML, got {error}; fix the file") from error
    except ValidationError as error:
        raise PolicyError(f"{path}: {sentence(error)}") from error
    requirements = tuple(
        _requirement(row, number, path) for number, row in enumerate(file.requirement, 1)
    )
    ids: dict[str, str] = {}
    for row in requirements:
        folded = row.id.casefold()  # pytest's -k, which picks a row, knows no case
        if folded in ids:
            got = "twice" if ids[folded] == row.id else f"beside {ids[folded]!r}"
            raise PolicyError(
                f"{path}: expected ids that differ in more than case, got {row.id!r} {got}; rename one"
            )
        ids[folded] = row.id
    return Policy(path, text, requirements, tuple(file.families), file.data)


def _requirement(row: Mapping[str, Any], number: int, path: str) -> Requirement:
    name = " ".join(str(row.get("id", f"number {number}")).split())[:64]
    if "families" in row:
        raise PolicyError(
            f"{path}: row {name}: expected `families` above the first [[requirement]], got it in a row; "
            "move it there"
        )
    try:
        return _Row.model_validate(row_keys.normalised(row)).requirement()
    except ValidationError as error:
        raise PolicyError(f"{path}: row {name}: {sentence(error, row)}") from error
    except UsageError as error:
        raise PolicyError(f"{path}: row {name}: {error}") from error
