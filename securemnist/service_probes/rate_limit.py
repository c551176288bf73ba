"""Rate limits: a client that sends too much is refused for a while."""

from __future__ import annotations

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import answered
from securemnist.service_probes.reply import Reply, check
from securemnist.service_probes.target import Target

_ADDRESSES = ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP")
_CONNECTIONS = 20


def rate_limit(target: Target) -> list[ServiceCheck]:
    """Requests until one is refused, first with a token and then without, `most_requests` at most."""
    found = [answered("the first request", target.infer(target.images[:1]))]
    for token in (True, False):
        reply, count = _until_refused(target, token)
        name = f"{count} requests {'with' if token else 'without'} a token"
        if reply.status == 429:
            found.append(_new_connections(target, token))
        found.append(check(name, reply.status == 429, "429 for the last one", reply))
        if reply.status == 429:
            after = reply.headers.get("retry-after", "")
            found.append(
                check(f"Retry-After of {name}", after.isdecimal(), "a number of seconds", after)
            )
    return found


def _new_connections(target: Target, token: bool) -> ServiceCheck:
    """That the limit holds on other connections, whatever the client says of its address.

    Several requests: a limit that refills at once, by its rate, may let some of them through.
    """
    reply = Reply(0)
    for number in range(1, _CONNECTIONS + 1):
        address = f"203.0.113.{number}"
        headers = {
            "Connection": "close",
            "Forwarded": f"for={address}",
            "User-Agent": f"a/{number}",
        }
        headers |= dict.fromkeys(_ADDRESSES, address)
        reply = target.infer(target.images[:1], token=token, headers=headers)
        if number > 1 and reply.status == 429:  # the first one was sent on the old connection
            break
    name = f"new connections {'with' if token else 'without'} a token, as other addresses"
    return check(name, reply.status == 429, f"429 for one of {_CONNECTIONS}", reply)


def _until_refused(target: Target, token: bool) -> tuple[Reply, int]:
    """The first reply of 429, or the last one of all, and the number of requests."""
    reply = Reply(0)
    for count in range(1, target.most_requests + 1):
        reply = target.infer(target.images[:1], token=token)
        if reply.status == 429:
            return reply, count
    return reply, target.most_requests
