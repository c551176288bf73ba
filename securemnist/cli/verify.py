"""`securemnist verify`: the files of a model, by their signature and by their attestation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say
from securemnist.errors import UsageError

if TYPE_CHECKING:
    from securemnist.results.policy import Policy
    from securemnist.signing.attestation import Attestation
    from securemnist.signing.keys import PublicKey

_SHOWN = 5


@click.command()
@click.argument("weights", type=PATH, metavar="WEIGHTS")
@click.option("--public-key", "key", type=PATH, required=True, help="The signer's .pub file.")
@click.option("--signature", type=PATH, metavar="FILE", help="The file of `sign`.")
@click.option("--attestation", type=PATH, metavar="FILE", help="The file of `attest`.")
@click.option(
    "--policy",
    type=PATH,
    help="The policy that has to be the attested one; `bundled` names the bundled one.",
)
@click.option("--data", metavar="PATH", help="The data that has to be the attested one.")
@click.option(
    "--assessment", type=PATH, help="The assessment.json that has to be the attested one."
)
def verify(
    weights: Path,
    key: Path,
    signature: Path | None,
    attestation: Path | None,
    policy: Path | None,
    data: str | None,
    assessment: Path | None,
) -> None:
    """Check files by a signature, an attestation or both.

    WEIGHTS is a file or a folder. A signature covers bytes; an attestation says that a file passed a
    policy. Any bundle of OpenSSF Model Signing by a key on the curve P-256 is read.


    Exit codes: 0 everything fits; 1 a signature, a file or a result does not fit; 2 usage error;
    3 a kind of signature that is not read.
    """
    from securemnist.signing import keys

    if signature is None and attestation is None:
        raise UsageError("expected --signature or --attestation, got neither; name one")
    demanded = {"--policy": policy, "--data": data, "--assessment": assessment}
    for option, value in demanded.items():
        if value is not None and attestation is None:
            raise UsageError(f"expected --attestation with {option}, got none; name it")
    public = keys.public_key(key)
    if signature is not None:
        _signature(weights, signature, public)
    if attestation is not None:
        _attestation(weights, attestation, public, policy, data, assessment)
    say(f"public key: SHA-256 {keys.fingerprint(public)}")


def _signature(weights: Path, signature: Path, key: PublicKey) -> None:
    from securemnist.signing import model_signature
    from securemnist.view.numbers import plural
    from securemnist.view.progress import progress_bar

    with progress_bar() as progress:
        signed = model_signature.verify(weights, signature, key, progress)
    say(f"{weights}: signed, {plural(len(signed.files), 'file')} as when it was signed")
    for name in signed.ignored:
        if weights.is_dir() and (weights / name).exists():
            say(f"not covered: {weights / name}")


def _attestation(
    weights: Path,
    path: Path,
    key: PublicKey,
    policy: Path | None,
    data: str | None,
    assessment: Path | None,
) -> None:
    from securemnist.cli.defaults import policy_of
    from securemnist.results import policy as policies
    from securemnist.results.assessment import MAX_BYTES
    from securemnist.results.verdicts import utc_day
    from securemnist.signing import attestation as attestations
    from securemnist.signing import attested_files, json_form

    attested = attestations.read(json_form.read(path, "an attestation"), key)
    attested_files.check(weights, attested.files)
    attested.check_passed(utc_day())
    demanded = None if policy is None else policies.load(policy_of(policy))
    if demanded is not None:
        attestations.check_policy(attested, demanded)
    if assessment is not None:
        content = json_form.read(assessment, "an assessment", MAX_BYTES)
        attestations.check_result(attested, content, demanded)
    if data is not None:
        from securemnist.data import DataSet

        attestations.check_data(attested, DataSet.load(data).digest)
    _say(weights, attested, demanded)


def _say(weights: Path, attested: Attestation, demanded: Policy | None) -> None:
    from securemnist.view.numbers import plural

    found = attested.outcome
    say(
        f"{weights}: {found.result} on {attested.day}, {plural(len(found.passed), 'row')} passed"
        f" ({', '.join(attested.files)})"
    )
    if found.warned:
        shown = ", ".join(found.warned[:_SHOWN])
        say(f"waived until {attested.waived_through}: {len(found.warned)} ({shown})")
    say(f"policy: SHA-256 {attested.policy}")
    say(f"data, test split: SHA-256 {attested.data}")
    if demanded is None:
        say("which policy that is was not checked; pass it with --policy")
    elif attested.threats and demanded.threat_model is None:
        say("its threat model was not checked; put the threats.toml beside the policy")
