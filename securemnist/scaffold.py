"""Scaffold: the files, beside the policy, that bring the suites into somebody else's repository."""

from __future__ import annotations

import json
from pathlib import Path

POLICY, SUITE = "security_tests/thresholds.toml", "security_tests/test_security.py"
CONFTEST, NOXFILE = "conftest.py", "noxfile.py"
TESTS = '''"""The suites of securemnist for plain pytest: `pytest -m smoke`, `pytest -m adversarial`."""

from securemnist.suites import *  # noqa: F403
'''


def conftest(spec: str) -> str:
    """A conftest.py with the `model` fixture of a SPEC."""
    module, _, factory = spec.partition(":")
    if factory and "@" not in spec:
        source, made = f"from {module} import {factory}", f"{factory}()"
    else:
        source, made = "from securemnist import subjects", f"subjects.resolve({json.dumps(spec)})"
    return f'''"""What the security suites of securemnist are run on."""

import pytest

{source}


@pytest.fixture(scope="session")
def model():
    """The model under assessment: images (n, 1, 28, 28) in [0, 1] to logits (n, 10)."""
    return {made}
'''


def noxfile(folder: Path, data: Path | None = None) -> str:
    """A noxfile.py with the gate on `data`, which installs what the project in `folder` needs."""
    words = ["securemnist", "assess", "--out", "reports"]
    words += ["--data", str(data)] if data else []
    needs = ['"securemnist"']
    if (folder / "requirements.txt").is_file():
        needs += ['"-r"', '"requirements.txt"']
    if any((folder / name).is_file() for name in ("pyproject.toml", "setup.py")):
        needs += ['"-e"', '"."']
    return f'''"""`nox -s security` is the gate; `-- --against OLD` holds it against an older model."""

import nox


@nox.session
def security(session):
    """Assess the model of conftest.py against security_tests/thresholds.toml; writes reports/."""
    # Where your index has no package "securemnist" of ours: the path or URL of the copy you trust.
    session.install({", ".join(needs)})
    session.run({", ".join(map(json.dumps, words))}, *session.posargs)
'''
