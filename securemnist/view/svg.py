"""A small SVG drawing inside a page: a dozen shapes, written by hand.

Colours are roles, not values: each becomes a class that the style sheet colours. So a picture follows
the page from light to dark to paper, and a strict Content-Security-Policy allows it. Equal drawings give
equal text, whatever else is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from securemnist.sanitize import line

# Roles: what a colour means. The style sheet says what each looks like in either scheme.
INK, MUTED, LINE, GOOD, BAD, PAPER = "ink", "muted", "line", "good", "bad", "paper"

Point = tuple[float, float]
WIDTH = 340  # of a picture beside another one, in CSS pixels
LETTER = 6.4  # pixels of a letter of size 11, about


class Drawing:
    """Shapes on `width` x `height` CSS pixels, the origin at the top left."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._shapes: list[str] = []

    def rect(
        self, x: float, y: float, width: float, height: float, role: str, *, alpha: float = 1.0
    ) -> None:
        """A filled rectangle; one without an area is left out."""
        if width > 0 and height > 0:
            place = _attributes(x=x, y=y, width=width, height=height)
            self._shapes.append(f'<rect class="fill-{role}"{place}{_opacity(alpha)}/>')

    def image(self, x: float, y: float, width: float, height: float, uri: str) -> None:
        """A picture by its data URI, with its pixels as they are."""
        place = _attributes(x=x, y=y, width=width, height=height)
        self._shapes.append(
            f'<image href="{escape(uri)}"{place} preserveAspectRatio="none" '
            'image-rendering="pixelated"/>'
        )

    def lines(
        self, role: str, *lines: Iterable[Point], width: float = 1.0, dash: str = "",
        alpha: float = 1.0,
    ) -> None:  # fmt: skip
        """Open lines through their points, as one shape; `dash` as in SVG."""
        stroke = _attributes(stroke_width=width) + (f' stroke-dasharray="{dash}"' if dash else "")
        path = "".join(map(_path, lines))
        self._shapes.append(
            f'<path class="stroke-{role}" fill="none" d="{path}"{stroke}{_opacity(alpha)}/>'
        )

    def marked(
        self, points: Sequence[Point], role: str = INK, mark: str = "dot", *, width: float,
        size: float, dash: str = "",
    ) -> None:  # fmt: skip
        """A line with a marker at each of its points."""
        self.lines(role, points, width=width, dash=dash)
        for point in points:
            self.mark(*point, mark, role, size=size)

    def area(self, points: Iterable[Point], role: str, *, alpha: float = 1.0) -> None:
        """A filled shape whose outline goes through the points."""
        self._shapes.append(f'<path class="fill-{role}" d="{_path(points)}z"{_opacity(alpha)}/>')

    def mark(self, x: float, y: float, kind: str, role: str, *, size: float = 3.5) -> None:
        """A marker: `dot`, `square`, `triangle`, `diamond`; all of about the same weight."""
        if kind == "dot":
            self._shapes.append(f'<circle class="fill-{role}"{_attributes(cx=x, cy=y, r=size)}/>')
        else:
            self.area([(x + size * a, y + size * b) for a, b in _MARKS[kind]], role)

    def text(
        self, x: float, y: float, words: object, role: str = MUTED, *, size: float = 11,
        anchor: str = "start", bold: bool = False, halo: bool = False, vertical: bool = False,
    ) -> None:  # fmt: skip
        """One line of text; whatever the words are, they are only drawn.

        `halo`: readable on a line. `vertical`: upwards from the place.
        """
        extra = _attributes(font_size=size) + (' font-weight="600"' if bold else "")
        extra += f' text-anchor="{anchor}"' if anchor != "start" else ""
        detail = escape(line(words, 80))
        kind = f"fill-{role} halo" if halo else f"fill-{role}"
        place = _attributes(x=x, y=y)
        if vertical:
            place = f' transform="translate({_short(x)} {_short(y)}) rotate(-90)"'
        self._shapes.append(f'<text class="{kind}"{place}{extra}>{detail}</text>')

    def legend(self, x: float, kinds: Iterable[tuple[str, str, float]]) -> None:
        """A row of filled squares at the top, each with its name: name, role, opacity."""
        for name, role, alpha in kinds:
            self.rect(x, 3, 10, 10, role, alpha=alpha)
            self.text(x + 14, 12, name)
            x += 24 + 6.0 * len(name)

    def element(self, alt: str, description: str = "") -> str:
        """The drawing as an <svg> element whose name is `alt`; a long `description` may follow it."""
        size = (
            f'viewBox="0 0 {_short(self.width)} {_short(self.height)}" width="{_short(self.width)}"'
        )
        words = ""
        if description:
            detail = escape(line(description, 4_000))
            words = f"<title>{escape(alt)}</title><desc>{detail}</desc>"
        return f'<svg {size} role="img" aria-label="{escape(alt)}">{words}{"".join(self._shapes)}</svg>'

    def file(self, alt: str, style: str) -> bytes:
        """The drawing as a file of its own, with the style sheet that colours its roles."""
        inside = self.element(alt).removeprefix("<svg ")
        head, _, shapes = inside.partition(">")
        space = 'xmlns="http://www.w3.org/2000/svg"'
        return f"<svg {space} {head}><style>{style}</style>{shapes}\n".encode()


_MARKS: dict[str, tuple[Point, ...]] = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "triangle": ((0.0, -1.15), (1.1, 0.85), (-1.1, 0.85)),
    "diamond": ((0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)),
}
MARKS = ("dot", *_MARKS)


def _attributes(**numbers: float) -> str:
    return "".join(f' {name.replace("_", "-")}="{_short(n)}"' for name, n in numbers.items())


def _opacity(alpha: float) -> str:
    return "" if alpha == 1.0 else f' opacity="{_short(alpha)}"'


def _path(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points)


def _short(number: float) -> str:
    """Two decimals at most; a picture is no finer."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
