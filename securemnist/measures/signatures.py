"""Unverified files: files of the model without a signature that fits, or without an attestation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from securemnist._util import resources
from securemnist.errors import MeasureError, NotApplicable, SecureMnistError
from securemnist.evaluation.context import Context
from securemnist.measures.base import Settings
from securemnist.measures.inputs import InsidePath, InsidePaths, of_files
from securemnist.measures.supply_chain import check, counted, measure
from securemnist.models.reference_digests import SIGNER
from securemnist.results import policy
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.results.findings import Measurement
from securemnist.results.verdicts import utc_day
from securemnist.signing import attestation, json_form, keys, model_signature
from securemnist.signing.keys import PublicKey

_SIGNED = "as it was signed"


class SignatureSettings(Settings):
    """Settings of a row of signatures. Paths are relative to the project's folder.

    `of`: the files that the model was loaded from, or the bundled reference models. `public_key`: the
    .pub file of the signer. `signature`: the file of `securemnist sign`, or a list of them.
    `attestation`: the file of `securemnist attest`. `attested_policy`: the policy that has to be the
    attested one.
    """

    of: Literal["subject", "reference models"] = "subject"
    public_key: InsidePath | None = None
    signature: InsidePaths = Field(default_factory=list)
    attestation: InsidePath | None = None
    attested_policy: InsidePath | None = None

    @field_validator("signature", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _whole(self) -> SignatureSettings:
        """ValueError for settings by which nothing, or any policy, would be verified."""
        if self.of != "subject":
            if self.model_fields_set - {"of"}:
                raise ValueError(
                    "expected no other setting with of = 'reference models', whose key is bundled; "
                    "remove the others"
                )
            return self
        if self.public_key is None or not (self.signature or self.attestation):
            raise ValueError("expected public_key, and signature or attestation; add them")
        if (self.attestation is None) != (self.attested_policy is None):
            raise ValueError("expected attestation and attested_policy together; add the other")
        return self

    def inputs(self, context: Context) -> dict[str, str]:
        """The key and the demanded policy; signature and attestation are those of the version."""
        return of_files(context, self.public_key, self.attested_policy)


def unverified_files(context: Context, settings: SignatureSettings, _seed: int) -> Measurement:
    """The number of files and statements that a signature does not cover; the model is not run.

    The digests are those of the bytes that the model was loaded from. A signature or an attestation
    that is missing, or does not fit, counts for each file. NotApplicable for a model that comes from
    code or from an endpoint.
    """
    if settings.of != "subject":
        return counted(_references(), "the bundled reference models")
    if not context.subject.files:
        raise NotApplicable(
            "expected a model that was loaded from files, got one from code or an endpoint; assess its "
            "weight file"
        )
    folder = context.project
    key = keys.public_key(folder / str(settings.public_key))
    checks = _signed(context, settings.signature, key) if settings.signature else []
    if settings.attestation is not None:
        checks += _attested(context, settings.attestation, str(settings.attested_policy), key)
    return counted(checks, "the files of the model")


def _references() -> list[SupplyCheck]:
    """Every file in the folder of the reference models, by the bundled signature."""
    folder, place = resources.WEIGHTS, resources.WEIGHTS_SIGNATURE
    key = keys.public_key(resources.WEIGHTS_KEY)
    if keys.fingerprint(key) != SIGNER:
        return [check(resources.WEIGHTS_KEY.name, "", f"the key {SIGNER:.12}...", "another key")]
    try:
        signed = model_signature.read(json_form.read(place, "a signature"), key)
        found = model_signature.compared(folder, place, signed)
    except SecureMnistError as error:
        return [check(folder.name, place.name, _SIGNED, _reason(error, folder.parent))]
    return [check(name, place.name, _SIGNED, wrong) for name, wrong in found.items()]


def _signed(context: Context, places: list[str], key: PublicKey) -> list[SupplyCheck]:
    """Each file that the model was loaded from, by the first signature that covers it."""
    signatures, problems = [], []
    for place in places:
        try:
            content = json_form.read(context.project / place, "a signature")
            signatures.append(model_signature.read(content, key))
        except SecureMnistError as error:
            problems.append(_reason(error, context.project))
    checks = []
    for name, digest in context.subject.files.items():
        wrong = [model_signature.covers(signed, name, digest) for signed in signatures]
        found = "" if "" in wrong else "; ".join([*dict.fromkeys(wrong), *problems])
        checks.append(check(name, ", ".join(places), _SIGNED, found))
    return checks


def _attested(context: Context, place: str, named: str, key: PublicKey) -> list[SupplyCheck]:
    """Each file, and the result of the policy that was demanded, by the attestation."""
    demanded = policy.load(context.project / named)
    if context.policy is not None and context.policy.digest == demanded.digest:
        raise MeasureError(
            f"expected another policy than the one of this run in attested_policy, got {named}; a run "
            "cannot need its own attestation, so name the policy of an earlier run"
        )
    expected = "as it was assessed"
    files = context.subject.files
    try:
        attested = attestation.read(json_form.read(context.project / place, "an attestation"), key)
    except SecureMnistError as error:
        return [check(name, place, expected, _reason(error, context.project)) for name in files]
    checks = [
        check(name, place, expected, "" if attested.files.get(name) == digest else "not attested")
        for name, digest in files.items()
    ]
    return [*checks, _passed(attested, demanded, place, named)]


def _passed(
    attested: attestation.Attestation, demanded: policy.Policy, place: str, named: str
) -> SupplyCheck:
    """The check of the attested result and of its policy."""
    found = ""
    try:
        attestation.check_policy(attested, demanded)
        attested.check_passed(utc_day())
    except SecureMnistError as error:
        found = _reason(error, Path(named))
    return check(named, place, "passed", found)


def _reason(error: SecureMnistError, folder: Path) -> str:
    """What was found, with names relative to `folder` and without the advice."""
    return str(error).replace(f"{folder}{os.sep}", "").partition("; ")[0]


UNVERIFIED_FILES = measure(unverified_files, SignatureSettings, seconds=0.3)
