"""Authentication: without a valid token nothing is answered."""

from __future__ import annotations

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import answered, readable
from securemnist.service_probes.reply import check
from securemnist.service_probes.target import Target

_STATUSES = (401, 403)
# Ways to write a path that a check of paths may not know, but the model answers.
_SPELLINGS = (
    "/{0}",
    "{0}/",
    "{0}?",
    "/.{0}",
    "{1}/%69nfer",
    "{1}//infer",
    "{1}/./infer",
    "{1}/INFER",
    "{1}/versions/1/infer",  # of the protocol, for one version of the model
    "{2}{0}",  # an absolute target, of which some servers take the path
)


def authentication(target: Target) -> list[ServiceCheck]:
    """Requests without a token, with wrong ones, and with one in a wrong place."""
    body = target.body(target.images[:1])
    right = target.token or "token"
    wrong = {
        "no token": {},
        "an empty token": {"Authorization": "Bearer"},
        "an invented token": {"Authorization": "Bearer admin.admin"},
        "half of a token": {"Authorization": f"Bearer {right[: len(right) // 2]}"},
        "a longer token": {"Authorization": f"Bearer {right}x"},
        "another scheme": {"Authorization": "Basic YWRtaW46YWRtaW4="},
        "an invented cookie": {
            "Cookie": "session=admin; __Host-session=admin",
            "Origin": target.url,
        },
        "the token in another case": {"Authorization": f"Bearer {_other_case(right)}"},
        "a header of a proxy": {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-User": "admin"},
    }
    found = []
    for name, headers in wrong.items():
        reply = target.post(body, headers=headers, token=False)
        denied = reply.status in _STATUSES and not readable(reply, 1)
        found.append(check(f"inference with {name}", denied, "401 or 403, no result", reply))
    for spelling in _SPELLINGS:
        path = spelling.format(target.infer_path, target.metadata_path, target.url)
        reply = target.raw(_anonymous(target, path, body))
        denied = (reply.status == 0 or reply.status >= 300) and not readable(reply, 1)
        found.append(check(f"POST {path}", denied, "a refusal, no result", reply))
    for name in ("no token", "an invented token", "half of a token", "a longer token"):
        reply = target.send("GET", target.metadata_path, headers=wrong[name], token=False)
        found.append(check(f"metadata with {name}", reply.status in _STATUSES, "401 or 403", reply))
    if target.token is not None:
        path = f"{target.infer_path}?token={right}&access_token={right}"
        reply = target.send("POST", path, content=body, token=False)
        found.append(check("a token in the URL", reply.status in _STATUSES, "401 or 403", reply))
        found.append(answered("the valid token", target.infer(target.images[:1])))
    return found


def _anonymous(target: Target, path: str, body: bytes) -> bytes:
    """A request without a token, whose path no client library has rewritten."""
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
    return target.head("POST", path, *lines, token=False) + b"\r\n" + body


def _other_case(token: str) -> str:
    return token.swapcase() if any(map(str.isalpha, token)) else f"{token}x"
