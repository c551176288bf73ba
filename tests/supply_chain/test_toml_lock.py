"""Locks in TOML: uv.lock and pylock.toml, whole and with one part changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.supply_chain import toml_lock
from securemnist.supply_chain.lock import Lock

HASH = "0123456789abcdef" * 4
UV = f"""
version = 1
requires-python = ">=3.11"

[[package]]
name = "mine"
version = "0.1.0"
source = {{ editable = "." }}

[[package]]
name = "Num_Py"
version = "2.4.6"
source = {{ registry = "https://example.org/simple" }}
sdist = {{ url = "https://example.org/n.tar.gz", hash = "sha256:{HASH}", size = 1 }}
wheels = [
    {{ url = "https://example.org/n.whl", hash = "sha256:{HASH}", size = 1 }},
]
"""
PEP = f"""
lock-version = "1.0"
created-by = "hand"

[[packages]]
name = "mine"
directory = {{ path = ".", editable = true }}

[[packages]]
name = "num-py"
version = "2.4.6"
wheels = [
    {{ name = "n.whl", url = "https://example.org/n.whl", hashes = {{ sha256 = "{HASH}" }} }},
]
"""


def read(folder: Path, name: str, text: str) -> Lock:
    """The lock of this text."""
    (folder / name).write_text(text)
    return toml_lock.read(folder, name)


@pytest.mark.parametrize(("name", "text"), [("uv.lock", UV), ("pylock.toml", PEP)])
def test_a_whole_lock_holds(tmp_path: Path, name: str, text: str) -> None:
    """The package is pinned under its normalised name, and the project itself is none."""
    lock = read(tmp_path, name, text)
    assert [(pin.name, pin.version) for pin in lock.pins] == [("num-py", "2.4.6")]
    assert [check.holds for check in lock.checks] == [True]


@pytest.mark.parametrize(
    ("name", "text", "old", "new", "found"),
    [
        ("uv.lock", UV, f'hash = "sha256:{HASH}", ', "", "2 of 2 files"),
        (
            "uv.lock",
            UV,
            f'whl", hash = "sha256:{HASH}"',
            f'whl", hash = "md5:{HASH}"',
            "1 of 2 files",
        ),
        ("uv.lock", UV, "registry =", "git =", "no package index (git)"),
        ("uv.lock", UV, "registry =", "url =", "no package index (url)"),
        ("uv.lock", UV, 'editable = "."', 'editable = "../other"', "no package index (editable)"),
        ("uv.lock", UV, 'version = "2.4.6"', "", "no version"),
        pytest.param("uv.lock", UV, "2.4.6", "9" * 5000, "no version", id="digits"),
        ("uv.lock", UV, 'name = "Num_Py"', "", "a package without a name"),
        ("uv.lock", UV, "Num_Py", "a b", "a package without a name"),
        ("uv.lock", UV, "[[package]]", "[[packages]]", "no packages"),
        ("uv.lock", UV, "version = 1", "version = ", "Invalid value"),
        ("pylock.toml", PEP, HASH, HASH[1:], "1 of 1 files"),
        ("pylock.toml", PEP, "wheels =", "other =", "no files"),
        ("pylock.toml", PEP, "wheels = [", 'vcs = { type = "git" }\nwheels = [', "index (vcs)"),
        ("pylock.toml", PEP, "wheels = [", "archive = { }\nwheels = [", "index (archive)"),
        ("pylock.toml", PEP, 'path = "."', 'path = "../other"', "index (directory)"),
        ("pylock.toml", PEP, '"1.0"', '"2.0"', "lock-version 2.0"),
    ],
)
def test_a_changed_lock_does_not_hold(
    tmp_path: Path, name: str, text: str, old: str, new: str, found: str
) -> None:
    """Each part that fixes a file is needed, and its absence is named."""
    assert old in text
    lock = read(tmp_path, name, text.replace(old, new))
    assert [check.found for check in lock.checks if not check.holds and found in check.found]


def test_a_missing_lock_does_not_hold(tmp_path: Path) -> None:
    """A file that is named but absent is a check that does not hold."""
    (check,) = toml_lock.read(tmp_path, "uv.lock").checks
    assert not check.holds


def test_two_lists_of_packages_do_not_hold(tmp_path: Path) -> None:
    """A file with the lists of both formats is refused: each installer reads its own."""
    head = UV.replace("version = 1", 'lock-version = "1.0"', 1)
    (tmp_path / "uv.lock").write_text(head + PEP.split("\n", 3)[3])
    lock = toml_lock.read(tmp_path, "uv.lock")
    assert [(check.name, check.holds) for check in lock.checks] == [("uv.lock", False)]


@pytest.mark.parametrize(
    ("name", "line", "applies"),
    [
        ("uv.lock", """resolution-markers = ["python_version < '3'"]""", False),
        ("uv.lock", """resolution-markers = ["python_version < '3'", "python_version > '3'"]""", True),
        ("pylock.toml", """marker = "python_version < '3'\"""", False),
        ("pylock.toml", """marker = "python_version > '3'\"""", True),
        ("pylock.toml", """marker = "'dev' in dependency_groups\"""", True),
        ("pylock.toml", """marker = "no marker\"""", False),
    ],
)  # fmt: skip
def test_a_marker_says_where_a_pin_applies(
    tmp_path: Path, name: str, line: str, applies: bool
) -> None:
    """A package that the lock has for other platforms only is no pin here."""
    text = UV if name == "uv.lock" else PEP
    (tmp_path / name).write_text(text.replace('version = "2.4.6"', f'version = "2.4.6"\n{line}'))
    assert [pin.applies for pin in toml_lock.read(tmp_path, name).pins] == [applies]


def test_packages_of_a_lock_are_bounded(tmp_path: Path) -> None:
    """A lock of more packages than any project has is refused as a whole."""
    text = '[[package]]\nname = "a"\n' * 10_001
    assert [check.holds for check in read(tmp_path, "uv.lock", text).checks] == [False]


@pytest.mark.parametrize(
    ("name", "text", "own", "added"),
    [
        ("uv.lock", UV, 'source = { editable = "." }', 'directory = { path = "." }'),
        (
            "pylock.toml",
            PEP,
            'directory = { path = ".", editable = true }',
            'source = { virtual = "." }',
        ),
        ("pylock.toml", PEP, "", 'vcs = { type = "git", url = "https://example.org/n" }'),
    ],
)
def test_only_the_source_of_the_own_form_is_the_project(
    tmp_path: Path, name: str, text: str, own: str, added: str
) -> None:
    """An installer ignores keys of the other form: they excuse no package from hashes.

    Neither does the path of the project beside another source.
    """
    old = own or "directory ="
    lock = read(tmp_path, name, text.replace(old, added if own else f"{added}\n{old}"))
    assert [check.holds for check in lock.checks] == [False, True]


@pytest.mark.parametrize(
    ("name", "text", "key", "added"),
    [
        ("uv.lock", UV, "url =", f'hashes = {{ sha256 = "{"b" * 64}" }}, '),
        ("pylock.toml", PEP, "url =", f'hash = "sha256:{"b" * 64}", '),
    ],
)
def test_a_digest_of_the_other_form_admits_no_file(
    tmp_path: Path, name: str, text: str, key: str, added: str
) -> None:
    """What is installed may have the digests that an installer checks, and no others."""
    (pin,) = read(tmp_path, name, text.replace(key, added + key)).pins
    assert pin.digests == {HASH}
