"""Overload: what is above the bound is refused at once, what is accepted is answered in time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from securemnist.errors import Inconclusive
from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import readable
from securemnist.service_probes.reply import Reply, check
from securemnist.service_probes.target import Target

_AT_ONCE = 48
_REQUESTS = 144
_IMAGES = 32
_SECONDS = 5.0


def overload(target: Target) -> list[ServiceCheck]:
    """A burst of 144 requests, 48 at a time, each with 32 images; then one honest request."""
    count = min(_REQUESTS, target.most_requests)
    images = target.images[:1].expand(_IMAGES, -1, -1, -1)
    body = target.body(images)

    def ask(_: int) -> Reply:
        return target.post(body)

    began = time.perf_counter()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        replies = list(pool.map(ask, range(count)))
    seconds = time.perf_counter() - began
    answered = [reply for reply in replies if reply.accepted and readable(reply, _IMAGES)]
    accepted = sorted(reply.seconds for reply in answered)
    refused = [reply for reply in replies if reply.status in (429, 503)]
    lost = [reply for reply in replies if reply not in answered and reply not in refused]
    late = accepted[int(0.99 * len(accepted))] if accepted else float("inf")
    without = [reply for reply in refused if not reply.headers.get("retry-after", "").isdecimal()]
    after = target.infer(target.images[:1])
    if not target.own and not refused and not lost and late <= _SECONDS:
        raise Inconclusive(
            f"all of {count} requests were answered in time, {_AT_ONCE} at once; the bound of the queue "
            "was not reached"
        )
    return [
        check(
            "requests without an answer", not lost, "0", f"{len(lost)} {lost[0] if lost else ''}"
        ),
        check("requests that were refused", bool(refused), "1 at least", len(refused)),
        check("refusals without Retry-After", not without, "0", len(without)),
        check("requests that were accepted", bool(accepted), "1 at least", len(accepted)),
        check(
            "99th percentile of the accepted", late <= _SECONDS, f"{_SECONDS:g} s", f"{late:.2f} s"
        ),
        check(
            f"a request after the burst of {seconds:.1f} s",
            after.accepted and after.seconds <= 2,
            "an answer within 2 s",
            f"{after} after {after.seconds:.2f} s",
        ),
    ]
