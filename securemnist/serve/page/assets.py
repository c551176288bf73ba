"""The page itself and its files, with a content policy that permits nothing else."""

from __future__ import annotations

from pathlib import Path as File

from starlette.requests import Request
from starlette.responses import Response

from securemnist import view
from securemnist.serve.routes import Path

_FILES = File(__file__).parent / "static"
_COLOURS = File(view.__file__).parent / "templates" / "base.css"  # shared with the report
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}


def paths() -> tuple[Path, ...]:
    """The page at `/` and its files at `/page/`. They name neither a model nor a class."""
    files = [_COLOURS, *(file for file in sorted(_FILES.iterdir()) if file.suffix != ".html")]
    return _file("/", _FILES / "page.html"), *(_file(f"/page/{file.name}", file) for file in files)


def _file(path: str, file: File) -> Path:
    content, kind = file.read_bytes(), _TYPES[file.suffix]
    headers = {"Content-Security-Policy": POLICY} if kind == "text/html" else {}

    async def send(_request: Request) -> Response:
        return Response(content, media_type=f"{kind}; charset=utf-8", headers=headers)

    return Path(path, "GET", send, public=True)
