"""The marked parts of a model card: they are written anew, all other bytes stay as they are.

Two lines mark a part: `# securemnist:begin` and `# securemnist:end` in the front matter, and
`<!-- securemnist:begin -->` and `<!-- securemnist:end -->` in the Markdown below it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from securemnist.errors import UsageError

FRONT = ("# securemnist:begin", "# securemnist:end")
BODY = ("<!-- securemnist:begin -->", "<!-- securemnist:end -->")
_FENCE = re.compile(rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n")
_END = re.compile(rb"^---[ \t]*\r?$", re.MULTILINE)
_KEY = re.compile(rb"^[\"']?([A-Za-z][\w-]*)[\"']?[ \t]*:", re.MULTILINE)


@dataclass(frozen=True)
class Card:
    """A file with its marked parts; `front` is None where it has no front matter.

    A part has the lines between its markers. `keys`: those of the front matter outside the markers.
    """

    content: bytes
    front: slice | None
    body: slice
    keys: frozenset[str]

    def filled(self, front: Callable[[frozenset[str]], str], body: str) -> bytes:
        """The file with both parts written anew; `front` gets the keys that stand outside of it."""
        content = bytearray(self.content)
        content[self.body] = body.encode()
        if self.front is not None:  # which is above, so that its place is still the same
            content[self.front] = front(self.keys).encode()
        return bytes(content)


def read(content: bytes, path: str) -> Card:
    """The marked parts of a file; UsageError in one sentence where they cannot be found for certain."""
    cut = _front_matter(content, path)
    body = _part(content, cut, len(content), BODY, f"{path}: ")
    if not cut:
        return Card(content, None, body, frozenset())
    front = _part(content, 0, cut, FRONT, f"{path}, front matter: ")
    outside = content[: front.start], content[front.stop : cut]
    keys = frozenset(key.decode() for text in outside for key in _KEY.findall(text))
    if "model-index" in keys:
        raise UsageError(
            f"{path}, front matter: expected `model-index` between its markers only, got it outside, "
            "too; remove that one"
        )
    return Card(content, front, body, keys)


def _front_matter(content: bytes, path: str) -> int:
    """Where the YAML at the top of the file ends; 0 without any."""
    opening = _FENCE.match(content)
    if opening is None:
        return 0
    closing = _END.search(content, opening.end())
    if closing is None:
        raise UsageError(f"{path}: expected front matter that ends with ---, got no end; add it")
    return closing.start()


def _part(content: bytes, start: int, stop: int, markers: tuple[str, str], where: str) -> slice:
    """The part between the two lines that mark it; each has to be there once, in this order."""
    found = [_lines(content, start, stop, marker) for marker in markers]
    if [len(places) for places in found] != [1, 1] or found[0][0].end() > found[1][0].start():
        begins, ends = map(len, found)
        got = "the end before the begin" if begins == ends == 1 else f"{begins} and {ends}"
        raise UsageError(
            f"{where}expected the lines `{markers[0]}` and `{markers[1]}` once each, in this order, "
            f"got {got}; add them where the results belong, or name another file"
        )
    return slice(found[0][0].end(), found[1][0].start())


def _lines(content: bytes, start: int, stop: int, marker: str) -> list[re.Match[bytes]]:
    pattern = rb"^%s[ \t]*\r?(?:\n|\Z)" % re.escape(marker.encode())
    return list(re.compile(pattern, re.MULTILINE).finditer(content, start, stop))
