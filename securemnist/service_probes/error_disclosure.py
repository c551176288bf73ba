"""Error disclosure: what a refusal says gives nothing away, and repeats nothing unescaped."""

from __future__ import annotations

import re

import torch

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.reply import Reply, check
from securemnist.service_probes.target import Target

_MARK = "<script>alert(4711)</script>"
_DETAILS = {
    "a stack trace": re.compile(
        r"Traceback \(most recent|File (?:\\?\"|&quot;|&#34;)[^\"&]+(?:\"|&quot;|&#34;), line \d"
        r"|\bat [\w.$<>]+\(\w+\.java|\bgoroutine \d+ \[|\bpanicked at\b"
        r"|\b\w+\.(?:py|js|ts|go|rs|rb|php|cs|cpp)(?::|\", line | on line )\d+"
    ),
    "a path": re.compile(
        r"/(?:home|usr|opt|srv|root|tmp|var|app|work|workspace|etc|mnt|Users)/[\w.-]+|[A-Z]:\\\\?\w+"
    ),
    "a version": re.compile(
        r"\b(?:python|torch|pytorch|numpy|starlette|granian|uvicorn|gunicorn|flask|werkzeug|fastapi|"
        r"nginx|apache|tornado|triton|kserve|mlserver)[ /-]*v?\d+\.\d+",
        re.IGNORECASE,
    ),
    "an exception": re.compile(r"\b[A-Z]\w+(?:Error|Exception)\b"),
    "markup that was sent": re.compile(re.escape(_MARK)),
}
_SERVER_VERSION = re.compile(r"\d+\.\d+")  # of any program, in a header that names one
_PROGRAMS = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version")
_ADDRESSES = {"location", "link", "content-security-policy", "report-to"}  # may name paths


def error_disclosure(target: Target) -> list[ServiceCheck]:
    """Requests that go wrong in many ways, and extreme images; details count in text and headers."""
    body = target.body(target.images[:1])
    shape = (1, *target.spec.shape)
    mark = _MARK.encode()
    replies = {
        "an unknown path": target.send("GET", "/nowhere"),
        "markup as path": target.raw(target.head("GET", f"/{_MARK}") + b"\r\n"),
        "markup as model": target.raw(target.head("GET", f"/v2/models/{_MARK}") + b"\r\n"),
        "markup as body": target.post(mark),
        "markup as token": target.send(
            "GET", target.metadata_path, headers={"Authorization": f"Bearer {_MARK}"}, token=False
        ),
        "markup as id": target.post(body[:-1] + b', "id": "' + mark + b'"}'),
        "an unknown datatype": target.post(target.body(target.images[:1], datatype=_MARK)),
        "a broken body": target.post(body[:-2]),
        "no body": target.post(),
        "another method": target.send("DELETE", target.infer_path),
        "a malformed request": target.raw(b"GET / HTTP/9.9\r\n\r\n"),
        "a black image": target.infer(torch.zeros(shape)),
        "a white image": target.infer(torch.ones(shape)),
        "an image of the data": target.infer(target.images[:1]),
    }
    return [_silent(name, reply) for name, reply in replies.items()]


def _silent(name: str, reply: Reply) -> ServiceCheck:
    headers = "\n".join(text for name, text in reply.headers.items() if name not in _ADDRESSES)
    given = [what for what, form in _DETAILS.items() if form.search(f"{reply.text}\n{headers}")]
    programs = [reply.headers.get(name, "") for name in _PROGRAMS]
    if "a version" not in given and any(map(_SERVER_VERSION.search, programs)):
        given.append("a version")
    json = "json" in reply.headers.get("content-type", "")
    # In JSON a browser does not run markup, but it may be copied from there.
    found = f"{reply} with {', '.join(given)}" if given else str(reply)
    expected = "no trace, path, version, exception or echo"
    holds = not given and reply.status != -1  # what did not come was not read
    return check(f"the answer to {name}{' (JSON)' if json else ''}", holds, expected, found)
