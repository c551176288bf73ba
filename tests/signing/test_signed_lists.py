"""Signed lists of files from outside: what a signature that fits does not excuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from securemnist.errors import UNDECIDED, SecureMnistError, SignatureError
from securemnist.signing import model_signature
from tests.error_form import one_sentence
from tests.signing.signed import (
    FILES,
    key,
    opened,
    predicate,
    refused,
    root,
    signature_of,
    signed_list,
    write_model,
)


def files(*names: str) -> bytes:
    """A signed list of these names, each with the same digest."""
    table = predicate({})
    table["resources"] = [
        {"name": name, "algorithm": "sha256", "digest": FILES["net.json"]} for name in names
    ]
    return signed_list(table, {"net": root(dict(enumerate([FILES["net.json"]] * len(names))))})


def other_algorithm() -> bytes:
    table = predicate(FILES)
    table["resources"][0]["algorithm"] = "md5"
    return signed_list(table, {"net": root(FILES)})


SIGNED: dict[str, Callable[[], bytes]] = {
    "other predicate": lambda: signed_list(
        predicate(FILES), {"net": root(FILES)}, "https://in-toto.io/attestation/test-result/v0.1"
    ),
    "no resources": lambda: signed_list(predicate({}), {"net": root({})}),
    "other root": lambda: signed_list(predicate(FILES), {"net": "0" * 64}),
    "two subjects": lambda: signed_list(predicate(FILES), {"net": root(FILES), "b": "0" * 64}),
    "short digest": lambda: signed_list(predicate({"net.json": "00"}), {"net": "00"}),
    "other algorithm": other_algorithm,
    "name twice": lambda: files("a", "a"),
    "parent": lambda: files("../net.json"),
    "parent inside": lambda: files("a/../../b"),
    "absolute": lambda: files("/etc/passwd"),
    "double slash": lambda: files("a//b"),
    "dot inside": lambda: files("a/./b"),
    "folder": lambda: files("a/"),
    "NUL": lambda: files("a\0b"),
    "dot beside others": lambda: files(".", "a"),
    "empty name": lambda: files(""),
}


@pytest.mark.parametrize("name", SIGNED)
def test_signed_lists_of_another_form_are_refused(name: str) -> None:
    """A signature that fits is no excuse: other predicates, paths that lead out, odd lists."""
    refused(SIGNED[name]())


@pytest.mark.parametrize(
    "changes", [{"method": "shards", "shard_size": 5}, {"hash_type": "blake3"}, {"method": "?"}]
)
def test_other_digests_decide_nothing(changes: dict[str, Any]) -> None:
    """Shards and other hashes are legal in the format; they are not read, with exit code 3."""
    with pytest.raises(SecureMnistError, match="which is not read") as error:
        opened(signature_of(FILES, **changes))
    assert error.value.exit_code == UNDECIDED
    one_sentence(error.value)


def test_unknown_keys_of_a_signed_list_are_ignored() -> None:
    """in-toto has readers ignore keys that they do not know, where a signature covers them."""
    table = {**predicate(FILES, more=1), "model_card": {"name": "x"}}
    table["resources"][0]["size"] = 1
    assert opened(signed_list(table, {"net": root(FILES)})).files == FILES


def test_a_signed_name_of_one_file_may_be_its_own(tmp_path: Path) -> None:
    """Where the only file has its own name, as some writers give it, the file has to have that name."""
    weights = write_model(tmp_path / "net") / "net.json"
    (tmp_path / "own.sig").write_bytes(signature_of({"net.json": FILES["net.json"]}))
    model_signature.verify(weights, tmp_path / "own.sig", key().public_key())
    renamed = weights.rename(tmp_path / "other.json")
    with pytest.raises(SignatureError):
        model_signature.verify(renamed, tmp_path / "own.sig", key().public_key())
