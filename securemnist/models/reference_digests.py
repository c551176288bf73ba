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
# reference model again, tests/models/test_reference_digests.py fails and prints the new rows.
DIGESTS = {
    "baseline": (
        "5055a64521de593536972b68449d83fa148a1df60a9c93381525540d2924ea9d",
        "3e901bdd4ee1d22de6935ffdd2ad424b256973d83daab983a698117774630925",
    ),
    "certified": (
        "679184e733a2a509953bd6ee01068677fafdb695203ff396cb09d22f7e8f358c",
        "c1e53e4aab5464c8ec3da587845f9d811f25d07e1559b21896e37ecbf8062a8d",
    ),
    "certified_mnist": (
        "fa15af73b05e6878b6f5c2853ee1a8aefc1f667d126753778671eeeeae94ecee",
        "9228059e6a53b84652034091ecd5ac00501fb2c9cec413f1e8843b12d7bea844",
    ),
    "fgsm_trained": (
        "05e2d91e62d66f66c6465a98647a4c1176e9175d870370ab98e683f55639fcbe",
        "9ff3a82f87bcb1ff00c892cdc3a148ed7a637c78993d1cd0800ebe423868fa63",
    ),
    "hardened": (
        "5d8c511f4b3cf03e79b6e3916014901593ee74179d222d56bdc0efc057174528",
        "77a21f143cc5f5eac2107ef0fa8f5a00f97acfe99366287b498704d6dec5f274",
    ),
    "network_c": (
        "3996c0f2b9714cfd8fbddd632e5e0adf2d6321528f96c53687449a0079925cb4",
        "aa1df3b65db785797dc6aa3770c24f9481161fedb3630fb5645d6a37bcc09ff4",
    ),
    "network_d": (
        "ca9e70901ce16cd7247b9d490a396bd67272a15beefa9c4ca18a03ea92f89bda",
        "0a3a895aea201f275d76e52731952bbfd5cced7005b843fb7944f0aa580cc5a3",
    ),
    "poisoned_clean_label": (
        "b0158290c05ad73a2e42ac0c2c0ddd71adce9400b2a72801804fc6297c950a71",
        "ba9576dfbc3fb13e50a142e6133ed1905ce855b9a5a07e6ba57d313e0303c0b1",
    ),
    "poisoned_dirty": (
        "50a89f76ae90f2629b22ca9a7cada6c8365278b5b78e5239afafdc09a5a5e2f5",
        "83088187e03d57916e9c9139a700d5c229db77f7f073b2adf7df3e8be1bdb96c",
    ),
}


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
