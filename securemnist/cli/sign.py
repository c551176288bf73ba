"""`securemnist sign`: a signature over the files of a model."""

from __future__ import annotations

from pathlib import Path

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say, write_file
from securemnist.errors import UsageError


@click.command()
@click.argument("weights", nargs=-1, required=True, type=PATH, metavar="WEIGHTS...")
@click.option("--key", type=PATH, required=True, help="The private key of `keygen`.")
@click.option("--out", type=PATH, metavar="FILE", help="Default: WEIGHTS.sig.")
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="NAME",
    help="A file or folder below WEIGHTS that is left out.",
)
def sign(weights: tuple[Path, ...], key: Path, out: Path | None, ignored: tuple[str, ...]) -> None:
    """Sign files or folders by OpenSSF Model Signing.

    Each of WEIGHTS gets a signature of its own. A folder is signed with every file below it, so that a
    file that is added later is found.
    """
    from securemnist.cli.passphrase import of_key
    from securemnist.signing import bundle, json_form, keys, model_signature
    from securemnist.view.numbers import plural
    from securemnist.view.progress import progress_bar

    if out is not None and len(weights) > 1:
        raise UsageError(f"expected one of WEIGHTS with --out, got {len(weights)}; leave --out out")
    private = keys.private_key(key, of_key)
    for path in weights:
        target = out or path.parent / f"{path.resolve().name}{model_signature.SUFFIX}"
        json_form.refuse_other_file(target, bundle.Bundle, "a signature")
        with progress_bar() as progress:
            content, signed = model_signature.sign(
                path, private, out=target, ignored=ignored, progress=progress
            )
        write_file(Path(), target, content)
        say(f"{target}: signature over {plural(len(signed.files), 'file')} of {path}")
        if path.suffix == ".safetensors" and path.with_suffix(".json").is_file():
            say(f"{path.with_suffix('.json')} is not covered; sign it, too, or the folder of both")
    say(f"public key: SHA-256 {keys.fingerprint(private.public_key())}")
