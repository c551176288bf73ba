"""Digests of the bundled reference models.

A manifest is stored beside its weights, so both can be changed together. A reference model is loaded by
its NAME only if both files have the digests below.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from securemnist._util.hashing import sha256_of_value
from securemnist.errors import WeightsError

# NAME: SHA-256 of NAME.safetensors, SHA-256 of the canonical JSON of NAME.json. After training a
# reference model again, tests/models/test_reference_digests.py fails until
# `python -m benchmarks.sign_references` has written the new rows.
DIGESTS = {
    "baseline": (
        "5055a64521de593536972b68449d83fa148a1df60a9c93381525540d2924ea9d",
        "b7e88b55d931b0616617a17aef6e15a87d11bdeca811e245630adef103768306",
    ),
    "certified": (
        "679184e733a2a509953bd6ee01068677fafdb695203ff396cb09d22f7e8f358c",
        "5d74c041f43b304b5053bdf4e0b244be76a40e814642c17f4a3550a6c2cbbdc1",
    ),
    "certified_mnist": (
        "fa15af73b05e6878b6f5c2853ee1a8aefc1f667d126753778671eeeeae94ecee",
        "c676131ebcc5c587650bd3b4472a0bf33a1089e6c1522cd485cd21edec06e935",
    ),
    "fgsm_trained": (
        "05e2d91e62d66f66c6465a98647a4c1176e9175d870370ab98e683f55639fcbe",
        "e74a088af7c52f9c072d9a76c9733497b496a44326c378d81bf22752b20935ed",
    ),
    "hardened": (
        "5d8c511f4b3cf03e79b6e3916014901593ee74179d222d56bdc0efc057174528",
        "2da74dab9aa40f44cc0610886e6d80813abe84691442b2f42b8d4f37f9cdda21",
    ),
    "network_c": (
        "3996c0f2b9714cfd8fbddd632e5e0adf2d6321528f96c53687449a0079925cb4",
        "e810ad82c934d540883487417e228460422224171af6bd7969789693cc496ef4",
    ),
    "network_d": (
        "ca9e70901ce16cd7247b9d490a396bd67272a15beefa9c4ca18a03ea92f89bda",
        "ddc2fda7979c61335aff8a7c5e0d2ebd95fe3b8595912869f41c49aad7219cc4",
    ),
    "poisoned_clean_label": (
        "b0158290c05ad73a2e42ac0c2c0ddd71adce9400b2a72801804fc6297c950a71",
        "986fb3699b6e26a6198270401534de0fa6b02de5b9d4ba32a33d4d80d0259c9b",
    ),
    "poisoned_dirty": (
        "50a89f76ae90f2629b22ca9a7cada6c8365278b5b78e5239afafdc09a5a5e2f5",
        "e581dbfb06492eb8fdba95b12bb0dc4cf84fb6cfb2eb167748e873cdf024af9e",
    ),
    "smoothed": (
        "0ce030161b7327571a961754157a70937f7a050a638752b750c8598429ba6716",
        "19cf0727cc72e18e4b860239c54cbbd6e9e19e74d95e9dc3d3aa293e7f4a68c3",
    ),
}

# SHA-256 of the public key whose owner has signed the folder of their files, and of its PEM in
# fixtures/weights.pub; `python -m benchmarks.sign_references` signs them anew, by a new key.
SIGNER = "c1c04796b6b76ca2bf3efa18d1ccae5701e8b5fa4a1cf481e9fbb3e6a0ffdf7c"


def check(name: str, path: Path, manifest: Mapping[str, Any]) -> None:
    """WeightsError unless the manifest of the reference model NAME is that of this release.

    The manifest has the SHA-256 of the weights, which is checked when they are read.
    """
    weights, expected = DIGESTS.get(name, ("", ""))
    got = sha256_of_value(dict(manifest))
    if (manifest.get("sha256"), got) != (weights, expected):
        raise WeightsError(
            f"{path}: expected the reference model {name!r} of this release (manifest "
            f"{expected[:12] or 'unknown'}...), got another (manifest {got[:12]}...); restore both "
            "files, or load your model by its path"
        )
