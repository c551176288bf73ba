"""A policy that cannot be judged is refused in one sentence that names the row and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.errors import PolicyError
from securemnist.results import policy
from tests.error_form import one_sentence
from tests.policies import (
    BACKDOOR,
    CERTIFIED,
    CLEAN,
    FGSM,
    LATENCY,
    ROBUST,
    STATIC,
    WORST,
    check,
    in_days,
    table,
)

ATTACKED = {**ROBUST, "id": '"ART-01"', "measure": '"attack_accuracy"'}
WRONG_WAY: dict[str, str | None] = {"at_least": None, "at_most": "0.61"}
WRONG_ROWS: dict[str, tuple[dict[str, str], dict[str, str | None], str]] = {
    "unknown key": (CLEAN, {"colour": "1"}, "unknown key 'colour'; remove it"),
    "key of another measure": (CLEAN, {"threat": "{}"}, "unknown key 'threat'"),
    "unknown measure": (CLEAN, {"measure": '"beauty"'}, "got 'beauty'; name one"),
    "measure of odd form": (CLEAN, {"measure": '"Beauty!"'}, "expected measure to fit"),
    "no measure": (CLEAN, {"measure": None}, "expected 'measure', got nothing; add it"),
    "no reason": (CLEAN, {"because": None}, "expected 'because', got nothing; add it"),
    "empty reason": (CLEAN, {"because": '""'}, "expected because to fit"),
    "blank reason": (CLEAN, {"because": '" \\t\\n"'}, "expected words that can be read"),
    "invisible reason": (
        CLEAN,
        {"because": '"\\u200b\\u2060\\u00a0\\ufeff\\u00ad\\u2800\\u3164\\u115f"'},
        "expected words that can be read",
    ),
    "a reason of signs": (CLEAN, {"because": '"..."'}, "expected words that can be read"),
    "blank id of a threat": (CLEAN, {"ids": '[" "]'}, "expected words that can be read"),
    "blank reason of a waiver": (
        CLEAN,
        {"waiver": f'{{ reason = "\\u200b ", expires = {in_days(9)} }}'},
        "expected words that can be read",
    ),
    "a waiver for ever": (
        CLEAN,
        {"waiver": '{ reason = "later", expires = 9999-12-31 }'},
        "expected a waiver of at most 366 days",
    ),
    "a waiver for longer than a year": (
        CLEAN,
        {"waiver": f'{{ reason = "later", expires = {in_days(368)} }}'},
        "renew it then",
    ),
    "threshold above 1": (CLEAN, {"at_least": "1.2"}, "from 0 to 1 for clean_accuracy, got 1.2"),
    "threshold below 0": (CLEAN, {"at_least": "-0.1"}, "from 0 to 1"),
    "threshold NaN": (
        CLEAN,
        {"at_least": "nan"},
        "threshold up to 1e+15, got nan",
    ),
    "threshold infinite": (
        CLEAN,
        {"at_least": "inf"},
        "threshold up to 1e+15, got inf",
    ),
    "threshold in quotes": (CLEAN, {"at_least": '"0.9"'}, "expected at_least to be a number"),
    "threshold true": (CLEAN, {"at_least": "true"}, "expected at_least to be a number"),
    "both bounds": (CLEAN, {"at_most": "0.95"}, "exactly one of at_least and at_most"),
    "no bound": (CLEAN, {"at_least": None}, "exactly one of at_least and at_most"),
    "a bar on the floor": (CLEAN, {"at_least": "0"}, "a model that guesses meets it"),
    "minus zero": (CLEAN, {"at_least": "-0.0"}, "got 0; a model that guesses meets it"),
    "a bar at chance": (CLEAN, {"at_least": "0.1"}, "expected a threshold above 0.1"),
    "a bar below chance under attack": (ROBUST, {"at_least": "0.05"}, "a model that guesses"),
    "a bar on the floor beside a drop": (
        CLEAN,
        {"at_least": "0", "max_drop": "0.01"},
        "a model that guesses meets it",
    ),
    "a ceiling that nothing reaches": (BACKDOOR, {"at_most": "1"}, "that a model can miss"),
    "a latency that nothing reaches": (LATENCY, {"at_most": "10000"}, "that a model can miss"),
    "findings without number": (STATIC, {"at_most": "1e9"}, "expected a threshold from 0 to 10000"),
    "clean from above": (CLEAN, WRONG_WAY, "expected at_least for clean_accuracy, of which more"),
    "worst class from above": (WORST, WRONG_WAY, "expected at_least for worst_class_accuracy"),
    "robust from above": (ROBUST, WRONG_WAY, "expected at_least for robust_accuracy"),
    "attacked from above": (FGSM, WRONG_WAY, "expected at_least for attack_accuracy"),
    "certified from above": (CERTIFIED, WRONG_WAY, "expected at_least for certified_accuracy"),
    "backdoor from below": (
        BACKDOOR,
        {"at_most": None, "at_least": "0.03"},
        "expected at_most for backdoor_success, of which less is better, got at_least; write at_most",
    ),
    "latency from below": (
        LATENCY,
        {"at_most": None, "at_least": "1.5"},
        "expected at_most for lat",
    ),
    "findings from below": (
        STATIC,
        {"at_most": None, "at_least": "3"},
        "expected at_most for static",
    ),
    "a drop in percent": (CLEAN, {"max_drop": "5"}, "expected max_drop below 1 for clean_accuracy"),
    "a drop of all": (ROBUST, {"max_drop": "1"}, "write 5 % as 0.05"),
    "a rise of all": (BACKDOOR, {"max_drop": "1.0"}, "expected max_drop below 1"),
    "a relative drop in percent": (CLEAN, {"max_relative_drop": "2"}, "max_relative_drop below 1"),
    "a relative rise in percent": (LATENCY, {"max_relative_drop": "10"}, "max_relative_drop below"),
    "a rise of a ratio beyond its bound": (LATENCY, {"max_drop": "3"}, "expected max_drop below 3"),
    "a rise of findings beyond their bound": (STATIC, {"max_drop": "5"}, "max_drop below 5"),
    "all digits newly broken": (
        CLEAN,
        {"digits": "200", "max_newly_broken": "200"},
        "expected max_newly_broken below 200, the row's samples, got 200",
    ),
    "all findings new": (STATIC, {"max_newly_broken": "5"}, "expected max_newly_broken below 5"),
    "digits of a ratio": (LATENCY, {"max_newly_broken": "5"}, "expected a measure of samples"),
    "eps zero": (ROBUST, {"threat": '{ norm = "linf", eps = 0.0 }'}, "eps of at least 0.0001"),
    "eps minus zero": (ROBUST, {"threat": '{ norm = "l2", eps = -0.0 }'}, "eps of at least 0.0001"),
    "eps next to zero": (CERTIFIED, {"threat": '{ norm = "linf", eps = 1e-9 }'}, "eps of at least"),
    "steps that lead nowhere": (
        ROBUST,
        {"attack": '{ use = "PGD", steps = 4, step_size = 0.001 }'},
        "expected steps that reach eps (0.1), got 4 of 0.001",
    ),
    "no iterations of ART's": (
        ATTACKED,
        {"attack": '{ use = "art:ProjectedGradientDescent", max_iter = 0 }'},
        "expected max_iter of ART-ProjectedGradientDescent above 0, got 0",
    ),
    "no step of ART's": (
        ATTACKED,
        {"attack": '{ use = "art:FastGradientMethod", eps_step = 0.0 }'},
        "expected eps_step of ART-FastGradientMethod above 0, got 0.0",
    ),
    "no time": (ROBUST, {"seconds": "0.001"}, "expected seconds of at least 1, got 0.001"),
    "one round": (LATENCY, {"rounds": "1"}, "expected rounds from 6 to 10000, got 1"),
    "families in a row": (CLEAN, {"families": '["clean"]'}, "above the first [[requirement]]"),
    "because misspelt": (CLEAN, {"because": None, "becuase": '"b"'}, "got 'becuase'; fix its"),
    "at_least misspelt": (CLEAN, {"at_least": None, "at_last": "0.9"}, "got 'at_last'; fix its"),
    "threat misspelt": (ROBUST, {"threat": None, "thread": "{}"}, "got 'thread'; fix its"),
    "negative drop": (CLEAN, {"max_drop": "-0.1"}, "expected max_drop to fit"),
    "endless drop": (CLEAN, {"max_relative_drop": "inf"}, "expected max_relative_drop to fit"),
    "half a digit newly broken": (
        CLEAN,
        {"max_newly_broken": "1.5"},
        "max_newly_broken to be a whole number",
    ),
    "id with a space": (CLEAN, {"id": '"CLEAN 01"'}, "expected id to fit"),
    "id with a slash": (CLEAN, {"id": '"../01"'}, "expected id to fit"),
    "id with a newline": (CLEAN, {"id": '"CLEAN\\n"'}, "expected id to fit"),
    "id a number": (CLEAN, {"id": "7"}, "expected id to be text in quotes"),
    "id too long": (CLEAN, {"id": f'"{"x" * 65}"'}, "expected id to fit"),
    "unknown tier": (CLEAN, {"tier": '"huge"'}, "'smoke', 'standard' or 'full'"),
    "negative seed": (CLEAN, {"seed": "-1"}, "expected seed to fit"),
    "ids of numbers": (CLEAN, {"ids": "[1]"}, "expected ids.0 to be text in quotes"),
    "waiver without date": (CLEAN, {"waiver": '{ reason = "r" }'}, "expected 'waiver.expires'"),
    "waiver without reason": (CLEAN, {"waiver": "{ expires = 2027-01-01 }"}, "'waiver.reason'"),
    "date in quotes": (
        CLEAN,
        {"waiver": '{ reason = "r", expires = "2027-01-01" }'},
        "expected waiver.expires to fit",
    ),
    "date with a time": (
        CLEAN,
        {"waiver": '{ reason = "r", expires = 2027-01-01T00:00:00 }'},
        "expected waiver.expires to fit",
    ),
    "no digits": (CLEAN, {"digits": "0"}, "expected at least 1 image, got 0"),
    "negative digits": (CLEAN, {"digits": "-5"}, "expected at least 1 image, got -5"),
    "half a digit": (CLEAN, {"digits": "1.5"}, "expected digits to be a whole number"),
    "no threat": (ROBUST, {"threat": None}, "expected 'threat', got nothing"),
    "threat a number": (ROBUST, {"threat": "0.1"}, "expected threat to be a table"),
    "eps missing": (ROBUST, {"threat": '{ norm = "linf" }'}, "expected a threat with norm and eps"),
    "eps negative": (ROBUST, {"threat": '{ norm = "linf", eps = -0.1 }'}, "0 <= eps <= 1"),
    "eps NaN": (ROBUST, {"threat": '{ norm = "linf", eps = nan }'}, "0 <= eps <= 1"),
    "eps above 1": (ROBUST, {"threat": '{ norm = "linf", eps = 8 }'}, "[0, 1] pixel units"),
    "eps above 28 in L2": (ROBUST, {"threat": '{ norm = "l2", eps = 29 }'}, "0 <= eps <= 28"),
    "eps in quotes": (ROBUST, {"threat": '{ norm = "l2", eps = "1" }'}, "expected eps as a number"),
    "eps true": (ROBUST, {"threat": '{ norm = "l2", eps = true }'}, "expected eps as a number"),
    "unknown norm": (ROBUST, {"threat": '{ norm = "l7", eps = 0.1 }'}, "a norm of linf, l2"),
    "norm a list": (ROBUST, {"threat": '{ norm = ["l2"], eps = 0.1 }'}, "a norm of linf, l2"),
    "unknown attack": (ROBUST, {"attack": '{ use = "Magic" }'}, "got 'Magic'; fix `use`"),
    "attack a list": (ROBUST, {"attack": '{ use = ["PGD"] }'}, "got ['PGD']; fix `use`"),
    "attack without a name": (ROBUST, {"attack": "{ steps = 4 }"}, "got None; fix `use`"),
    "attack a text": (ROBUST, {"attack": '"PGD"'}, "got 'PGD'; write attack = { use"),
    "unknown setting": (ROBUST, {"attack": '{ use = "PGD", step = 4 }'}, "got 'step'"),
    "steps in quotes": (ROBUST, {"attack": '{ use = "PGD", steps = "4" }'}, "expected steps"),
    "half a step": (ROBUST, {"attack": '{ use = "PGD", steps = 4.5 }'}, "expected steps"),
    "steps true": (ROBUST, {"attack": '{ use = "PGD", steps = true }'}, "expected steps"),
    "no steps": (ROBUST, {"attack": '{ use = "PGD", steps = 0 }'}, "expected steps"),
    "no restarts": (ROBUST, {"attack": '{ use = "PGD", restarts = 0 }'}, "expected restarts"),
    "half a restart": (ROBUST, {"attack": '{ use = "PGD", restarts = 1.5 }'}, "expected restarts"),
    "no step size": (ROBUST, {"attack": '{ use = "PGD", step_size = 0 }'}, "expected step_size"),
    "step size NaN": (ROBUST, {"attack": '{ use = "PGD", step_size = nan }'}, "expected step_size"),
    "step size true": (ROBUST, {"attack": '{ use = "PGD", step_size = true }'}, "expected step_si"),
    "unknown loss": (ROBUST, {"attack": '{ use = "PGD", loss = "mse" }'}, "expected loss of ce"),
    "start of 1": (FGSM, {"attack": '{ use = "RFGSM", start = 1 }'}, "expected start between"),
    "start a text": (
        FGSM,
        {"attack": '{ use = "RFGSM", start = "x" }'},
        "settings that RFGSM takes",
    ),
    "setting of FGSM": (FGSM, {"attack": '{ use = "FGSM", eps = 0.1 }'}, "got 'eps'"),
    "one step called robust": (ROBUST, {"attack": '{ use = "FGSM" }'}, "measures attack_accuracy"),
    "curve beyond 1": (ROBUST, {"curve": "[0.1, 2.0]"}, "0 <= eps <= 1 for linf, got 2.0"),
    "curve of texts": (ROBUST, {"curve": '["0.1"]'}, "expected curve.0 to be a number"),
    "FGSM alone": (FGSM, {}, "expected a robust_accuracy row with the same threat"),
}


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_a_row_that_cannot_be_judged(name: str) -> None:
    """An ill-formed row is one PolicyError that names the file and the row and says what to do."""
    row, changes, words = WRONG_ROWS[name]
    with pytest.raises(PolicyError) as caught:
        check(table(row, **changes))
    text = one_sentence(caught.value)
    named = (changes.get("id") or row["id"]).strip('"').removesuffix("\\n")[:64]
    assert text.startswith(f"thresholds.toml: row {named}: ")
    assert words in text


@pytest.mark.parametrize("value", ["2027-01-01", "nan", "[inf]"])
def test_settings_that_json_cannot_carry(value: str) -> None:
    """A date or a NaN among the settings of a suite's own measure is refused before it is measured."""
    with pytest.raises(PolicyError, match="row CLEAN-01: expected settings of text"):
        check(table(CLEAN, measure='"own"', since=value), custom=frozenset({"own"}))


