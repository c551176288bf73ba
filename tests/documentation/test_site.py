"""The documentation site: complete, strict, and without a request to another host."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.documentation import site as builder

ROOT = builder.ROOT
CONFIG = '[project]\nsite_name = "x"\ndocs_dir = "pages"\nuse_directory_urls = false\n'
CONFIG += "{nav}[project.theme]\nfont = false\n"


def pages_of(entry: Any) -> Iterator[str]:
    """The pages of an entry of the navigation."""
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, list):
        for one in entry:
            yield from pages_of(one)
    else:
        for one in entry.values():
            yield from pages_of(one)


def test_the_site_has_every_page(site: Path) -> None:
    """Each page of the navigation is a page of the site, and each page of docs is in the navigation."""
    nav = tomllib.loads((ROOT / builder.CONFIG).read_text())["project"]["nav"]
    listed = list(pages_of(nav))
    sources = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.ipynb")]
    written = {path.relative_to(ROOT).with_suffix(".md").as_posix() for path in sources}
    beside = {"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}
    assert set(listed) == written | beside
    assert len(listed) == len(set(listed))
    for name in listed:
        page = "index.html" if name == "README.md" else name.replace(".md", ".html")
        assert (site / page).is_file(), name


def test_the_site_names_no_font_and_no_script_of_another_host(site: Path) -> None:
    """Neither pages nor style sheets contain the addresses that themes usually load."""
    hosts = ("fonts.googleapis", "fonts.gstatic", "unpkg.com", "cdn.jsdelivr", "cdnjs")
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(files) > 30
    assert [path for path in files for host in hosts if host in path.read_text()] == []


def write(root: Path, page: str, nav: str = "", config: str = CONFIG) -> Path:
    """A checkout with a README, one page of docs and a navigation."""
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "a.md").write_text(page)
    (root / "README.md").write_text("# Home\n\n## Part\n\n[a](docs/a.md)\n")
    (root / builder.CONFIG).write_text(config.format(nav=nav))
    return root


def test_links_between_docs_and_readme_are_pages(tmp_path: Path) -> None:
    """A link from docs to a part of the README is a link of the site."""
    root = write(tmp_path / "root", "# A\n\n[part](../README.md#part), [itself](#a)\n")
    builder.build(tmp_path / "site", root)
    assert 'href="../index.html#part"' in (tmp_path / "site" / "docs" / "a.html").read_text()


@pytest.mark.parametrize(
    ("page", "nav", "found"),
    [
        pytest.param("[x](b.md)", "", "a.md", id="page"),
        pytest.param("[x](../README.md#nothing)", "", "anchor", id="anchor"),
        pytest.param("[x](b.toml)", "", "b.toml", id="file"),
        pytest.param("![x](https://example.org/x.png)", "", "example.org", id="picture"),
        pytest.param('<script src="//example.org/x.js"></script>', "", "example.org", id="script"),
        pytest.param("# A", 'nav = ["README.md", "docs/b.md"]\n', "b.md", id="navigation"),
    ],
)
def test_a_fault_ends_the_build(tmp_path: Path, page: str, nav: str, found: str) -> None:
    """A missing page, anchor or file, or an address of another host, is named; nothing is written."""
    root = write(tmp_path / "root", page, nav)
    with pytest.raises(builder.SiteError, match=found):
        builder.build(tmp_path / "site", root)
    assert not (tmp_path / "site").exists()


def test_a_folder_of_other_files_is_not_replaced(tmp_path: Path) -> None:
    """The command refuses a folder that holds no site."""
    (tmp_path / "letters.txt").write_text("mine")
    command = [sys.executable, "-m", "benchmarks.documentation.site", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "expected a site or no folder" in done.stderr
    assert (tmp_path / "letters.txt").read_text() == "mine"
