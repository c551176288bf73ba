"""Names and parameters of ART's evasion attacks, parsed from ART's source without importing it.

Importing ART takes seconds and changes process state (see `art_isolation`), too much for a policy
that only names an attack.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib.util
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from securemnist.errors import PolicyError

_PACKAGE = "art.attacks.evasion"
_EXAMPLES = "DeepFool, CarliniL2Method, HopSkipJump, BoundaryAttack, AutoAttack"


# The value of a parameter without a default.
REQUIRED = inspect.Parameter.empty


@functools.cache
def signature(kind: str) -> Mapping[str, Any]:
    """Parameters of ART's evasion attack `kind` and their defaults, without the estimator.

    A default that is no literal (`np.inf`) is None. PolicyError for an unknown name.
    """
    module = _modules().get(kind)
    if module is None:
        similar = difflib.get_close_matches(kind, _modules(), n=1, cutoff=0.5)
        advice = f"did you mean {similar[0]}?" if similar else "fix `use`"
        raise PolicyError(
            f"expected an evasion attack of ART ({_EXAMPLES}, ...), got {kind!r}; {advice}"
        )
    for node in ast.parse(_file(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == kind:
            return _signature(node)
    raise PolicyError(f"expected a class {kind} in {module}, got none; use another attack")


@functools.cache
def _modules() -> Mapping[str, str]:
    """Module of each attack class."""
    tree = ast.parse((_root() / "attacks" / "evasion" / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE)
        for alias in node.names
        if node.module
    }


def _signature(node: ast.ClassDef) -> dict[str, Any]:
    inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    names = [argument.arg for argument in inits[0].args.args] if inits else []
    values = inits[0].args.defaults if inits else []
    split = len(names) - len(values)
    defaults = {name: _literal(value) for name, value in zip(names[split:], values, strict=True)}
    return defaults | dict.fromkeys(names[2:split], REQUIRED)  # without self and the estimator


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
            "expected adversarial-robustness-toolbox for an art: attack, got no package named art; "
            "install it"
        )
    return Path(spec.submodule_search_locations[0])


def _file(module: str) -> Path:
    return _root().joinpath(*module.split(".")[1:]).with_suffix(".py")
