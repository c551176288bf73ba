"""Signs the bundled reference models anew, by a new key whose private part is never stored.

`python -m benchmarks.sign_references` after a change below fixtures/weights: it writes the signature
and the public key, and the key's SHA-256 into `models/reference_digests.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from securemnist._util import resources
from securemnist._util.resources import write_atomically
from securemnist.models import reference_digests
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
    text = re.sub(
        r'^SIGNER = ".*"$', f'SIGNER = "{keys.fingerprint(public)}"', CODE.read_text(), flags=re.M
    )
    write_atomically(CODE, text.encode())
    print(f"{len(signed.files)} files signed; SHA-256 of the public key {keys.fingerprint(public)}")


if __name__ == "__main__":
    main()
