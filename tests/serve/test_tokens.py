"""Tokens: what is stored, and what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.errors import UsageError
from securemnist.serve import tokens
from securemnist.serve.tokens import Token, Tokens


def test_only_hashes_are_stored(tmp_path: Path) -> None:
    """The file holds no secret, is readable by its owner only, and loads again."""
    path = tmp_path / "tokens.json"
    token, secret = Token.new("alice")
    tokens.save(path, [token])
    assert secret.partition(".")[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert tokens.load(path) == {"alice": token}


def test_owner() -> None:
    """A token has its owner; a wrong secret, an unknown name and another's secret have none."""
    (alice, first), (bob, second) = Token.new("alice"), Token.new("bob")
    known = Tokens([alice, bob])
    assert (known.owner(first), known.owner(second)) == ("alice", "bob")
    mixed = f"alice.{second.partition('.')[2]}"
    for wrong in (
        "",
        ".",
        "alice",
        "alice.",
        first[:-1],
        first + "x",
        mixed,
        "\udcff.\udcff",
        ".x",
    ):
        assert known.owner(wrong) is None


def test_equal_secrets_differ_in_the_file() -> None:
    """Each token has its own salt."""
    one, other = Token.new("alice")[0], Token.new("alice")[0]
    assert one.salt != other.salt


@pytest.mark.parametrize("name", ["", "Alice", "a b", "-a", "a" * 33, "ä", "a.b"])
def test_malformed_names(name: str) -> None:
    """A name that a header or a record could not hold is refused."""
    with pytest.raises(UsageError, match="expected a name"):
        Token.new(name)


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"a": 1}', '{"a": {"salt": "x", "sha256": "y"}}', '{"A b": {}}', '{"a": {}}{'],
)
def test_malformed_files(tmp_path: Path, content: str) -> None:
    """A malformed file of tokens is refused in one sentence."""
    path = tmp_path / "tokens.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="expected"):
        tokens.load(path)


def test_missing_file(tmp_path: Path) -> None:
    """A missing file of tokens is refused with the command that writes one."""
    with pytest.raises(UsageError, match="token add"):
        tokens.load(tmp_path / "none.json")
