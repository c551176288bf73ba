"""Names and parameters of ART's classes, parsed from ART's source without importing it.

Importing ART takes seconds and changes process state (see `isolation`), too much for a policy that
only names an attack or a defence.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib.util
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist.errors import PolicyError


@dataclass(frozen=True)
class Kind:
    """A kind of ART's classes: their package, a noun, some names, and parameters that no row sets.

    `own`: how many parameters come first, such as self and the estimator.
    """

    package: str
    noun: str
    examples: str
    own: int


ATTACKS = Kind(
    "art.attacks.evasion",
    "an evasion attack",
    "DeepFool, CarliniL2Method, HopSkipJump, BoundaryAttack, AutoAttack",
    own=2,
)
PREPROCESSORS = Kind(
    "art.defences.preprocessor",
    "a preprocessing defence",
    "FeatureSqueezing, JpegCompression, SpatialSmoothing",
    own=1,
)
# The value of a parameter without a default.
REQUIRED = inspect.Parameter.empty


@functools.cache
def signature(name: str, kind: Kind = ATTACKS) -> Mapping[str, Any]:
    """Parameters of ART's class `name` of this kind and their defaults, without the estimator.

    A default that is no literal (`np.inf`) is None. PolicyError for an unknown name.
    """
    module = _modules(kind).get(name)
    if module is None:
        similar = difflib.get_close_matches(name, _modules(kind), n=1, cutoff=0.5)
        advice = f"did you mean {similar[0]}?" if similar else "fix `use`"
        raise PolicyError(
            f"expected {kind.noun} of ART ({kind.examples}, ...), got {name!r}; {advice}"
        )
    for node in ast.parse(_file(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _signature(node, kind.own)
    raise PolicyError(f"expected a class {name} in {module}, got none; use another one")


@functools.cache
def _modules(kind: Kind) -> Mapping[str, str]:
    """Module of each class."""
    tree = ast.parse(_file(f"{kind.package}.__init__").read_text(encoding="utf-8"))
    return {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(kind.package)
        for alias in node.names
        if node.module
    }


def _signature(node: ast.ClassDef, own: int) -> dict[str, Any]:
    inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    names = [argument.arg for argument in inits[0].args.args] if inits else []
    values = inits[0].args.defaults if inits else []
    split = len(names) - len(values)
    defaults = {name: _literal(value) for name, value in zip(names[split:], values, strict=True)}
    return defaults | dict.fromkeys(names[own:split], REQUIRED)


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _root() -> Path:
    # `find_spec` of a top-level package does not import it.
    spec = importlib.util.find_spec("art")
    if spec is None or not spec.submodule_search_locations:
        raise PolicyError(
            "expected adversarial-robustness-toolbox for art: names, got no package named art; "
            "install it"
        )
    return Path(spec.submodule_search_locations[0])


def _file(module: str) -> Path:
    return _root().joinpath(*module.split(".")[1:]).with_suffix(".py")
