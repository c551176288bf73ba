"""What a policy at its edges may say, and what it is held against before anything is measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.measures import MEASURES, check_data
from securemnist.view.taxonomy import unknown_ids
from tests.commands import run
from tests.data.small import write
from tests.policies import BACKDOOR, CLEAN, LATENCY, ROBUST, STATIC, check, in_days, table

FAMILIES = [
    "clean",
    "adversarial",
    "certified",
    "backdoor",
    "latency",
    "static",
    "privacy",
    "service",
]
FAMILIES += ["threat_model", "supply_chain", "natural", "defence"]


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        (CLEAN, {"at_least": "0.11", "max_drop": "0.99", "max_relative_drop": "0.5"}),
        (CLEAN, {"images": "200", "max_newly_broken": "199"}),
        (CLEAN, {"at_least": "1"}),
        (CLEAN, {"because": '"誤差"'}),
        (CLEAN, {"waiver": f'{{ reason = "known", expires = {in_days(364)} }}'}),
        (BACKDOOR, {"max_drop": "0.0"}),
        (STATIC, {"at_most": "0", "max_drop": "-0.0", "max_newly_broken": "0"}),
        (LATENCY, {"max_drop": "2.9", "rounds": "6"}),
        (ROBUST, {"threat": '{ norm = "linf", eps = 0.0001 }', "curve": "[0.0, 0.1]"}),
        (ROBUST, {"attack": '{ use = "PGD", steps = 4, step_size = 0.025 }', "seconds": "1"}),
    ],
)
def test_bounds_that_can_fail_are_accepted(row: dict[str, str], changes: dict[str, str]) -> None:
    """The strictest and the easiest bound that a model can still miss are both a policy."""
    (read,) = check(table(row, **changes)).requirements
    assert str(read.max_drop) in (changes.get("max_drop", "None").removeprefix("-"), "0.0")


def test_a_measure_of_ones_own_has_no_known_direction() -> None:
    """A row of a user's own measure may bound it from either side."""
    for key in ("at_least", "at_most"):
        text = table(CLEAN, measure='"own"', **{"at_least": None, key: "0.03"})
        (row,) = check(text, custom=frozenset({"own"})).requirements
        assert row.threshold == 0.03


def test_rows_that_differ_in_one_setting_are_two() -> None:
    """Another seed, threshold or number of images is another question."""
    others = ({"seed": "1"}, {"at_least": "0.95"}, {"images": "500"})
    text = table(CLEAN) + "".join(
        table(CLEAN, id=f'"C-{number}"', **changes) for number, changes in enumerate(others)
    )
    assert len(check(text).requirements) == 4


def test_families_that_have_rows() -> None:
    """A policy may demand every family of the measures, and is read where each has a row."""
    assert sorted(FAMILIES) == sorted({measure.family.name for measure in MEASURES.values()})
    read = check('families = ["clean", "static"]\n' + table(STATIC) + table(CLEAN))
    assert read.families == ("clean", "static")


@pytest.mark.parametrize(
    ("row", "changes", "words"),
    [
        (
            CLEAN,
            {"images": "20000"},
            "expected at most 10,000 samples, as many as the test set has",
        ),
        (CLEAN, {"max_newly_broken": "10000"}, "expected max_newly_broken below 10,000"),
        (LATENCY, {"batch": "10000"}, ""),
        (CLEAN, {"images": "10000", "max_newly_broken": "9999"}, ""),
    ],
)
def test_more_samples_than_there_are(
    row: dict[str, str], changes: dict[str, str], words: str, mnist: DataSet
) -> None:
    """A row that asks for more test images than the data has is refused before anything runs."""
    read = check(table(row, **changes))
    if not words:
        check_data(read, mnist)
        return
    with pytest.raises(UsageError, match=words) as refused:
        check_data(read, mnist)
    assert refused.value.exit_code == 2


def test_a_batch_beyond_the_test_set(mnist: DataSet) -> None:
    """A latency row may not ask for more images a call than there are."""
    few = dataclasses.replace(mnist, test=mnist.test[:150])
    with pytest.raises(UsageError, match="row LAT-01: expected at most 150 samples"):
        check_data(check(table(LATENCY, batch="151")), few)


