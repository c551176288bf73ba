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
        "ad70579ec833a94fa8c7811cb84fc67d1883243b332dbeb8d783bad91b8db5e2",
    ),
    "certified": (
        "679184e733a2a509953bd6ee01068677fafdb695203ff396cb09d22f7e8f358c",
        "a01a918904bf4e686e4a925ced2de2b61bb859e25af4551b2f7f47a5710d35e1",
    ),
    "certified_mnist": (
        "fa15af73b05e6878b6f5c2853ee1a8aefc1f667d126753778671eeeeae94ecee",
        "22c075256bf39fd1d56868e08f2baf3da9ba20d0d1ca12b0471c3e2e2ece5332",
    ),
    "fgsm_trained": (
        "05e2d91e62d66f66c6465a98647a4c1176e9175d870370ab98e683f55639fcbe",
        "799317fb6e1e1bfd6dd7e82eeb881a2bd9f35f6dec1892b071fb9ce88c34c3ff",
    ),
    "hardened": (
        "5d8c511f4b3cf03e79b6e3916014901593ee74179d222d56bdc0efc057174528",
        "844a6cba5ce891e6b78288d29bd78e99a540f722a0c23341ddeef3f626bba43a",
    ),
    "network_c": (
        "3996c0f2b9714cfd8fbddd632e5e0adf2d6321528f96c53687449a0079925cb4",
        "979edf8b837e80238ff641b535e9f1d1cc8490afa071a19041c22eb9d24c54a5",
    ),
    "network_d": (
        "ca9e70901ce16cd7247b9d490a396bd67272a15beefa9c4ca18a03ea92f89bda",
        "07e26fadc523e6b0d236722c7302dceae7de774a80476912baa8e479b36af22f",
    ),
    "poisoned_clean_label": (
        "b0158290c05ad73a2e42ac0c2c0ddd71adce9400b2a72801804fc6297c950a71",
        "34aff348a82b77c2109765f13f85f69fc29ef14be5e73ea537dc409ad5d689f0",
    ),
    "poisoned_dirty": (
        "50a89f76ae90f2629b22ca9a7cada6c8365278b5b78e5239afafdc09a5a5e2f5",
        "e8a94e2d4e976bf1706995db72d1c1c354f73ba2ac28fe6db8f87a6905642d50",
    ),
    "smoothed": (
        "0ce030161b7327571a961754157a70937f7a050a638752b750c8598429ba6716",
        "19cf0727cc72e18e4b860239c54cbbd6e9e19e74d95e9dc3d3aa293e7f4a68c3",
    ),
}

# SHA-256 of the public key whose owner has signed the folder of their files, and of its PEM in
# fixtures/weights.pub; `python -m benchmarks.sign_references` signs them anew, by a new key.
SIGNER = "8306ff9454ca5cda638902445c2cc9ae246defb79b2fc7efd546c4cdda1c5771"


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
