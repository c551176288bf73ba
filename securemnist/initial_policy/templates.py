"""The files that `init` writes beside the policy: suite, conftest, noxfile, requirements."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from securemnist.endpoint.loading import is_endpoint
from securemnist.initial_policy import packaging
from securemnist.input_spec import MNIST, InputSpec
from securemnist.project import imports, origin

POLICY, SUITE = "security_tests/thresholds.toml", "security_tests/test_security.py"
THREATS = "security_tests/threats.toml"
REQUIREMENTS, LOCKED = "security_tests/requirements.in", "security_tests/requirements.txt"
CONFTEST, NOXFILE, IGNORED = "conftest.py", "noxfile.py", "reports/.gitignore"
TESTS = '''"""The suites of securemnist for plain pytest: `pytest -m smoke`, `pytest -m adversarial`."""

from securemnist.suites import *  # noqa: F403
'''
IGNORE = "*\n"  # reports are written again by every run
LOCK = f"pip-compile --generate-hashes --output-file {LOCKED} {REQUIREMENTS}"
_SRC = """import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "src"))
"""


def in_src(folder: Path, spec: str) -> bool:
    """Whether the module of a SPEC is in the `src` folder of the project only."""
    top = spec.partition(":")[0].partition(".")[0]
    in_folder = [
        (root / top).is_dir() or (root / f"{top}.py").is_file() for root in (folder, folder / "src")
    ]
    return ":" in spec and "@" not in spec and in_folder == [False, True]


def conftest(spec: str, form: InputSpec = MNIST, *, src: bool = False) -> str:
    """A conftest.py with a `model` fixture for SPEC; `src`: its module is in `src`."""
    shape = ", ".join(map(str, form.shape))
    module, _, factory = spec.partition(":")
    if imports.is_code(spec):
        source, call = f"from {module} import {factory}", f"{factory}()"
    else:
        source, place = "from securemnist.models import loading", _place(spec)
        call = f"loading.resolve({place})"
        if is_endpoint(spec):  # the form of the images is not in a file
            source = f"from securemnist.input_spec import InputSpec\n{source}"
            call = f"loading.resolve({place}, input_spec={form!r})"
    head = f"{_SRC}\n{source}  # noqa: E402" if src else f"import pytest\n\n{source}"
    head = f"from os import path\n\n{head}" if "__file__" in call else head
    return f'''"""The model fixture of the security suites."""

{head}


@pytest.fixture(scope="session")
def model():
    """The model under assessment: images (n, {shape}) in [0, 1] to logits (n, {form.classes})."""
    return {call}
'''


def _place(spec: str) -> str:
    """The expression for a SPEC without a factory: pytest in another folder finds its file, too."""
    architecture, at, file = spec.partition("@")
    if Path(spec).exists():  # the name of a folder may contain @
        architecture, at, file = "", "", spec
    file = file or architecture
    if "://" in spec or Path(file).is_absolute() or not Path(file).suffix:
        return json.dumps(spec)
    found = f"path.relpath(path.join(path.dirname(__file__), {json.dumps(file)}))"
    return f"{json.dumps(architecture + at)} + {found}" if at else found


def requirements(folder: Path, source: origin.Origin | None = None) -> str:
    """The requirements of the gate: securemnist, and those of the project in `folder`.

    These are its requirements.txt, else the dependencies of its pyproject.toml.
    """
    source = source or origin.installed()
    own = packaging.dependencies(folder)
    if (folder / "requirements.txt").is_file():
        own = ["-r ../requirements.txt"]
    more = "".join(f"{line}\n" for line in own)
    return f"""# Requirements of the security gate. Lock and commit them; update them deliberately:
#   {LOCK}
# securemnist: {source.advice}.
{source.line}
{more}"""


def noxfile(folder: Path, data: Path | None = None, source: origin.Origin | None = None) -> str:
    """A noxfile.py with the gate; `data` where the project's settings do not name it."""
    source = source or origin.installed()
    words = ["securemnist", "assess", "--out", "reports", *(["--data", str(data)] if data else [])]
    unlocked = f'session.install("-r", "{REQUIREMENTS}", silent=False)'
    if not source.fixed:  # the package of this name on an index may be another project
        unlocked = f'session.error("expected {LOCKED}, got none; run: {LOCK}")'
    own = '\n    session.install("--no-deps", "-e", ".")' if packaging.installable(folder) else ""
    return f'''"""`nox -s security` is the gate; `-- --against OLD` compares with an older model."""

from pathlib import Path

import nox


@nox.session
def security(session):
    """Assess the model of conftest.py against {POLICY}; writes reports/.

    The first installation takes minutes, so pip shows what it does.
    """
    if Path("{LOCKED}").is_file():
        session.install("--require-hashes", "-r", "{LOCKED}", silent=False)
    else:
        {unlocked}{own}
    session.run({", ".join(map(json.dumps, words))}, *session.posargs)
'''


def with_data(text: str, data: str) -> str | None:
    """The pyproject.toml `text` with `data` in [tool.securemnist]; None if the table exists already."""
    try:
        before = tomllib.loads(text)
        if "securemnist" in dict(before.get("tool", {})):
            return None
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        after = f"{text}{gap}[tool.securemnist]\ndata = {json.dumps(data)}\n"
        before.setdefault("tool", {})["securemnist"] = {"data": data}
        return after if tomllib.loads(after) == before else None
    except (ValueError, TypeError, AttributeError):  # not TOML, or `tool` is not a table
        return None
