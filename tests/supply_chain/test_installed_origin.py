"""Installed dependencies: one from an address, a repository or a folder is not the pinned file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from securemnist.supply_chain import pinned

HASH, OTHER = "a" * 64, "b" * 64
WHEEL = "https://example.org/pinned_one-1.0-py3-none-any.whl"
Install = Callable[[Any], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs `pinned-one` 1.0 with this record of where it comes from (PEP 610), or none."""
    folder = tmp_path / "packages" / "pinned_one-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: pinned-one\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(folder.parent)

    def write(origin: Any) -> None:
        text = origin if isinstance(origin, str) else json.dumps(origin)
        (folder / "direct_url.json").write_text(text)

    return write


def wrong(tmp_path: Path, digest: str = HASH) -> list[str]:
    """What does not hold for a project that pins the package; the same by a lock of each form."""
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    (project / "pyproject.toml").write_text('[project]\nname = "m"\ndependencies = ["pinned-one"]')
    (project / "requirements.txt").write_text(f"pinned-one==1.0 --hash=sha256:{digest}\n")
    (project / "uv.lock").write_text(
        '[[package]]\nname = "pinned-one"\nversion = "1.0"\nsource = { registry = "https://a" }\n'
        f'wheels = [{{ url = "{WHEEL}", hash = "sha256:{digest}" }}]\n'
    )
    (project / "pylock.toml").write_text(
        'lock-version = "1.0"\n[[packages]]\nname = "pinned-one"\nversion = "1.0"\n'
        f'wheels = [{{ url = "{WHEEL}", hashes = {{ sha256 = "{digest}" }} }}]\n'
    )
    checks = [
        pinned.checks(project, [name]) for name in ("requirements.txt", "uv.lock", "pylock.toml")
    ]
    found = [[f"{one.place}: {one.found}" for one in by if not one.holds] for by in checks]
    assert found[0] == found[1] == found[2]
    return found[0]


def test_a_package_of_an_index_is_the_pinned_one(install: Install, tmp_path: Path) -> None:
    """A package from an index has no record of an address; a wheel with a pinned hash is that file."""
    assert wrong(tmp_path) == []
    for info in ({"hashes": {"sha256": HASH}}, {"hash": f"sha256={HASH}"}):
        install({"url": WHEEL, "archive_info": info})
        assert wrong(tmp_path) == []
        assert wrong(tmp_path, OTHER) == [f"installed: 1.0, from {WHEEL}"]


@pytest.mark.parametrize(
    "origin",
    [
        {"url": WHEEL, "vcs_info": {"vcs": "git", "commit_id": HASH}},
        {"url": WHEEL, "dir_info": {"editable": True}},
        {"url": WHEEL, "dir_info": {}},
        {"url": WHEEL, "archive_info": {}},
        {"url": WHEEL, "archive_info": {"hashes": {"md5": HASH}}},
        {"url": WHEEL, "archive_info": {"hashes": {"sha256": HASH}}, "vcs_info": {}},
        {"url": WHEEL, "archive_info": {"hashes": [HASH]}},
        {"url": WHEEL},
    ],
    ids=str,
)
def test_another_origin_does_not_hold(install: Install, tmp_path: Path, origin: Any) -> None:
    """A repository, a folder and a file without a pinned hash may hold any code of that version."""
    install(origin)
    assert wrong(tmp_path) == [f"installed: 1.0, from {WHEEL}"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": 5}'])
def test_an_unread_origin_does_not_hold(install: Install, tmp_path: Path, text: str) -> None:
    """A record that cannot be read says nothing of the package."""
    install(text)
    assert wrong(tmp_path) == ["installed: 1.0, from an unknown place"]
