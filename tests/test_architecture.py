"""The layout: who may import whom, how long a file may grow, what needs no torch."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import securemnist
from securemnist._util import resources

PACKAGE = Path(securemnist.__file__).parent
# A package imports packages of earlier lines only, and inside itself what it likes.
LAYERS = (
    {"sanitize"},
    {"errors"},
    {"_util", "batches", "epsilon", "input_spec", "masked_scores", "referee"},
    {"audit", "confined", "project", "results", "static"},
    {"supply_chain"},
    {"signing", "types"},
    {"view"},
    {"threat_model"},
    {"exports"},
    {"data", "history", "report", "runtime", "threats"},
    {"art_library", "endpoint", "monitoring"},
    {"models"},
    {"defences"},
    {"certificates", "comparison", "corruptions", "foreign"},
    {"incremental"},
    {"attacks"},
    {"backdoor", "smoothing"},
    {"evaluation", "train"},
    {"references", "serve"},
    {"service_probes"},
    {"measures"},
    {"assessing"},
    {"api", "initial_policy", "pipeline"},
    {"calibration"},
    {"plugin", "suites"},
    {"cli"},
    {"__init__", "__main__"},
)
# The same inside `certificates`.
CERTIFICATES = ("in_time", "operations", "graph", "bounds", "certificate", "relaxations", "proofs")
WITHOUT_TORCH = (
    "audit.log",
    "audit.search",
    "comparison.comparison",
    "exports",
    "history.trend",
    "project.settings",
    "report.page",
    "results.assessment",
    "results.intervals",
    "results.policy",
    "signing.attestation",
    "signing.model_signature",
    "threat_model.exports",
)
CONTRIBUTING = (resources.ROOT / "CONTRIBUTING.md").read_text()
FILES = sorted(PACKAGE.rglob("*.py"))


def layer(name: str) -> int:
    """The number of the layer of a module or package at the package's root."""
    return next(number for number, names in enumerate(LAYERS) if name in names)


def test_contributing_names_the_layers() -> None:
    """CONTRIBUTING.md names every package, in the order of the layers."""
    block = CONTRIBUTING.partition("## Layers")[2].split("```")[1]
    rows = [re.match(r"(\w+(?:, \w+)*)(?: |$)", row) for row in block.strip().splitlines()]
    names = [name for row in rows if row for name in row[1].split(", ")]
    assert sorted(names) == sorted(set.union(*LAYERS) - {"__init__", "__main__"})
    numbers = [layer(name) for name in names]
    assert numbers == sorted(numbers)


def imports(path: Path) -> set[str]:
    """The top-level modules of the package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("securemnist"):
            parts = (node.module or "").split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
            found |= {name for name in names if not name.startswith("__version")}
    return found


def test_imports_go_down() -> None:
    """A module imports lower layers and its own package only."""
    wrong = {}
    for path in FILES:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if upwards := [name for name in imports(path) - {own} if layer(name) >= layer(own)]:
            wrong[str(path)] = upwards
    assert wrong == {}


def test_imports_of_certificates_go_down() -> None:
    """The parts of `certificates` import earlier parts only, from single operations to proofs."""
    folder = PACKAGE / "certificates"
    wrong = set()
    for path in set(folder.rglob("*.py")) - {folder / "__init__.py"}:
        own = CERTIFICATES.index(path.relative_to(folder).parts[0].removesuffix(".py"))
        found = re.findall(r"from securemnist\.certificates(?:\.| import )(\w+)", path.read_text())
        wrong |= {(str(path), name) for name in found if CERTIFICATES.index(name) > own}
    assert wrong == set()


@pytest.mark.parametrize("folder", ["securemnist", "tests", "benchmarks", "security_tests"])
def test_files_are_short(folder: str) -> None:
    """No file has more than 250 lines, tests included."""
    files = (resources.ROOT / folder).rglob("*.py")
    lines = {str(path): len(path.read_text().splitlines()) for path in files}
    assert lines
    assert {path: count for path, count in lines.items() if count > 250} == {}


def test_results_need_no_torch() -> None:
    """Results are read, compared and rendered where torch is not installed."""
    modules = ", ".join(f"securemnist.{name}" for name in WITHOUT_TORCH)
    program = f"import sys; sys.modules['torch'] = None; import {modules}"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_scipy_stats_is_imported_late() -> None:
    """Only two modules that few commands need import `scipy.stats`, which takes a second."""
    imported = re.compile(r"^from scipy(\.stats\S* import| import stats)", re.MULTILINE)
    found = {path.stem for path in PACKAGE.rglob("*.py") if imported.search(path.read_text())}
    assert found == {"data_statistics", "comparisons"}
