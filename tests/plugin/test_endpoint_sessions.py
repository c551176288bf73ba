"""Two sessions of pytest in one process, between which another model is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from securemnist.endpoint.network import RemoteModel
from securemnist.input_spec import MNIST
from securemnist.models.loading import Subject
from tests.endpoint.conftest import table
from tests.endpoint.service import Service, of_network, serving
from tests.plugin.rows import CLEAN

CONFTEST = """
    import pytest

    @pytest.fixture(scope="session")
    def model(request):
        plugins = request.config.pluginmanager.get_plugins()
        return next(one.subject for one in plugins if type(one).__name__ == "Shared")
"""


@dataclass(eq=False)
class Shared:
    """A plugin that gives one endpoint to all sessions."""

    subject: Subject


def test_a_session_asks_the_service_of_today(
    project: Any, baseline: Subject, pytester: pytest.Pytester
) -> None:
    """A row fails in the second session, whose service has another model than in the first."""
    pytester.makeconftest(CONFTEST)
    with serving(Service(of_network(baseline.model))) as service:
        remote = RemoteModel(table(service), MNIST)
        shared = Shared(Subject(remote, "service", "endpoint.toml", "endpoint"))
        policy = CLEAN.replace("300", "60").replace("0.9", "0.5")
        for words in ("*exit code 0", "CLEAN-01 FAIL: *"):
            project(policy, model=False, plugins=[shared]).stdout.fnmatch_lines(words)
            service.classify = lambda x: np.eye(10)[np.full(len(x), 7)]
