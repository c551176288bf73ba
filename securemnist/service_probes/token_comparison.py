"""Comparison of tokens: the time of a refusal does not depend on how near a token is to the right one."""

from __future__ import annotations

import time
from statistics import median

from securemnist.errors import Inconclusive, MeasureError
from securemnist.results.evidence.service import ServiceCheck
from securemnist.results.intervals import median_interval
from securemnist.service_probes.reply import check
from securemnist.service_probes.target import Target

_ROUNDS = 50
_SECONDS = 20.0
_MICROSECONDS = 200.0
_Times = dict[str, list[float]]


def token_comparison(target: Target) -> list[ServiceCheck]:
    """Times of wrong tokens in turns: one nearly right, one wrong from its start, one of no owner.

    The median difference counts, with its 95 % interval, which has to lie within 200 microseconds.
    Rounds are added until it lies inside or outside; Inconclusive after 20 seconds. A smaller leak
    stays unseen.
    """
    right = target.need_token()
    name, dot, secret = right.partition(".")
    prefix, secret = (name + dot, secret) if secret else ("", right)
    tokens = {
        "near": prefix + secret[:-1] + _other(secret[-1]),
        "far": prefix + _other(secret[0]) + secret[1:],
        "unknown": "unknown" + dot + secret,
    }
    for token in tokens.values():
        _seconds(target, token)  # opens the connection and fills the caches
    times: _Times = {name: [] for name in tokens}
    names, began = list(tokens), time.monotonic()
    while True:
        for _ in range(_ROUNDS):
            names.append(names.pop(0))  # each is first, second and third equally often
            for name in names:
                times[name].append(_seconds(target, tokens[name]))
        checks = [
            _equal("a wrong last character against a wrong first one", times["near"], times["far"]),
            _equal("a wrong secret against an unknown name", times["far"], times["unknown"]),
        ]
        decided = [one for one in checks if one is not None]
        if len(decided) == len(checks):
            return decided
        if time.monotonic() - began > _SECONDS:
            raise Inconclusive(
                "times of refusals vary too much to compare them; measure on an idle machine"
            )


def _other(character: str) -> str:
    return "A" if character != "A" else "B"


def _seconds(target: Target, token: str) -> float:
    headers = {"Authorization": f"Bearer {token}"}
    reply = target.send("GET", target.metadata_path, headers=headers, token=False)
    if reply.status not in (401, 403):
        raise MeasureError(
            f"expected 401 or 403 for a wrong token, got {reply}; without that its time says nothing"
        )
    return reply.seconds


def _equal(name: str, one: list[float], other: list[float]) -> ServiceCheck | None:
    """The check of a difference; None while its interval contains a limit."""
    differences = sorted(1e6 * (a - b) for a, b in zip(one, other, strict=True))
    low, high = median_interval(differences)
    inside = max(abs(low), abs(high)) <= _MICROSECONDS
    outside = low > _MICROSECONDS or high < -_MICROSECONDS
    if not inside and not outside:
        return None
    found = f"{median(differences):.0f} us ({low:.0f} to {high:.0f})"
    return check(name, inside, f"a median difference within {_MICROSECONDS:.0f} us", found)
