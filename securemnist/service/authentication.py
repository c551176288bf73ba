"""Authentication: without a valid token nothing is answered."""

from __future__ import annotations

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service.reply import accepted, check
from securemnist.service.target import Target

_STATUSES = (401, 403)


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
        "a header of a proxy": {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-User": "admin"},
    }
    found = []
    for name, headers in wrong.items():
        reply = target.send("POST", target.infer_path, content=body, headers=headers, token=False)
        found.append(
            check(f"inference with {name}", reply.status in _STATUSES, "401 or 403", reply)
        )
    reply = target.send("GET", target.metadata_path, token=False)
    found.append(check("metadata without a token", reply.status in _STATUSES, "401 or 403", reply))
    if target.token is not None:
        path = f"{target.infer_path}?token={right}&access_token={right}"
        reply = target.send("POST", path, content=body, token=False)
        found.append(check("a token in the URL", reply.status in _STATUSES, "401 or 403", reply))
        found.append(accepted("the valid token", target.infer(target.images[:1])))
    return found
