"""Path traversal: no path leads to a file of the machine."""

from __future__ import annotations

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.reply import Reply, check
from securemnist.service_probes.target import Target

_FILES = ("etc/passwd", "proc/self/environ")
_UP = (
    *("/../../../../../../", "/..%2f..%2f..%2f..%2f..%2f..%2f", "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/"),
    *("/....//....//....//....//", "/..%5c..%5c..%5c..%5c", "/..%252f..%252f..%252f..%252f"),
    *("/..%c0%af..%c0%af..%c0%af", "/", "//", "/static/../../../../../../", "/file:///"),
)
_OTHERS = (
    *("/.env", "/.git/config", "/pyproject.toml", "/model.safetensors", "/docs", "/debug"),
    *("/console", "/server-status", "/actuator/env", "/v2/repository/index", "/v2/logging"),
    *("/v2/models/%00", "/v2/models/..", "/v2/models/..%2f..%2fetc%2fpasswd"),
)
_CONTENT = ("root:x:0:0", "PATH=/", "[core]", "[project]", "Traceback")


def path_traversal(target: Target) -> list[ServiceCheck]:
    """Paths out of the service, in the usual encodings, and files and pages that should not exist."""
    paths = [f"{up}{file}" for file in _FILES for up in _UP]
    paths += [f"{target.metadata_path}{up}{_FILES[0]}" for up in _UP[:3]]
    return [_no_file(path, target.raw(target.head("GET", path) + b"\r\n"))
            for path in (*paths, *_OTHERS)]  # fmt: skip


def _no_file(path: str, reply: Reply) -> ServiceCheck:
    content = next((mark for mark in _CONTENT if mark in reply.text), "")
    holds = (reply.refused or reply.status == 0) and not content
    return check(f"GET {path}", holds, "a status from 400 to 499", f"{reply} {content}".strip())
