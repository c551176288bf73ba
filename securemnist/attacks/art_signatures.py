"""What ART's evasion attacks are called and which settings they take, read without running ART.

Importing ART takes seconds and touches the process (see `art`); a policy that merely names an attack
should pay neither. So its source is parsed, never executed, to find classes and their parameters.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist.errors import PolicyError

_PACKAGE = "art.attacks.evasion"
_USUAL = "DeepFool, CarliniL2Method, HopSkipJump, BoundaryAttack, AutoAttack"


@dataclass(frozen=True)
class Signature:
    """The parameters of an attack class after its estimator, and the literal defaults they have.

    A default that is no literal (`np.inf`) is listed as None; `required` ones have none at all.
    """

    defaults: Mapping[str, Any]
    required: tuple[str, ...]

    def __contains__(self, parameter: str) -> bool:
        return parameter in self.defaults or parameter in self.required


@functools.cache
def signature(kind: str) -> Signature:
    """The signature of ART's evasion attack `kind`; PolicyError where ART has none of that name."""
    module = _modules().get(kind)
    if module is None:
        near = difflib.get_close_matches(kind, _modules(), n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else "mend `use`"
        raise PolicyError(
            f"expected an evasion attack of ART ({_USUAL}, ...), got {kind!r}; {advice}"
        )
    for node in ast.parse(_file(module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == kind:
            return _signature(node)
    raise PolicyError(f"expected a class {kind} in {module}, got none; name another attack")


@functools.cache
def _modules() -> Mapping[str, str]:
    """Attack class -> the module it is defined in."""
    tree = ast.parse((_root() / "attacks" / "evasion" / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_PACKAGE)
        for alias in node.names
        if node.module
    }


def _signature(node: ast.ClassDef) -> Signature:
    inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    names = [argument.arg for argument in inits[0].args.args] if inits else []
    values = inits[0].args.defaults if inits else []
    split = len(names) - len(values)
    defaults = {name: _literal(value) for name, value in zip(names[split:], values, strict=True)}
    return Signature(defaults, tuple(names[2:split]))  # without self and the estimator


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _root() -> Path:
    # Looking for a top-level package does not import it.
    spec = importlib.util.find_spec("art")
    if spec is None or not spec.submodule_search_locations:
        raise PolicyError(
            "expected adversarial-robustness-toolbox for an art: attack, got no package named art; "
            "install it"
        )
    return Path(spec.submodule_search_locations[0])


def _file(module: str) -> Path:
    return _root().joinpath(*module.split(".")[1:]).with_suffix(".py")
