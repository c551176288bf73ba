"""Origins: requests of other sites, and under other names, are refused."""

from __future__ import annotations

from urllib.parse import urlsplit

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import answered
from securemnist.service_probes.reply import check, refused
from securemnist.service_probes.target import Target


def origins(target: Target) -> list[ServiceCheck]:
    """Origin and Host of other sites; a rebound DNS name sends the second one."""
    body = target.body(target.images[:1])
    found = []
    parts = urlsplit(target.url)
    alike = f"attacker-{parts.netloc}"  # ends as the own name does
    others = ("http://attacker.example", "null", f"{target.url}.attacker.example")
    for origin in (*others, f"{parts.scheme}://{alike}"):
        reply = target.post(body, headers={"Origin": origin})
        found.append(refused(f"Origin: {origin}", reply))
    port = parts.port or 80
    hosts = ("attacker.example", f"attacker.example:{port}", "localhost.attacker.example")
    for host in (*hosts, alike):
        reply = target.post(body, headers={"Host": host})
        found.append(refused(f"Host: {host}", reply))
    reply = target.send("GET", target.metadata_path, headers={"Host": "attacker.example"})
    found.append(refused("metadata for Host: attacker.example", reply))
    two = target.head("GET", target.metadata_path, "Host: attacker.example") + b"\r\n"
    found.append(refused("two Host headers", target.raw(two), closing=True))
    preflight = target.send(
        "OPTIONS",
        target.infer_path,
        headers={"Origin": "http://attacker.example", "Access-Control-Request-Method": "POST"},
    )
    allowed = preflight.headers.get("access-control-allow-origin", "")
    holds = not allowed and preflight.status != -1
    found.append(check("a preflight of another site", holds, "no permission", allowed or preflight))
    own = target.post(body, headers={"Origin": target.url})
    return [*found, answered("the own origin", own)]
