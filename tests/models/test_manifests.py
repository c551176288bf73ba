"""Manifests of weight files: required content and checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist._util.hashing import sha256
from securemnist.errors import WeightsError
from securemnist.models import weight_file
from tests.error_form import one_sentence
from tests.small_network import same_weights, saved_weights, small_network


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"canary": []}, "expected the logits that its manifest records"),
        ({"canary": [[0.0] * 10] * 8}, "expected the logits that its manifest records"),
        ({"canary": [[float("nan")] * 10] * 8}, "expected the logits that its manifest records"),
        ({"canary": [[0.0], [0.0, 1.0]]}, "expected canary logits"),
        ({"canary": [["a"] * 10] * 8}, "expected canary logits"),
        ({"canary": [None]}, "expected canary logits"),
        ({"canary": [{}]}, "expected canary logits"),
        ({"canary": [10**400]}, "expected canary logits"),
        ({"sha256": "0" * 64}, "expected SHA-256 000000000000... of its manifest"),
    ],
)
def test_manifest_must_match_weights(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    """A digest or canary logits of other weights refuse the file."""
    path = tmp_path / "net.safetensors"
    manifest = weight_file.save(small_network(), path, {"architecture": "tiny"})
    with pytest.raises(WeightsError, match=words) as caught:
        weight_file.load_into(small_network(1), path, {**manifest, **change})
    one_sentence(caught.value)


def test_canary_detects_replaced_weights(tmp_path: Path) -> None:
    """Replaced weights with a corrected digest are detected by the canary logits."""
    path = tmp_path / "net.safetensors"
    manifest = weight_file.save(small_network(), path, {"architecture": "tiny"})
    path.write_bytes(weight_file.dump(small_network(1)))
    manifest["sha256"] = sha256(path.read_bytes())
    with pytest.raises(WeightsError, match="canary inputs"):
        weight_file.load_into(small_network(), path, manifest)


GOOD_MANIFEST = '%s, "sha256": "", "architecture": "A", "canary": []}'
MANIFESTS = {
    "missing": (None, "expected a manifest, got No such file"),
    "empty": ("", "expected JSON"),
    "no JSON": ("{", "expected JSON"),
    "a list": ("[]", "expected JSON, got list, not an object"),
    "deep": ("[" * 100_000, "expected JSON"),
    "a huge number": ('{"schema": ' + "9" * 5_000 + "}", "expected JSON"),
    "duplicate keys": ('{"schema": 1, "schema": 1}', "duplicate key 'schema'"),
    "no schema": ("{}", "expected 'schema' as int, got None"),
    "schema 2": (GOOD_MANIFEST % '{"schema": 2', "expected schema 1, got 2"),
    "no digest": ('{"schema": 1}', "expected 'sha256' as str"),
    "no architecture": ('{"schema": 1, "sha256": ""}', "expected 'architecture' as str"),
    "no canary": ('{"schema": 1, "sha256": "", "architecture": "A"}', "expected 'canary' as list"),
    "a schema of figures": (
        GOOD_MANIFEST % ('{"schema": 1' + "0" * 4_000),
        "a number of 4001 digits",
    ),
    "a recipe that is a text": (GOOD_MANIFEST % '{"recipe": "A", "schema": 1', "'recipe' as dict"),
    "too large": (" " * (weight_file.MAX_MANIFEST + 1), "more than 1048576 bytes"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_malformed_manifest_refused(name: str, tmp_path: Path) -> None:
    """A missing or malformed manifest is one WeightsError with its path."""
    content, words = MANIFESTS[name]
    path = tmp_path / "net.safetensors"
    if content is not None:
        weight_file.manifest_path(path).write_text(content)
    with pytest.raises(WeightsError) as caught:
        weight_file.read_manifest(path)
    text = one_sentence(caught.value)
    assert text.startswith(str(tmp_path / "net.json"))
    assert words in text


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file with its manifest."""
    return saved_weights(tmp_path_factory.mktemp("saved"))


@settings(max_examples=100)
@given(data=st.data(), mask=st.integers(1, 255))
def test_flipped_manifest_byte_changes_no_weight(
    good: Path, data: st.DataObject, mask: int
) -> None:
    """With one changed byte in the manifest, the file is refused or its own weights load."""
    content = bytearray(weight_file.manifest_path(good).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= mask
    beside = good.with_name("other.json")
    beside.write_bytes(content)
    model = small_network(1)
    try:
        manifest = weight_file.read_manifest(beside.with_suffix(".safetensors"))
        weight_file.load_into(model, good, manifest)
    except WeightsError:
        return
    assert same_weights(model, small_network())
