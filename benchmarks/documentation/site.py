"""The documentation site: `python -m benchmarks.documentation.site OUT` builds it, strictly and offline.

Zensical reads a copy of docs/ and of the pages beside it, so that links between them are links of the
site. A warning of Zensical, a broken link of the result, or an address of another host ends the build.
"""

from __future__ import annotations

import re
import shutil
import subprocess  # nosec B404 # our own build
import sys
import tempfile
from pathlib import Path

from benchmarks.documentation import links, notebook

ROOT = Path(__file__).parents[2]
CONFIG = "zensical.toml"
_BESIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE")
_MOST_SECONDS = 120
_CODE = re.compile("(?<=<code>)[^<]+(?=</code>)")
_OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")


class SiteError(Exception):
    """The site cannot be built: one line for each problem."""


def build(out: Path, root: Path = ROOT) -> None:
    """Build the pages of `root` into the folder `out`, which is replaced; SiteError for any problem."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(root / CONFIG, folder)
        shutil.copytree(root / "docs", folder / "pages" / "docs")
        for page in _BESIDE:
            if (root / page).is_file():
                shutil.copy(root / page, folder / "pages")
        _convert_notebooks(folder / "pages")
        _run(folder)
        _mark_options(folder / "site")
        problems = links.problems(folder / "site")
        if problems:
            raise SiteError("\n".join(problems))
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(folder / "site", out)


def _convert_notebooks(pages: Path) -> None:
    """Each notebook becomes a page, and links to it lead there."""
    for path in sorted(pages.rglob("*.ipynb")):
        try:
            notebook.convert(path)
        except (ValueError, KeyError) as error:
            raise SiteError(f"{path.relative_to(pages)}: {error}") from error
        path.unlink()
        for page in pages.rglob("*.md"):
            text = page.read_text(encoding="utf-8")
            page.write_text(text.replace(path.name, f"{path.stem}.md"), encoding="utf-8")


def _mark_options(site: Path) -> None:
    """Options in code get a class, so that the style sheet can keep each on one line."""
    for path in site.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        path.write_text(_CODE.sub(_marked, page), encoding="utf-8")


def _marked(code: re.Match[str]) -> str:
    return _OPTION.sub(r'<span class="option">\g<0></span>', code[0])


def _run(folder: Path) -> None:
    """`zensical build --strict` in the folder."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(  # nosec B603 # a fixed list, no shell
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_MOST_SECONDS,
    )
    if done.returncode:
        raise SiteError(_COLOUR.sub("", done.stdout.partition("Traceback")[0]).strip())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(
            "expected the folder for the site, as in python -m benchmarks.documentation.site site"
        )
    target = Path(sys.argv[1])
    if target.exists() and not (target / "sitemap.xml").is_file():
        sys.exit(f"{target}: expected a site or no folder, got something else; name another folder")
    try:
        build(target)
    except SiteError as error:
        sys.exit(f"{error}\nexpected pages without a warning or broken link; fix them")
    print(f"{target / 'index.html'}")