def test_other_data_than_the_policy_names(mnist: DataSet) -> None:
    """A policy that names its data is held against that data only; one pixel is other data."""
    named = f'data = {{ name = "MNIST", sha256 = "{mnist.digest}" }}\n'
    check_data(check(named + table(CLEAN)), mnist)
    pixels = mnist.test.pixels.clone()
    pixels[9_999, 0, 27, 27] += 1
    other = dataclasses.replace(mnist, test=dataclasses.replace(mnist.test, pixels=pixels))
    with pytest.raises(UsageError) as refused:
        check_data(check(named + table(CLEAN)), other)
    assert other.digest in str(refused.value)
    assert str(refused.value).startswith(
        "thresholds.toml: expected the data it was written for, MNIST"
    )


@pytest.mark.parametrize("changes", [{"images": "401"}, {}])
def test_the_command_refuses_other_data(changes: dict[str, str], cwd: Path, mnist: DataSet) -> None:
    """`assess` and `compare` end with 2 before a row runs where data and policy do not fit."""
    write(cwd, mnist.tuning[:600], mnist.test[:400])
    named = "" if changes else f'data = {{ name = "MNIST", sha256 = "{mnist.digest}" }}\n'
    Path("own.toml").write_text(named + table(CLEAN, **changes))
    words = ("--policy", "own.toml", "--data", ".", "--out", "out")
    done = run("assess", "--model", "baseline", *words)
    assert (done.exit_code, Path("out").exists()) == (2, False)
    assert ("row CLEAN-01" if changes else "written for, MNIST") in done.output


def test_the_bundled_policy_names_its_data(cwd: Path, mnist: DataSet) -> None:
    """The bundled thresholds were chosen for MNIST, and are held against nothing else."""
    write(cwd, mnist.tuning[:600], mnist.test[:400])
    done = run("assess", "--model", "baseline", "--data", ".", "--tier", "smoke")
    assert done.exit_code == 2, done.output
    assert "expected the data it was written for, MNIST" in done.output


@pytest.mark.parametrize(
    ("ids", "unknown"),
    [
        (["AML.T9999", "ML77:2023", "CWE-999999999", "STRIDE:Q"], True),
        (["ML01:2019", "STRIDE:", "aml.t0043", "CWE-502 "], True),
        (["AML.T0043.000", "ML01:2023", "CWE-1039", "STRIDE:T", "STRIDE:S/T"], False),
        (["OURS-7", "amlodipine", "CWEIGHT"], False),
    ],
)
def test_unknown_threat_identifiers(ids: list[str], unknown: bool) -> None:
    """An identifier of a taxonomy that is not known is named once; one of the project's own is not."""
    rows = check(table(CLEAN, ids=str(ids)) + table(STATIC, ids=str(ids))).requirements
    phrase = unknown_ids(rows)
    assert [phrase.count(one.strip()) for one in ids] == [1 if unknown else 0] * len(ids)


@pytest.mark.parametrize("words", [("assess", "--list"), ("explain", "CLEAN-01")])
def test_the_warning_about_an_identifier(words: tuple[str, ...], cwd: Path) -> None:
    """Commands warn once on stderr of an unknown identifier, and go on."""
    Path("own.toml").write_text(table(CLEAN, ids='["AML.T9999", "AML.T9999\\u001b[31m"]'))
    done = run(*words, "--policy", "own.toml")
    assert done.exit_code == 0, done.output
    assert done.stderr.count("warning: the policy names identifiers that are not known here") == 1
    assert "AML.T9999" in done.stderr
    assert "\x1b" not in done.stderr


def test_explain_names_direction_and_waiver(tmp_path: Path) -> None:
    """`explain` says which way a measure is bounded, and what a waiver permits through which day."""
    day = in_days(30)
    waiver = f'{{ reason = "retraining", expires = {day}, worst = 0.75 }}'
    (tmp_path / "own.toml").write_text(table(BACKDOOR, waiver=waiver))
    done = run("explain", "BACKDOOR-01", "--policy", str(tmp_path / "own.toml"))
    assert "threshold: at_most, 0 to below 1" in done.output
    shown = f"waived through {day} (UTC, inclusive), no value worse than 0.75: retraining"
    assert shown in done.output
