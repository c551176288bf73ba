"""The documentation agrees with the code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import securemnist
from benchmarks import api_page
from securemnist import measures
from securemnist._util import resources
from securemnist.cli import main as cli
from securemnist.results import policy
from securemnist.results.findings import Verdict
from securemnist.threats import THREATS, threats_of
from tests.commands import python
from tests.report import example

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


def test_the_page_of_threats_has_every_norm_with_its_eps() -> None:
    """The table of docs/concepts/threat.md has each norm, with its eps in the bundled policy."""
    used: dict[str, set[float]] = {norm: set() for norm in THREATS}
    for row in policy.load(resources.POLICY).requirements:
        for threat in threats_of(row.settings):
            used[threat.norm].add(threat.eps)
    page = (ROOT / "docs" / "concepts" / "threat.md").read_text()
    shown = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", page, re.MULTILINE))
    assert shown == {
        norm: ", ".join(f"{eps:g}" for eps in sorted(sizes)) or "none"
        for norm, sizes in used.items()
    }


def test_readme_example_policy_is_valid() -> None:
    """The README's example row can be judged, and so can the policy that the page of policies shows."""
    page = (ROOT / "docs" / "reference" / "policy.md").read_text()
    for text in (README, page):
        (code,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
        shown = policy.parse(code, "the example")
        measures.check_policy(shown)
    assert shown.data == policy.load(resources.POLICY).data


def run_the_example_in_python(page: str) -> None:
    """Run the Python block of the section of that name."""
    section = (ROOT / page).read_text().partition("\n## In Python\n")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    exec(compile(code, page, "exec"), {})  # noqa: S102 # our own text


def test_the_example_in_python_runs(cwd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The README's Python example runs as it is printed, and prints what it says."""
    run_the_example_in_python("README.md")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("0.")
    assert "torch.Size([100, 1, 28, 28])" in shown[1]
    assert shown[-1] == "0"
    assert (cwd / "reports" / "index.html").is_file()


def test_the_example_with_other_images_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The Python example of docs/data.md measures a network for 8x8 digits."""
    run_the_example_in_python("docs/data.md")
    assert "n=500" in capsys.readouterr().out


def test_the_page_of_the_library_is_made_of_its_docstrings() -> None:
    """docs/api.md is what `python -m benchmarks.api_page` writes."""
    assert api_page.PAGE.read_text() == api_page.render()


BLOCKED = """
import sys
allowed = set({allowed!r}) | set(sys.stdlib_module_names) | {{"securemnist", "__main__"}}

class Block:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and not top.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"not installed: {{name}}", name=name)

sys.meta_path.insert(0, Block())
from securemnist.cli import main
main(sys.argv[1:], prog_name="securemnist")
"""
# What the listed packages need themselves.
NEEDED = {"annotated_types", "markdown_it", "mdurl", "pydantic_core", "pygments"}
NEEDED |= {"typing_extensions", "typing_inspection"}


def test_the_list_without_torch_is_enough(tmp_path: Path) -> None:
    """With the packages that docs/report.md lists, and no other, results are read and compared."""
    page = (ROOT / "docs" / "report.md").read_text()
    listed = re.findall(r"^pip install ([a-z0-9 ]+)$", page, re.MULTILINE)[0].split()
    program = BLOCKED.format(allowed=sorted({*listed, *NEEDED}))
    packages = {"securemnist": securemnist.__version__}
    assessment = example.assessment(environment={"packages": packages})
    (tmp_path / "assessment.json").write_bytes(assessment.dumps())
    for words, code in (
        ("report assessment.json --out reports", 0),
        ("compare assessment.json assessment.json --same-model --out reports", None),
        ("history add assessment.json --file record.jsonl", 0),
        ("history page --file record.jsonl --out reports", 0),
    ):
        done = python(tmp_path, "-c", program, *words.split())
        assert "not installed" not in done.stderr
        assert done.returncode in ({code} if code is not None else {0, 1, 3}), done.stderr
    for name in ("index.html", "compare.html", "history.html"):
        assert (tmp_path / "reports" / name).is_file()


def test_no_local_paths_or_indexes_in_tracked_files() -> None:
    """No tracked text names a home folder or a package index."""
    pattern = r"(/root/|/home/[a-z]|extra-index-url|--index-url)"
    command = ["git", "grep", "-nIE", pattern, "--", ".", ":!tests/test_docs.py"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert found.stdout == ""
