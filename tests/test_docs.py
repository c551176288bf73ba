"""The documentation agrees with the code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from securemnist import measures
from securemnist._util import resources
from securemnist.cli import main as cli
from securemnist.results import policy
from securemnist.results.findings import Verdict

ROOT = resources.ROOT
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_exist(page: Path) -> None:
    """Every relative link and picture of a page exists."""
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


def test_readme_shows_every_command() -> None:
    """Each command of the command line is shown, and no other."""
    shown = set(re.findall(r"^securemnist (\w+)", README, re.MULTILINE))
    assert shown == set(cli.list_commands(None))


def test_readme_explains_every_verdict() -> None:
    """The README's table names the five verdicts."""
    for verdict in Verdict:
        assert f"| {verdict} |" in README


def test_readme_lists_every_row_of_the_policy() -> None:
    """The README's table of families names every row of the bundled policy, in its family."""
    for row in policy.load(resources.POLICY).requirements:
        family = measures.MEASURES[row.measure].family.name
        assert re.search(rf"^\| `{family}` \|.*\b{row.id}\b", README, re.MULTILINE), row.id


def test_readme_example_policy_is_valid() -> None:
    """The README's example row can be judged, with the keys shown above the rows."""
    row, above = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    shown = policy.parse(above + row, "README")
    measures.check_policy(shown)
    assert shown.data == policy.load(resources.POLICY).data


def test_no_local_paths_or_indexes_in_tracked_files() -> None:
    """No tracked text names a home folder or a package index."""
    pattern = r"(/root/|/home/[a-z]|extra-index-url|--index-url)"
    command = ["git", "grep", "-nIE", pattern, "--", ".", ":!tests/test_docs.py"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == ""
