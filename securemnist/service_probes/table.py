"""The probes by the name of their control."""

from __future__ import annotations

from collections.abc import Callable

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.audit_trail import audit_trail
from securemnist.service_probes.authentication import authentication
from securemnist.service_probes.batch_independence import batch_independence
from securemnist.service_probes.body_cap import body_cap
from securemnist.service_probes.confidence_precision import confidence_precision
from securemnist.service_probes.error_disclosure import error_disclosure
from securemnist.service_probes.malformed_json import malformed_json
from securemnist.service_probes.methods import methods
from securemnist.service_probes.origins import origins
from securemnist.service_probes.overload import overload
from securemnist.service_probes.path_traversal import path_traversal
from securemnist.service_probes.rate_limit import rate_limit
from securemnist.service_probes.request_smuggling import request_smuggling
from securemnist.service_probes.security_headers import security_headers
from securemnist.service_probes.slow_requests import slow_requests
from securemnist.service_probes.target import Target
from securemnist.service_probes.token_comparison import token_comparison
from securemnist.service_probes.wrong_tensors import wrong_tensors

PROBES: dict[str, Callable[[Target], list[ServiceCheck]]] = {
    "authentication": authentication,
    "token_comparison": token_comparison,
    "rate_limit": rate_limit,
    "body_cap": body_cap,
    "slow_requests": slow_requests,
    "malformed_json": malformed_json,
    "wrong_tensors": wrong_tensors,
    "methods": methods,
    "path_traversal": path_traversal,
    "error_disclosure": error_disclosure,
    "security_headers": security_headers,
    "origins": origins,
    "confidence_precision": confidence_precision,
    "batch_independence": batch_independence,
    "overload": overload,
    "audit_trail": audit_trail,
    "request_smuggling": request_smuggling,
}
