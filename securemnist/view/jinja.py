"""Pages and comments out of templates: everything escaped, nothing invisible, nothing that could run."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from securemnist.sanitize import block, line, markdown, markdown_code
from securemnist.view import numbers, taxonomy, waiver_text, wording

_SHARED = Path(__file__).parent / "templates"


def page(name: str, folder: Path, **values: Any) -> bytes:
    """The HTML page of a template in `folder`, which may import the shared templates.

    The template gets the shared style sheets, followed by the `style.css` of `folder` if there is one,
    and the content policy for all.
    """
    files = _SHARED / "base.css", _SHARED / "style.css", folder / "style.css"
    sheets = [sheet for sheet in files if sheet.is_file()]
    stylesheet = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    values |= {"stylesheet": stylesheet, "content_policy": _content_policy(stylesheet)}
    return _environment(folder, block).get_template(name).render(values).encode("utf-8")


def comment(name: str, folder: Path, **values: Any) -> bytes:
    """The GitHub-flavoured Markdown of a template in `folder`; no value of it acts as markup.

    The template's `code` makes a code span.
    """
    text = _environment(folder, _as_markdown).get_template(name).render(code=_as_code, **values)
    return f"{text.rstrip()}\n".encode()


def _as_markdown(value: object) -> Markup:
    return Markup(markdown(value))  # noqa: S704 # nosec B704 # escaped


def _as_code(value: object) -> Markup:
    return Markup(markdown_code(value))  # noqa: S704 # nosec B704 # escaped


@functools.cache
def _environment(folder: Path, clean: Callable[[object], str]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, _SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # The last gate: whatever a template prints has no invisible characters.
        finalize=lambda value: value if isinstance(value, Markup) else clean(value),
    )
    environment.filters.update(line=line, kind=wording.kind)
    environment.globals.update(
        numbers=numbers, taxonomy=taxonomy, waiver_text=waiver_text, wording=wording
    )
    return environment


def _content_policy(stylesheet: str) -> str:
    """Nothing but our own style sheet and pictures inside the page."""
    digest = base64.b64encode(hashlib.sha256(stylesheet.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
