"""Settings of a project: `[tool.securemnist]` in its pyproject.toml. Thresholds are in the policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from securemnist._util import resources
from securemnist._util.files import expecting, read_at_most
from securemnist._util.parsing import decoded, toml_table
from securemnist._util.strict import Strict
from securemnist.errors import ParseError, UsageError

DEFAULT_MODEL = "certified"
MAX_BYTES = 1 << 20
BUNDLED = "the bundled policy"

_NonEmpty = Annotated[str, Field(min_length=1)]  # an empty name does not mean the default


class Settings(Strict):
    """`model`: a SPEC; `policy`: a path relative to the project; `data`: the path of a data set.

    `trusted`: code (pkg.module:name) that rows of a policy may name; a policy alone runs no code.
    `doubts`: functions (pkg.module:function) that check every search, beside the bundled doubts.
    """

    model: _NonEmpty | None = None
    policy: _NonEmpty | None = None
    data: _NonEmpty | None = None
    trusted: list[_NonEmpty] = Field(default_factory=list)
    doubts: list[_NonEmpty] = Field(default_factory=list)

    def model_for(self, policy: Path, folder: Path) -> str | None:
        """The SPEC of the project in `folder`; a default exists in the checkout of this package only.

        Elsewhere a model has to be named, so that a bundled one is never taken for the user's.
        """
        return self.model or (DEFAULT_MODEL if is_bundled(policy) and is_checkout(folder) else None)


NO_MODEL = (
    "expected a model of yours to assess by {policy}, got none; pass it: --model SPEC, a session-wide "
    "`model` fixture in this folder's conftest.py, or model = SPEC in [tool.securemnist]; --demo takes "
    "the bundled model"
)


def is_bundled(policy: Path) -> bool:
    """Whether this is the bundled policy."""
    return policy.resolve() == resources.POLICY.resolve()


def is_checkout(folder: Path) -> bool:
    """Whether `folder` is the checkout of this package, whose model is the bundled one."""
    return folder.resolve() == resources.ROOT.resolve() and resources.ROOT.name != "_bundled"


def policy_name(policy: Path, folder: Path) -> str:
    """Display name of a policy: its path within the project, or that it is the bundled one."""
    if is_bundled(policy) and not is_checkout(folder):
        return BUNDLED
    absolute, project = policy.resolve(), folder.resolve()
    if absolute.is_relative_to(project):
        return absolute.relative_to(project).as_posix()
    return f"{absolute.parent.name}/{absolute.name}"


def load(folder: Path) -> Settings:
    """The settings of the project in `folder`; defaults where it has none."""
    path = folder / "pyproject.toml"
    try:
        with expecting(path, "a TOML file or none", "fix or remove it"):
            tool = project_table(folder).get("tool", {})
        return Settings.model_validate(tool.get("securemnist", {}))
    except (ParseError, ValidationError, AttributeError) as error:
        reason = _wrong_key(error) if isinstance(error, ValidationError) else str(error)
        raise UsageError(
            f"{path}: expected [tool.securemnist] with model, policy, data, trusted or doubts, got: "
            f"{reason:.300}; fix it"
        ) from error


def _wrong_key(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) or "the table"
    return f"the key {key!r}" if first["type"] == "extra_forbidden" else f"{key}: {first['msg']}"


def project_table(folder: Path) -> dict[str, Any]:
    """The pyproject.toml of `folder` as a table; empty where there is none.

    Raises OSError where it cannot be read and ParseError where it is malformed.
    """
    try:
        content = read_at_most(folder / "pyproject.toml", MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return toml_table(decoded(content))
