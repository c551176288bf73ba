"""The hooks for pre-commit: what each runs, and that it blocks what it should."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from securemnist._util import resources
from tests.commands import shell
from tests.comparison.test_commands import TOY
from tests.policies import STATIC, table

HOOKS = {
    hook["id"]: hook
    for hook in yaml.safe_load((resources.ROOT / ".pre-commit-hooks.yaml").read_text())
}
POLICY = table(STATIC, tools='["bandit"]', paths='["shop.py"]', at_most="0")
THREATS = (resources.ROOT / "security_tests" / "threats.toml").read_text()


@pytest.fixture
def project(tmp_path: Path, small_mnist: Path) -> Path:
    """A project with a static row and clean code."""
    (tmp_path / "security_tests").mkdir()
    (tmp_path / "security_tests" / "thresholds.toml").write_text(POLICY)
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.securemnist]\nmodel = "reader:good"\ndata = "{small_mnist}"\n'
    )
    (tmp_path / "reader.py").write_text(TOY)
    (tmp_path / "shop.py").write_text("PRICE = 3\n")
    return tmp_path


def hook(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The entry of a hook, as pre-commit runs it: split into words, without file names."""
    program, *words = shlex.split(HOOKS[name]["entry"])
    assert program == "securemnist"
    assert HOOKS[name]["pass_filenames"] is False
    return shell(folder, *words)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_has_the_keys_that_pre_commit_needs(name: str) -> None:
    """id, name, entry and language are there, and it runs on files of one kind only."""
    assert {"id", "name", "description", "entry", "language"} <= set(HOOKS[name])
    assert ("files" in HOOKS[name]) != ("types_or" in HOOKS[name])


def test_the_policy_hook_refuses_a_row_that_cannot_be_judged(project: Path) -> None:
    """A good policy passes; one with an unknown measure ends with one sentence and exit code 2."""
    path = project / "security_tests" / "thresholds.toml"
    assert re.search(HOOKS["securemnist-policy"]["files"], "security_tests/thresholds.toml")
    done = hook("securemnist-policy", project)
    assert done.returncode == 0, done.stderr
    path.write_text(POLICY.replace("static_findings", "static_findngs"))
    done = hook("securemnist-policy", project)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_threats_hook_refuses_an_unknown_row(project: Path) -> None:
    """A threat that names a row which the policy lacks is refused."""
    assert re.search(HOOKS["securemnist-threats"]["files"], "security_tests/threats.toml")
    (project / "security_tests" / "threats.toml").write_text(THREATS)
    done = hook("securemnist-threats", project)
    assert done.returncode == 2
    assert "expected rows of" in done.stderr


def test_the_static_hook_blocks_new_findings(project: Path) -> None:
    """Clean code passes; code that calls eval does not, and its place is named."""
    done = hook("securemnist-static", project)
    assert done.returncode == 0, done.stderr
    (project / "shop.py").write_text("eval(input())\n")
    done = hook("securemnist-static", project)
    assert done.returncode == 1, done.stderr
    assert "shop.py:1" in done.stdout + done.stderr
    assert (project / "reports" / "static" / "bandit.sarif").is_file()
    assert not (project / "reports" / "assessment.json").exists()
