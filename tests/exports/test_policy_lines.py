"""The line of a row is that of its id, however the policy is written."""

from __future__ import annotations

import pytest

from securemnist._util import resources
from securemnist.exports.places import Place, Places, row_lines
from securemnist.results import policy
from tests.exports.example import LINES, POLICY, assessment


def test_each_row_has_the_line_of_its_id() -> None:
    """Comments, strings of several lines, tables of a row and the order of its keys change nothing."""
    assert row_lines(POLICY) == LINES


def test_the_lines_of_the_bundled_policy() -> None:
    """Every row of the bundled policy is found, on a line that names it."""
    text = resources.POLICY.read_text()
    lines, rows = row_lines(text), policy.load(resources.POLICY).requirements
    assert set(lines) == {row.id for row in rows}
    for row, number in lines.items():
        assert text.split("\n")[number - 1] == f'id = "{row}"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('requirement = [\n  { id = "A-1" },\n  { id = \'A-2\', x = "id" },\n]\n', {"A-1": 2, "A-2": 3}),
        ('[["requirement"]]\nx = 1\nid = "A-1"\n', {"A-1": 3}),
        ('\r\n[[requirement]]\r\nx = "y"\r\nid="A-1"\r\n', {"A-1": 4}),
        ('[[requirement]]\n"id" = "A-1"\n', {"A-1": 1}),
        ('[[requirement]]\nx = [\n  [1],\n]\nid = "A-1"', {"A-1": 1}),
        ("no = TOML", {}),
        ("requirement = 3", {}),
        ("", {}),
    ],
    ids=["inline", "quoted", "line ends", "quoted key", "array", "no TOML", "no rows", "empty"],
)  # fmt: skip
def test_other_forms(text: str, expected: dict[str, int]) -> None:
    """A row in another form has its line, or that of its header; text that is no policy has none."""
    assert row_lines(text) == expected


def test_a_row_that_the_text_lacks_is_at_the_first_line() -> None:
    """Every row has a place: services show nothing without one."""
    assert Places(assessment()).row("OTHER-1") == Place("security_tests/thresholds.toml", 1, 11)
    empty = {"path": "", "digest": "", "text": ""}
    assert Places(assessment(policy=empty)).row("CLEAN-01") == Place("thresholds.toml", 1, 0)


@pytest.mark.parametrize(
    ("path", "folder", "uri"),
    [
        ("security_tests/thresholds.toml", "", "security_tests/thresholds.toml"),
        ("security_tests/t.toml", "models/reader", "models/reader/security_tests/t.toml"),
        (
            "models/reader/security_tests/t.toml",
            "models/reader",
            "models/reader/security_tests/t.toml",
        ),
        ("the bundled policy", "", "securemnist/security_tests/thresholds.toml"),
        ("/etc/../../passwd", "", "etc/passwd"),
        ("a b/ü#?%.toml", "", "a%20b/%C3%BC%23%3F%25.toml"),
        ("javascript:alert(1)", "", "javascript%3Aalert%281%29"),
    ],
    ids=["usual", "in a folder", "from above", "bundled", "outside", "signs", "scheme"],
)
def test_a_path_is_relative_to_the_root_of_the_repository(path: str, folder: str, uri: str) -> None:
    """A path has the project's folder before it, leads out of no folder, and is a relative URI."""
    stored = {"path": path, "digest": "", "text": POLICY}
    result = assessment(policy=stored, environment={"folder": folder})
    assert Places(result).row("ADV-01").uri == uri


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("security_tests/t.toml", "", "shop/a.py"),
        ("security_tests/t.toml", "models/reader", "models/reader/shop/a.py"),
        ("models/reader/security_tests/t.toml", "", "models/reader/shop/a.py"),
        ("models/reader/security_tests/t.toml", "models/reader", "models/reader/shop/a.py"),
        ("small.toml", "models/reader", "models/reader/shop/a.py"),
        ("the bundled policy", "models/reader", "models/reader/shop/a.py"),
    ],
    ids=["root", "in a folder", "started above", "pytest above", "beside", "bundled"],
)
def test_source_files_begin_at_the_project_of_the_policy(
    path: str, folder: str, expected: str
) -> None:
    """Static rows read the folder above security_tests/, wherever the run was started."""
    stored = {"path": path, "digest": "", "text": POLICY}
    result = assessment(policy=stored, environment={"folder": folder})
    assert Places(result).source("shop/a.py", 3) == Place(expected, 3)
