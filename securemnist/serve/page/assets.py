"""The page itself and its files, with a content policy that permits nothing else."""

from __future__ import annotations

from pathlib import Path as File

from starlette.requests import Request
from starlette.responses import Response

from securemnist.serve.routes import Path
from securemnist.view import jinja

_HERE = File(__file__).parent
_SHARED = File(jinja.__file__).parent / "templates" / "base.css"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def paths() -> tuple[Path, ...]:
    """The page at `/` and its files at `/page/`. They name neither a model nor a class."""
    document = jinja.page("page.html.j2", _HERE / "templates")
    files = [_SHARED, *sorted((_HERE / "static").iterdir())]
    return (
        _file("/", document, "text/html"),
        *(_file(f"/page/{file.name}", file.read_bytes(), _TYPES[file.suffix]) for file in files),
    )


def _file(path: str, content: bytes, kind: str) -> Path:
    headers = {"Content-Security-Policy": POLICY} if kind == "text/html" else {}

    async def send(_request: Request) -> Response:
        return Response(content, media_type=f"{kind}; charset=utf-8", headers=headers)

    return Path(path, "GET", send, public=True)
