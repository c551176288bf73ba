"""A drawing as a file of its own: title, description, a background, and colours for either scheme."""

from __future__ import annotations

from html import escape

from securemnist.view.svg import Drawing

# The report's colours. The background is part of the picture, so that it can be read on any page.
_LIGHT = {"ink": "#1b1f24", "muted": "#57606a", "line": "#d0d7de", "good": "#116d4e",
          "bad": "#b3261e", "paper": "#ffffff"}  # fmt: skip
_DARK = {"ink": "#e6edf3", "muted": "#9aa4ae", "line": "#3b434c", "good": "#5fd1a5",
         "bad": "#ff9a8d", "paper": "#14181d"}  # fmt: skip


def _colours(scheme: dict[str, str]) -> str:
    return "".join(f".fill-{r}{{fill:{c}}}.stroke-{r}{{stroke:{c}}}" for r, c in scheme.items())


_STYLE = (
    "text{font-family:system-ui,sans-serif}"
    ".halo{paint-order:stroke;stroke-width:4px;stroke-linejoin:round;stroke:#ffffff}"
    f"{_colours(_LIGHT)}@media(prefers-color-scheme:dark){{.halo{{stroke:#14181d}}{_colours(_DARK)}}}"
)


def file(drawing: Drawing, title: str, description: str) -> bytes:
    """The drawing as an SVG file; equal drawings give equal bytes."""
    head, _, shapes = drawing.element(title).removeprefix("<svg ").partition(">")
    size = head.partition(' role="img"')[0]
    words = f'<title id="title">{escape(title)}</title>'
    words += f'<desc id="description">{escape(description)}</desc>'
    paper = (
        f'<rect class="fill-paper" width="{drawing.width:g}" height="{drawing.height:g}" rx="8"/>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        f'aria-labelledby="title description">{words}<style>{_STYLE}</style>{paper}{shapes}\n'
    ).encode()


def box(
    drawing: Drawing, x: float, y: float, width: float, height: float, lines: list[str], role: str
) -> None:
    """A box with a title line and further lines, centred."""
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
    drawing.lines(role, corners, width=1.5)
    top = y + height / 2 - 8 * (len(lines) - 1) + 4
    for number, text in enumerate(lines):
        drawing.text(
            x + width / 2, top + 16 * number, text, role if number == 0 else "muted",
            size=13 if number == 0 else 11, anchor="middle", bold=number == 0,
        )  # fmt: skip


def arrow(drawing: Drawing, start: tuple[float, float], end: tuple[float, float]) -> None:
    """A straight arrow along one axis."""
    (x1, y1), (x2, y2) = start, end
    drawing.lines("muted", [start, end], width=1.5)
    if y1 == y2:
        back = 6 if x2 > x1 else -6
        drawing.area([(x2, y2), (x2 - back, y2 - 4), (x2 - back, y2 + 4)], "muted")
    else:
        back = 6 if y2 > y1 else -6
        drawing.area([(x2, y2), (x2 - 4, y2 - back), (x2 + 4, y2 - back)], "muted")
