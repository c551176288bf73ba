"""Files that an attestation names, found beside the weight file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from securemnist.errors import SignatureError, UsageError
from securemnist.signing.model_files import digest


def beside(weights: Path, names: Collection[str]) -> dict[str, str]:
    """SHA-256 by name of these files in the folder of `weights`, which is one of them.

    UsageError for a folder, and for a file that cannot be read; SignatureError for other names.
    """
    if weights.is_dir():
        raise UsageError(
            f"{weights}: expected the weight file that was assessed, got a folder; name it"
        )
    for name in names:
        if name in (".", "..") or Path(name).name != name:
            raise SignatureError(
                f"expected names of files in one folder, got {name!r:.100}; do not use the files"
            )
    if weights.name not in names:
        shown = ", ".join(sorted(names)[:3])
        raise SignatureError(
            f"{weights}: expected a file of the assessed model ({shown:.200}), got another; name that one"
        )
    return {name: digest(weights.with_name(name)) for name in names}


def check(weights: Path, attested: Mapping[str, str]) -> None:
    """SignatureError where one of the attested files was changed; UsageError where it is missing."""
    for name, found in beside(weights, attested).items():
        if found != attested[name]:
            raise SignatureError(
                f"{weights.with_name(name)}: expected the file that was assessed (SHA-256 "
                f"{attested[name]:.12}...), got another ({found:.12}...); do not use it"
            )
