"""Attacks, measures and doubts of users that are wrong: one sentence each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from securemnist.attacks import make_attack
from securemnist.attacks.base import Attack
from securemnist.attacks.refereed import attempt
from securemnist.errors import UsageError
from securemnist.evaluation import own_doubts
from securemnist.measures import find
from securemnist.threats import Linf
from tests.attacks.models import linear
from tests.commands import run
from tests.error_form import one_sentence
from tests.extensions import write_project


@pytest.fixture
def package(cwd: Path) -> Iterator[Path]:
    """The project as working folder; its modules are forgotten afterwards."""
    write_project(cwd)
    yield cwd / "my_pkg"
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_pkg"]:
        del sys.modules[name]


def test_one_measurement_with_an_attack_of_the_user_s_own(package: Path) -> None:
    """The command `measure` takes the attack and the measure by name; so does `explain`."""
    words = ("--model", "baseline", "--images", "20")
    attack = ("--threat", "linf:0.1", "--attack", "my_pkg.attacks:Noise:trials=2")
    done = run("measure", "attack_accuracy", *words, *attack)
    assert "attack_accuracy 1.0000 on 20 images" in done.output
    done = run("measure", "my_pkg.measures:BLUR_ACCURACY", *words)
    assert "BLUR_ACCURACY 1.0000 on 20 images" in done.output
    assert "trials: default 10" in run("explain", "my_pkg.attacks:Noise").output
    assert "(family corruptions)" in run("explain", "my_pkg.measures:BLUR_ACCURACY").output


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ({"use": "my_pkg.nothing:Noise"}, "expected a module to import"),
        ({"use": "my_pkg.attacks:Gone"}, "expected 'Gone' in the module"),
        ({"use": "my_pkg.broken:Noise"}, "its import raised ValueError (not today)"),
        (
            {"use": "my_pkg.attacks:torch"},
            "a subclass of securemnist.attacks.base.Attack, got module",
        ),
        ({"use": "my_pkg.attacks:Noise", "steps": 5}, "(trials), got 'steps'"),
        ({"use": "my_pkg.broken_settings:Strict", "trials": "many"}, "TypeError"),
        ({"use": "my_pkg.broken_settings:Abstract"}, "to have the method propose"),
    ],
    ids=str,
)
def test_a_wrong_attack_is_one_sentence(package: Path, attack: dict[str, Any], words: str) -> None:
    """A module, class or setting that cannot be used is a UsageError (exit code 2) of one sentence."""
    (package / "broken.py").write_text("raise ValueError('not today')\n")
    (package / "broken_settings.py").write_text(
        "from my_pkg.attacks import Attack, Noise, dataclass\n\n\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Strict(Noise):\n"
        "    def __post_init__(self):\n"
        "        assert self.trials + 1\n\n\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Abstract(Attack):\n"
        "    trials: int = 1\n"
    )
    with pytest.raises(UsageError) as caught:
        make_attack(attack)
    assert words in one_sentence(caught.value)
    assert caught.value.exit_code == 2


def test_an_attack_says_what_it_is(package: Path) -> None:
    """Its settings and its name in a policy make the same attack again."""
    attack = make_attack({"use": "my_pkg.attacks:Noise", "trials": 7})
    assert attack.to_json() == {"use": "my_pkg.attacks:Noise", "trials": 7}
    assert make_attack(attack.to_json()) == attack


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "my_pkg.measures:blur_accuracy",
            "to be a securemnist.measures.base.Measure, got function",
        ),
        (
            "securemnist.measures.threat_coverage:UNCOVERED_THREATS",
            "expected the measure uncovered_threats by that name",
        ),
        ("my_pkg.own:SHADOW", "expected a family with a name of its own"),
        ("my_pkg.own:TIER", "expected a family with a name of its own"),
    ],
)
def test_a_wrong_measure_is_one_sentence(package: Path, name: str, words: str) -> None:
    """A value that is no Measure, or a family that replaces a bundled one or a tier, is refused."""
    (package / "own.py").write_text(
        "import dataclasses\nfrom my_pkg.measures import BLUR_ACCURACY, Family\n\n"
        "SHADOW = dataclasses.replace(BLUR_ACCURACY, family=Family(name='static', proofs=True))\n"
        "TIER = dataclasses.replace(BLUR_ACCURACY, family=Family(name='smoke'))\n"
    )
    with pytest.raises(UsageError) as caught:
        find(name)
    assert words in one_sentence(caught.value)


@pytest.mark.parametrize(
    ("doubts", "words"),
    [
        ('["only_noise"]', "expected a doubt as pkg.module:function"),
        ('["my_pkg.doubts:gone"]', "expected 'gone' in the module"),
        ('["my_pkg.measures:CORRUPTIONS"]', "expected a function of a SearchCase, got Family"),
        ('"my_pkg.doubts:only_noise"', "expected [tool.securemnist] with model, policy"),
    ],
)
def test_a_wrong_doubt_is_one_sentence(package: Path, doubts: str, words: str) -> None:
    """A name that is no function is a UsageError before anything is measured."""
    (package.parent / "pyproject.toml").write_text(f"[tool.securemnist]\ndoubts = {doubts}\n")
    with pytest.raises(UsageError) as caught:
        own_doubts.of_project(package.parent)
    assert words in one_sentence(caught.value)


@dataclass(frozen=True, kw_only=True)
class Writer(Attack):
    """Writes into the images and labels that it was given, and proposes them."""

    def propose(self, model: Any, x: Any, y: Any, **_: Any) -> Any:
        x.fill_(0.5)
        y.fill_(0)
        return x


def test_an_attack_that_writes_into_its_input_changes_no_ruling() -> None:
    """The referee rules by the images and labels of the data, not by what an attack made of them."""
    model, x, y, _ = linear("linf")
    kept, labels = x.clone(), y.clone()
    rng = torch.Generator().manual_seed(0)
    _, ruling = attempt(Writer(), model, model, x, y, threat=Linf(1e-3), rng=rng)
    assert torch.equal(x, kept)
    assert torch.equal(y, labels)
    assert not ruling.valid.any()
    assert not ruling.fooled.any()
