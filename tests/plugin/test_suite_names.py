"""How the scope of a report names suites."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from securemnist._util import resources
from securemnist.plugin.collection import _suite_name


@pytest.mark.parametrize("installed", [".nox/security/lib/securemnist/_bundled", "../elsewhere"])
def test_the_bundled_suites_have_one_name_wherever_the_package_lies(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment inside the project adds no path to the scope; other suites keep theirs."""
    project, suites = tmp_path / "project", tmp_path / "project" / installed / "security_tests"
    monkeypatch.setattr(resources, "SUITES", suites)
    config: Any = SimpleNamespace(rootpath=project, invocation_params=SimpleNamespace(dir=project))
    assert _suite_name(str(suites), config) == "security_tests"
    assert _suite_name("own/test_it.py::test_one", config) == "own/test_it.py::test_one"
