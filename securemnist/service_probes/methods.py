"""Methods: a path answers to its own methods only."""

from __future__ import annotations

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.reply import check
from securemnist.service_probes.target import Target

_METHODS = ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "DEBUG", "get")
_OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
_MARK = "securemnist-mark"


def methods(target: Target) -> list[ServiceCheck]:
    """Other methods than the protocol's, also by headers that some frameworks obey."""
    found = []
    for path, others in ((target.metadata_path, ("POST",)), (target.infer_path, ("GET",))):
        for method in (*others, *_METHODS):
            head = target.head(method, path, f"X-Mark: {_MARK}", "Content-Length: 0")
            reply = target.raw(head + b"\r\n")
            holds = (reply.refused or reply.status in (0, 501)) and _MARK not in reply.text
            expected = "a status from 400 to 499, or 501, without an echo"
            found.append(check(f"{method} {path}", holds, expected, reply))
    posted = target.infer(target.images[:1])
    for name in _OVERRIDES:
        obeyed = target.infer(target.images[:1], headers={name: "DELETE"})
        found.append(
            check(f"POST {name}: DELETE", obeyed.status == posted.status, str(posted), obeyed)
        )
        plain = target.send("GET", target.metadata_path)
        changed = target.send("GET", target.metadata_path, headers={name: "DELETE"})
        found.append(check(f"{name}: DELETE", changed.status == plain.status, str(plain), changed))
    return found
