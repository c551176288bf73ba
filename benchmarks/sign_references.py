"""Signs the bundled reference models anew, by a new key whose private part is never stored.

`python -m benchmarks.sign_references` after a change below fixtures/weights: it writes the signature
and the public key. Into `models/reference_digests.py` it writes the digests of all models and the
key's SHA-256.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from securemnist._util import resources
from securemnist._util.hashing import sha256, sha256_of_value
from securemnist._util.resources import write_atomically
from securemnist.models import reference_digests, weight_file
from securemnist.signing import keys, model_signature

CODE = Path(reference_digests.__file__)


def main() -> None:
    """Sign the folder; print the SHA-256 of the public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    out = resources.WEIGHTS_SIGNATURE
    content, signed = model_signature.sign(resources.WEIGHTS, key, out=out)
    write_atomically(out, content)
    write_atomically(resources.WEIGHTS_KEY, keys.pem(public))
    text = with_digests(CODE.read_text(), digests(), keys.fingerprint(public))
    write_atomically(CODE, text.encode())
    print(f"{len(signed.files)} files signed; SHA-256 of the public key {keys.fingerprint(public)}")


def digests() -> dict[str, tuple[str, str]]:
    """SHA-256 of the weights and of the canonical manifest of each bundled model, by its name."""
    return {
        path.stem: (sha256(path.read_bytes()), sha256_of_value(weight_file.read_manifest(path)))
        for path in sorted(resources.WEIGHTS.glob("*.safetensors"))
    }


def with_digests(text: str, found: Mapping[str, tuple[str, str]], signer: str) -> str:
    """The text of `models/reference_digests.py` with these digests and the key of this fingerprint."""
    rows = "".join(
        f'    "{name}": (\n        "{weights}",\n        "{manifest}",\n    ),\n'
        for name, (weights, manifest) in found.items()
    )
    text = re.sub(r"^DIGESTS = \{$.*?^\}$", f"DIGESTS = {{\n{rows}}}", text, flags=re.M | re.S)
    return re.sub(r'^SIGNER = ".*"$', f'SIGNER = "{signer}"', text, flags=re.M)


if __name__ == "__main__":
    main()
