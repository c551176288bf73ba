"""The models that `securemnist serve` shows on the page without options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from securemnist.cli import main
from securemnist.errors import UsageError


@pytest.mark.parametrize(
    ("options", "specs"),
    [
        ([], ("certified", "hardened", "baseline")),
        (["--model", "baseline"], ("baseline",)),
        (["--beside", "network_c"], ("certified", "network_c")),
        (["--model", "hardened", "--beside", "baseline"], ("hardened", "baseline")),
    ],
)
def test_models_beside_the_default(
    options: list[str], specs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without options two models stand beside the default one; a chosen model stands alone."""
    asked: list[tuple[str, ...]] = []

    def hosted(specs: tuple[str, ...], *_: Any) -> None:
        asked.append(tuple(specs))
        raise UsageError("expected a start, got the end of the test")

    monkeypatch.setattr("securemnist.serve.hosting.hosted", hosted)
    monkeypatch.setattr("securemnist.data.load", lambda _folder: None)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["serve", *options]).exit_code == 2
    assert asked == [specs]
