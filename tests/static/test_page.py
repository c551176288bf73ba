"""docs/static.md agrees with the package."""

from __future__ import annotations

import re

import pytest
import yaml

from securemnist._util import resources
from securemnist.measures.static_gate import StaticSettings
from securemnist.results import policy
from tests.static.conftest import CLEAN, Write

PAGE = (resources.ROOT / "docs" / "static.md").read_text()


def test_docs_list_every_rule() -> None:
    """The table of rules holds each rule of the package, and no other."""
    texts = [path.read_text() for path in resources.RULES.glob("*.yaml")]
    known = {rule["id"] for text in texts for rule in yaml.safe_load(text)["rules"]}
    assert set(re.findall(r"^\| `([a-z]+(?:-[a-z]+)+)` \|", PAGE, re.MULTILINE)) == known


def test_docs_list_every_setting() -> None:
    """The table of settings holds each setting of the measure."""
    table = PAGE[PAGE.index("| setting |") : PAGE.index("Hidden folders")]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(
        StaticSettings.model_fields
    )


def test_docs_example_is_valid(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row in the page can be judged."""
    from securemnist.measures import check_policy

    write({"src/a.py": CLEAN, "serve.py": CLEAN})
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    check_policy(policy.parse(text, "docs/static.md"))
