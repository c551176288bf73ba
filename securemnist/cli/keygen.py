"""`securemnist keygen`: a key that signs model files and results."""

from __future__ import annotations

from pathlib import Path

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say


@click.command()
@click.option(
    "--out",
    type=PATH,
    required=True,
    metavar="NAME",
    help="The private key; its public key is NAME.pub. Existing files are kept.",
)
@click.option(
    "--passphrase",
    is_flag=True,
    help="Encrypt it: by SECUREMNIST_KEY_PASSPHRASE of the environment, else typed twice.",
)
def keygen(out: Path, passphrase: bool) -> None:
    """Create a key (ECDSA, curve P-256) for `sign` and `attest`.

    Keep NAME secret, and publish NAME.pub where others can check that it is yours.
    """
    from securemnist.cli.passphrase import new
    from securemnist.signing import keys

    public = keys.create(out, new() if passphrase else None)
    say(f"{out}: private key, readable by its owner only; keep it secret")
    say(f"{keys.public_path(out)}: public key, SHA-256 {keys.fingerprint(public)}")
