"""Links and addresses of a built site, read from its HTML and style sheets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Elements whose address a browser fetches by itself; it follows a link only when it is clicked.
_FETCHED = {"script", "img", "link", "iframe", "source", "video", "audio", "object", "embed"}
_FETCHED_RELATIONS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch"}
_URL_IN_CSS = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])((?:https?:)?//[^'\")]+)")


class _Page(HTMLParser):
    """Ids, links, and addresses that are fetched, of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        address = values.get("src") or values.get("href") or values.get("data") or ""
        if not address:
            return
        self.links.append(address)
        relations = set(values.get("rel", "").split())
        if tag in _FETCHED and (tag != "link" or relations & _FETCHED_RELATIONS):
            self.fetched.append(address)


def problems(site: Path) -> list[str]:
    """One line for each broken link, missing anchor, and address of another host that is fetched."""
    pages = {path: _Page(path.read_text()) for path in sorted(site.rglob("*.html"))}
    found = [line for path in pages for line in _of_page(site, path, pages)]
    for path in sorted(site.rglob("*.css")):
        found += [_foreign(site, path, url) for url in _URL_IN_CSS.findall(path.read_text())]
    return found


def _of_page(site: Path, path: Path, pages: dict[Path, _Page]) -> Iterator[str]:
    for address in pages[path].fetched:
        if urlsplit(address).netloc:
            yield _foreign(site, path, address)
    for address in pages[path].links:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or path.name == "404.html":
            continue  # the page for a missing address knows no folder that it is in
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        target = target / "index.html" if target.is_dir() else target
        if not target.is_relative_to(site.resolve()) or not target.is_file():
            yield f"{path.relative_to(site)}: expected a page or file, got {address}; fix the link"
        elif parts.fragment and target in pages and parts.fragment not in pages[target].ids:
            yield f"{path.relative_to(site)}: expected an anchor, got {address}; fix the link"


def _foreign(site: Path, path: Path, address: str) -> str:
    return f"{path.relative_to(site)}: expected files of the site alone, got {address}; remove it"
