"""Rate limits: a client that sends too much is refused for a while."""

from __future__ import annotations

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service.reply import Reply, accepted, check
from securemnist.service.target import Target


def rate_limit(target: Target) -> list[ServiceCheck]:
    """Requests until one is refused, first with a token and then without, `most_requests` at most."""
    found = []
    first = target.send("GET", target.metadata_path)
    found.append(accepted("the first request", first))
    for token in (True, False):
        reply, count = _until_refused(target, token)
        name = f"{count} requests {'with' if token else 'without'} a token"
        found.append(check(name, reply.status == 429, "429 for the last one", reply))
        if reply.status == 429:
            after = reply.headers.get("retry-after", "")
            found.append(
                check(f"Retry-After of {name}", after.isdecimal(), "a number of seconds", after)
            )
    return found


def _until_refused(target: Target, token: bool) -> tuple[Reply, int]:
    """The first reply of 429, or the last one of all, and the number of requests."""
    reply = Reply(0)
    for count in range(1, target.most_requests + 1):
        reply = target.send("GET", target.metadata_path, token=token)
        if reply.status == 429:
            return reply, count
    return reply, target.most_requests
