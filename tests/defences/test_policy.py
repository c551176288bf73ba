"""Defences in a policy: rows are checked, and code is named only where the project trusts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.errors import PolicyError
from securemnist.measures import check_policy
from securemnist.results import policy as policies
from tests.policies import CLEAN, FGSM, ROBUST, table

ROW = table(CLEAN, id='"DEF-01"', images="100", defence="DEFENCE")


def checked(folder: Path, defence: str) -> None:
    """Check a policy of one row with this defence."""
    file = folder / "thresholds.toml"
    file.write_text(ROW.replace("DEFENCE", defence))
    check_policy(policies.load(file))


def test_row_with_a_defence_is_accepted(tmp_path: Path) -> None:
    """A row may name a bundled defence."""
    checked(tmp_path, '{ use = "jpeg", quality = 50 }')


@pytest.mark.parametrize(
    ("defence", "words"),
    [
        ('{ use = "os:system" }', "expected `defence` to name a bundled defence"),
        ('{ use = "jpeg", quality = 101 }', "expected quality"),
        ('{ use = "nothing" }', "expected a defence of jpeg"),
        ('"jpeg"', "dict|table|mapping"),
    ],
    ids=["code", "setting", "name", "form"],
)
def test_wrong_defence_of_a_row_is_refused(tmp_path: Path, defence: str, words: str) -> None:
    """Code that is not trusted, a wrong setting, name or form is a PolicyError."""
    with pytest.raises(PolicyError, match=words):
        checked(tmp_path, defence)


ONE_STEP = table(FGSM, images="100", at_least="0.9") + table(
    {**ROBUST, "id": '"DEF-01"', "measure": '"defended_accuracy"'},
    attack=None,
    images="100",
    at_least="0.9",
    defence='{ use = "jpeg", quality = 50 }',
)


def test_search_behind_a_defence_covers_no_other_model(tmp_path: Path) -> None:
    """A one-step attack needs a search of the same model: one behind a defence is of another."""
    file = tmp_path / "thresholds.toml"
    file.write_text(ONE_STEP)
    with pytest.raises(PolicyError, match="the same defence if any"):
        check_policy(policies.load(file))
    file.write_text(
        ONE_STEP.replace('"FGSM" }', '"FGSM" }\ndefence = { use = "jpeg", quality = 50 }')
    )
    check_policy(policies.load(file))
