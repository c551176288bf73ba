"""Comparison of tokens: the time of a refusal does not depend on how near a token is to the right one."""

from __future__ import annotations

from statistics import median

from securemnist.errors import MeasureError
from securemnist.results.evidence.service import ServiceCheck
from securemnist.results.intervals import median_interval
from securemnist.service.reply import check
from securemnist.service.target import Target

_PAIRS = 150
_MICROSECONDS = 200.0


def token_comparison(target: Target) -> list[ServiceCheck]:
    """Times of two wrong tokens in turns: one with a wrong first character, one with a wrong last one.

    The median difference counts, with its 95 % interval: a bound beyond 200 microseconds fails. The
    resolution is that of the network, so that a smaller leak stays unseen.
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
    near, far, unknown = [], [], []
    for _ in range(min(_PAIRS, target.most_requests // 3)):
        near.append(_seconds(target, tokens["near"]))
        far.append(_seconds(target, tokens["far"]))
        unknown.append(_seconds(target, tokens["unknown"]))
    return [
        _equal("a wrong last character against a wrong first one", near, far),
        _equal("a wrong secret against an unknown name", far, unknown),
    ]


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


def _equal(name: str, one: list[float], other: list[float]) -> ServiceCheck:
    differences = sorted(1e6 * (a - b) for a, b in zip(one, other, strict=True))
    low, high = median_interval(differences)
    holds = max(abs(low), abs(high)) <= _MICROSECONDS
    found = f"{median(differences):.0f} us ({low:.0f} to {high:.0f})"
    return check(name, holds, f"a median difference within {_MICROSECONDS:.0f} us", found)
