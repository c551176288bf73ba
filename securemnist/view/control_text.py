"""What holds by each control of a service, as the sentence of its row says it."""

from __future__ import annotations

from securemnist.results.findings import Requirement
from securemnist.sanitize import line

CONTROLS = {
    "authentication": "Without a valid token nothing is answered",
    "token_comparison": "The time of a refusal does not tell how near a token is",  # nosec B105 # a claim
    "rate_limit": "A client that sends too much is refused for a while",
    "body_cap": "Large bodies are refused before they are read",
    "slow_requests": "Slow clients are cut off and delay no others",
    "malformed_json": "Malformed JSON is refused and does no harm",
    "wrong_tensors": "Images of another shape, type or range are refused",
    "methods": "Paths answer to their own methods only",
    "path_traversal": "No path leads to a file of the machine",
    "error_disclosure": "Errors give no details away",
    "security_headers": "Answers carry the headers that make browsers strict",
    "origins": "Requests of other sites and for other hosts are refused",
    "confidence_precision": "Confidences are rounded, or left out",
    "batch_independence": "An answer depends on its image only",
    "overload": "Requests above the bound are refused, the others are answered in time",
    "audit_trail": "Each request leaves a record",
    "request_smuggling": "Requests whose end two servers could see differently are refused",
}


def controlled(row: Requirement) -> str:
    """`Without a valid token nothing is answered.`; with the address of a service that is not ours."""
    held = CONTROLS[str(row.settings["control"])]
    if endpoint := line(row.settings.get("endpoint") or "", 100):
        held = f"At {endpoint} {held[0].lower()}{held[1:]}"
    return f"{held}." if row.threshold == 0 else f"{held}, but for {row.threshold:g} checks."
