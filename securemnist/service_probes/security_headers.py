"""Security headers: browsers are asked to be strict, and other sites cannot read answers."""

from __future__ import annotations

from collections.abc import Callable

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.reply import check
from securemnist.service_probes.target import Target

_FOREIGN = "http://attacker.example"
_HEADERS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "x-content-type-options": ("nosniff", lambda value: value.lower() == "nosniff"),
    "content-security-policy": (
        "a policy with default-src and frame-ancestors, without unsafe-inline and *",
        # Of several policies, which all hold, one is enough.
        lambda value: any(_strict_policy(policy.lower()) for policy in value.split(",")),
    ),
    "cache-control": ("no-store", lambda value: "no-store" in value.lower()),
    "referrer-policy": (
        "no-referrer or same-origin",
        lambda value: value.lower() in ("no-referrer", "same-origin"),
    ),
    "access-control-allow-origin": (
        "nothing, or an origin of one's own",
        lambda value: value not in ("*", "null", _FOREIGN),
    ),
    "x-powered-by": ("nothing", lambda value: not value),
}


def _strict_policy(policy: str) -> bool:
    directives = [part.split() for part in policy.split(";") if part.strip()]
    sources = {name: values for name, *values in reversed(directives)}  # the first of a name counts
    own = all(
        not set(sources.get(name, ["*"]))
        & {"*", "http:", "https:", "data:", "http://*", "https://*"}
        for name in ("default-src", "frame-ancestors")
    )
    return own and "unsafe" not in policy


def security_headers(target: Target) -> list[ServiceCheck]:
    """Headers of an answer, of a refusal and of an answer to another site's request."""
    replies = {
        "an answer": target.infer(target.images[:1]),
        "a refusal": target.send("GET", "/nowhere"),
        "metadata for another site": target.send(
            "GET", target.metadata_path, headers={"Origin": _FOREIGN}
        ),
    }
    return [
        check(f"{header} of {name}", right(value), expected, value or "nothing")
        for name, reply in replies.items()
        for header, (expected, right) in _HEADERS.items()
        for value in [reply.headers.get(header, "")]
    ]
