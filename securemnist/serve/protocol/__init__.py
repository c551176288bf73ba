"""Open Inference Protocol, version 2, over REST."""

from __future__ import annotations

from securemnist.serve.protocol import metadata
from securemnist.serve.protocol.infer import infer
from securemnist.serve.routes import Path
from securemnist.serve.service import Service
from securemnist.serve.settings import Settings


def routes(_service: Service, _settings: Settings) -> tuple[Path, ...]:
    """The paths of the protocol; only health needs no token."""
    return (
        Path("/v2", "GET", metadata.server),
        Path("/v2/health/live", "GET", metadata.live, public=True),
        Path("/v2/health/ready", "GET", metadata.ready, public=True),
        Path("/v2/openapi.json", "GET", metadata.openapi),
        Path("/v2/models/{name}", "GET", metadata.model),
        Path("/v2/models/{name}/ready", "GET", metadata.model_ready),
        Path("/v2/models/{name}/infer", "POST", infer),
    )