WRONG_FILES = {
    "not TOML": ("[[requirement]\n", "expected TOML"),
    "a date there is none": (table(CLEAN, since="2027-13-01"), "expected TOML"),
    "a number of 5,000 figures": (table(CLEAN, digits="9" * 5_000), "expected TOML"),
    "deep nesting": ("x = " + "[" * 100_000, "expected TOML"),
    "empty": ("", "expected 'requirement', got nothing"),
    "no rows": ("requirement = []", "at least 1 item"),
    "a row that is a number": ("requirement = [3]", "expected requirement.0 to be a table"),
    "an unknown table": (table(CLEAN) + "[option]\n", "unknown key 'option'"),
    "ids twice": (table(CLEAN) + table(CLEAN), "got 'CLEAN-01' twice; rename one"),
    "one question twice": (
        table(CLEAN) + table(CLEAN, id='"CLEAN-02"', because='"again"', tier='"full"'),
        "expected a row that differs from the others, got the same as row CLEAN-01",
    ),
    "one question twice, a default written out": (
        table(LATENCY) + table(LATENCY, id='"LAT-02"', rounds="21"),
        "expected a row that differs from the others, got the same as row LAT-01",
    ),
    "a family without a row": (
        'families = ["clean", "adversarial"]\n' + table(CLEAN),
        "expected a row of the family adversarial, which `families` demands, got none; add one",
    ),
    "an unknown family": ('families = ["evasion"]\n' + table(CLEAN), "got 'evasion'; name one"),
    "families that are a text": ('families = "clean"\n' + table(CLEAN), "families to be a list"),
    "data without a digest": ('data = { name = "MNIST" }\n' + table(CLEAN), "'data.sha256'"),
    "data of another digest": (
        'data = { name = "MNIST", sha256 = "ABC" }\n' + table(CLEAN),
        "expected data.sha256 to fit",
    ),
    "data without a name": (
        f'data = {{ name = " ", sha256 = "{"0" * 64}" }}\n' + table(CLEAN),
        "expected words that can be read",
    ),
    "ids of one case": (
        table(CLEAN) + table(CLEAN, id='"clean-01"'),
        "ids that differ in more than case, got 'clean-01' beside 'CLEAN-01'; rename one",
    ),
    "a row without id": (table(CLEAN, id=None), "row number 1: expected 'id', got nothing"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_file_that_is_no_policy(name: str) -> None:
    """A text that holds no list of rows is one PolicyError that names the file."""
    text, words = WRONG_FILES[name]
    with pytest.raises(PolicyError) as caught:
        check(text)
    said = one_sentence(caught.value)
    assert said.startswith("thresholds.toml: ")
    assert words in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "expected a policy, got No such file"),
        (b"\xff\xfe", "expected UTF-8 text"),
        (b"#" * (policy.MAX_BYTES + 1), "expected a policy, got more than 1048576 bytes"),
    ],
    ids=["missing", "not UTF-8", "too large"],
)
def test_a_file_that_cannot_be_read(content: bytes | None, words: str, tmp_path: Path) -> None:
    """A missing, undecodable or overlong file is one PolicyError that names it."""
    path = tmp_path / "thresholds.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PolicyError) as caught:
        policy.load(path)
    assert one_sentence(caught.value).startswith(f"{path}: {words}")
