"""A matplotlib drawing as an SVG element that lives inside the page.

matplotlib writes colours into `style` attributes, which a strict Content-Security-Policy forbids
and which know one colour scheme only. Here they become classes that the style sheet colours, so
that a picture follows the page from light to dark to paper. Equal drawings give equal text.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours that stand for a role; the style sheet says what each looks like in either scheme.
INK, MUTED, LINE, GOOD, BAD, PAPER = (f"#00000{n}" for n in range(1, 7))
_ROLES = {INK: "ink", MUTED: "muted", LINE: "line", GOOD: "good", BAD: "bad", PAPER: "paper"}

_RC: dict[Any, Any] = {
    "svg.hashsalt": "securemnist",
    "svg.fonttype": "none",
    "text.parse_math": False,  # stage names come from outside: "$" is a character
    "font.size": 11,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}

Box = tuple[float, float, float, float]


def draw(paint: Callable[[Axes], None], *, size: tuple[int, int], box: Box, alt: str) -> str:
    """`paint` on one set of axes; `size` in CSS pixels, `box` its left, bottom, width, height."""
    import matplotlib
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # The page's fonts are used, not matplotlib's: what its own lack does not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=72)
        figure.patch.set_visible(False)
        paint(figure.add_axes(box))
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    return _element(buffer.getvalue(), size, alt)


def _element(document: str, size: tuple[int, int], alt: str) -> str:
    """The inside of an SVG document as an element; matplotlib escapes every < and > of a text."""
    inside = document[document.index("<svg") :]
    inside = inside[inside.index(">") + 1 : inside.rindex("</svg>")]
    shapes = dict(re.findall(r'<path id="(m\w+)" d="([^"]*)"', inside))
    inside = re.sub(r"<(defs|metadata)>.*?</\1>|<!--.*?-->|</?g\b[^>]*>", "", inside, flags=re.S)
    inside = re.sub(r"<[^>]+>", lambda tag: _tag(tag[0], shapes), re.sub(r"\n *", "", inside))
    frame = f'viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}"'
    return f'<svg {frame} role="img" aria-label="{escape(alt)}">{inside}</svg>'


def _tag(tag: str, shapes: dict[str, str]) -> str:
    """One tag without ids (a page has many pictures), long numbers and style attributes."""
    use = re.fullmatch(r'<use xlink:href="#(\w+)" x="([^"]*)" y="([^"]*)"([^>]*)/>', tag, re.S)
    if use:
        tag = f'<path d="{shapes[use[1]]}" transform="translate({use[2]} {use[3]})"{use[4]}/>'
    tag = re.sub(r' (?:id|clip-path)="[^"]*"| transform="rotate\(-0 [^"]*"', "", tag)
    tag = re.sub(r"(\.\d\d)\d+", r"\1", tag.replace("\n", ""))
    return re.sub(r' style="([^"]*)"', lambda style: attributes(style[1]), tag)


def attributes(style: str) -> str:
    """Declarations as presentation attributes, which no style policy minds, and classes."""
    classes = []
    written = []
    for declaration in filter(None, (part.strip() for part in style.split(";"))):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key in ("fill", "stroke") and value in _ROLES:
            classes.append(f"{key}-{_ROLES[value]}")
        elif key == "font":
            written += _font(value)
        elif key == "font-size":
            written.append(f' font-size="{value.removesuffix("px")}"')
        elif key in ("fill", "fill-opacity", "opacity", "stroke-width", "stroke-dasharray",
                     "stroke-opacity", "stroke-linecap", "text-anchor"):  # fmt: skip
            written.append(f' {key}="{value}"')
    return (f' class="{" ".join(classes)}"' if classes else "") + "".join(written)


def _font(value: str) -> list[str]:
    """Size and weight of a font shorthand; the family is the page's."""
    size = re.search(r"([\d.]+)px", value)
    weight = re.search(r"\b(bold|[5-9]00)\b", value)
    return [f' font-size="{size[1]}"' if size else "", ' font-weight="600"' if weight else ""]
