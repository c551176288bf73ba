"""Cap of bodies: it is known before, or counted while, a body arrives."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import answered
from securemnist.service_probes.reply import Reply, check, refused
from securemnist.service_probes.target import Target

_CAP = 64 << 20  # bytes; a service that takes more has no useful cap
_PART = b" " * (1 << 16)
_CODINGS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def body_cap(target: Target) -> list[ServiceCheck]:
    """A body that says it is large, one that becomes large without saying so, one that unpacks to it."""
    head = target.head(
        "POST", target.infer_path, "Content-Type: application/json", f"Content-Length: {1 << 40}"
    )
    # Without a cap the service waits for the rest.
    declared = target.raw(head + b"\r\n{", seconds=min(5.0, target.timeout))
    sent = 0

    def parts() -> Iterator[bytes]:
        nonlocal sent
        while sent < _CAP:
            sent += len(_PART)
            yield _PART

    streamed = target.post(parts())
    # Refused while it was sent: buffers on the way hold a few MiB at most.
    early = sent < _CAP and (streamed.refused or streamed.status in (0, 503))
    unpacked = {coding: _unpacked(target, coding) for coding in _CODINGS}
    return [
        refused("a body of 1 TiB by its Content-Length", declared, closing=True),
        check(
            f"a body of {_CAP >> 20} MiB in chunks",
            early,
            "a refusal before its end",
            f"{streamed} after {sent >> 10} KiB",
        ),
        *(
            refused(f"a {coding} body that unpacks to {_CAP >> 20} MiB", reply, closing=True)
            for coding, reply in unpacked.items()
        ),
        answered("a body of one image afterwards", target.infer(target.images[:1])),
    ]


def _unpacked(target: Target, coding: str) -> Reply:
    """The answer to a valid body and spaces up to the cap: a service that unpacks them answers it."""
    packing = zlib.compressobj(wbits=_CODINGS[coding])
    body = target.body(target.images[:1])
    parts = [packing.compress(part) for part in (body, *[_PART] * (_CAP // len(_PART)))]
    packed = b"".join(parts) + packing.flush()
    return target.post(packed, headers={"Content-Encoding": coding})
