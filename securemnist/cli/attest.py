"""`securemnist attest`: the signed statement that a weight file passed a policy."""

from __future__ import annotations

from pathlib import Path

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say, write_file


@click.command()
@click.argument("assessment", type=PATH, metavar="ASSESSMENT")
@click.option("--key", type=PATH, required=True, help="The private key of `keygen`.")
@click.option("--weights", type=PATH, required=True, help="The weight file that was assessed.")
@click.option(
    "--policy", type=PATH, help="Default: the project's. `bundled` names the bundled one."
)
@click.option("--out", type=PATH, metavar="FILE", help="Default: WEIGHTS.attestation.json.")
@click.option("--failed", is_flag=True, help="Sign an assessment that did not pass, as FAILED.")
def attest(
    assessment: Path,
    key: Path,
    weights: Path,
    policy: Path | None,
    out: Path | None,
    failed: bool,
) -> None:
    """Sign that a weight file passed its policy.

    ASSESSMENT is the assessment.json of the run (`reports/assessment.json`). Every row of the policy
    has to be measured and to pass: assess with `--tier full` if there are rows of that tier. Waived
    rows make the result WARNED, for as long as their waivers last. The statement binds the digests of
    weights, policy, data and assessment.


    Exit codes: 0 signed; 1 a row failed, or the files do not belong together; 2 usage error; 3 a row
    was not measured or not decided. With 1 and 3 nothing is signed, unless --failed is given.
    """
    from securemnist.cli.defaults import policy_of
    from securemnist.cli.passphrase import of_key
    from securemnist.results import policy as policies
    from securemnist.results.assessment import MAX_BYTES
    from securemnist.results.verdicts import utc_day
    from securemnist.signing import attestation, dsse, json_form, keys

    target = out or weights.with_name(f"{weights.name}{attestation.SUFFIX}")
    json_form.refuse_other_file(target, dsse.Envelope, "an attestation")
    content = json_form.read(assessment, "an assessment", MAX_BYTES)
    content, found = attestation.sign(
        content,
        policies.load(policy_of(policy)),
        weights,
        keys.private_key(key, of_key),
        failed=failed,
        day=utc_day(),
    )
    write_file(Path(), target, content)
    rows = len(found.passed) + len(found.warned) + len(found.failed)
    say(f"{target}: {found.result}, {len(found.passed)} of {rows} rows passed")
    if found.warned:
        say(f"waived: {', '.join(found.warned)}")
