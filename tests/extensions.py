"""A project with the examples of docs/extending.md."""

from __future__ import annotations

import re
from pathlib import Path

from securemnist._util import resources

DOCS = (resources.ROOT / "docs" / "extending.md").read_text()
NETS = """
from securemnist.models import loading

def make():
    return loading.resolve("baseline").model
"""


def write_project(folder: Path) -> None:
    """The examples of the page, each in the file that the page names."""
    modules = re.findall(
        r"`((?:my_pkg|security_tests)/\w+\.py)`:\n\n```python\n(.*?)```", DOCS, re.S
    )
    settings, *rows = re.findall(r"```toml\n(.*?)```", DOCS, re.S)
    assert len(modules) == 4
    assert len(rows) == 2
    files = dict(modules) | {"pyproject.toml": settings, "my_pkg/nets.py": NETS}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "security_tests" / "thresholds.toml").write_text("\n".join(rows))
