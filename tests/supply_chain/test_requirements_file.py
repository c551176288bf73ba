"""Requirements files: which lines pin a dependency, and which do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from securemnist.supply_chain import requirements_file
from securemnist.supply_chain.lock import Lock

HASH = "a" * 64
EXTRA = "-".join(("extra", "index", "url"))  # no index is named in this repository
GOOD = f"numpy==2.4.6 --hash=sha256:{HASH}\n"


def read(folder: Path, text: str | bytes, name: str = "requirements.txt") -> Lock:
    """The lock of a file with this text."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return requirements_file.read(folder, name)


def wrong(lock: Lock) -> list[str]:
    """Names of the entries that do not hold."""
    return [check.name for check in lock.checks if not check.holds]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"numpy==2.4.6 \\\n    --hash=sha256:{HASH} \\\n    --hash=sha512:{'b' * 128}  # both\n",
        f"# pip\n--require-hashes\n\nnumpy==2.4.6 ; python_version>'3' --hash=sha256:{HASH}\r\n",
        f"numpy[test]==2.4.6 --hash sha256:{HASH}",
        f"numpy===2.4.6 --hash=sha384:{'c' * 96}\n-c constraints.txt\n--only-binary :all:\n",
        f"-i https://pypi.org/simple\n{GOOD}",
        f"numpy==2.4.6 \\\n# a comment ends the line\n--pre\n{GOOD}".split("\n", 2)[2],
    ],
    ids=range(7),
)
def test_one_version_with_hashes_is_a_pin(tmp_path: Path, text: str) -> None:
    """Hashes may follow on further lines, with comments, markers and harmless options between."""
    lock = read(tmp_path, text)
    assert wrong(lock) == []
    assert [(pin.name, pin.version) for pin in lock.pins] == [("numpy", "2.4.6")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("numpy", "any version"),
        ("numpy==2.4.6", "without hashes"),
        (f"numpy>=2 --hash=sha256:{HASH}", ">=2"),
        pytest.param(f"numpy=={'9' * 5000} --hash=sha256:{HASH}", "numpy==999", id="digits"),
        (f"numpy==2.* --hash=sha256:{HASH}", "==2.*"),
        (f"numpy==2.4.6,>2 --hash=sha256:{HASH}", "2.4.6"),
        (f"numpy==2.4.6 --hash=md5:{'a' * 32}", "md5"),
        (f"numpy==2.4.6 --hash=sha256:{HASH} --hash=sha1:{'a' * 40}", "sha1"),
        (f"numpy==2.4.6 --hash=sha256:{HASH[1:]}", "no SHA-256"),
        (f"numpy==2.4.6 --hash=sha256:{'x' * 64}", "no SHA-256"),
        (f"numpy @ https://example.org/numpy.whl --hash=sha256:{HASH}", "the address"),
        ("https://example.org/numpy.whl", "https://example.org/numpy.whl"),
        ("git+https://example.org/numpy@main#egg=numpy", "git+https"),
        ("-e .", "-e ."),
        ("./local", "./local"),
        ("--editable=src", "--editable=src"),
        ("-i http://example.org", "-i http"),
        (f"--{EXTRA}=http://example.org", EXTRA),
        ("-i https://pypi.org/simple/x", "-i https"),
        (f"--{EXTRA}=https://pypi.org/simple", EXTRA),
        ("-f wheels", "-f wheels"),
        ("--trusted-host example.org", "--trusted-host"),
        ("--frobnicate", "--frobnicate"),
        ("-rother.txt", "-rother.txt"),
        (f"${{NAME}}==1 --hash=sha256:{HASH}", "${NAME}"),
        ("numpy==2.4.6 \\", "without hashes"),
        ("numpy==2.4.6 \\\n#\n" + f"--hash=sha256:{HASH}", "without hashes"),
    ],
)
def test_anything_else_is_named(tmp_path: Path, text: str, found: str) -> None:
    """A line that admits another file, or that is not understood, does not hold, with its place."""
    lock = read(tmp_path, GOOD + text)
    (check, *_) = [check for check in lock.checks if not check.holds]
    assert found in check.found
    assert check.place == "requirements.txt:2"


def test_included_files_count(tmp_path: Path) -> None:
    """Files inside the project are read once, in any order; a circle ends."""
    (tmp_path / "more").mkdir()
    read(
        tmp_path,
        f"-r ../requirements.txt\n-r deep.txt\nscipy==1 --hash=sha256:{HASH}",
        "more/a.txt",
    )
    read(tmp_path, "bare\n", "more/deep.txt")
    lock = read(tmp_path, f"--requirement more/a.txt\n-r more/a.txt\n{GOOD}")
    assert sorted(pin.name for pin in lock.pins) == ["bare", "numpy", "scipy"]
    assert [check.place for check in lock.checks if not check.holds] == ["more/deep.txt:1"]


@pytest.mark.parametrize(
    "included",
    ["../outside.txt", "/etc/hosts", "https://example.org/r.txt", "missing.txt", "link.txt"],
)
def test_included_files_stay_inside(tmp_path: Path, included: str) -> None:
    """A file that is outside of the project or missing is not read, and does not hold."""
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "outside.txt").write_text("secret\n")
    os.symlink(tmp_path / "outside.txt", project / "link.txt")
    lock = read(project, f"-r {included}\n{GOOD}")
    assert len(wrong(lock)) == 1
    assert [pin.name for pin in lock.pins] == ["numpy"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"numpy\xff==1"])
def test_what_is_no_text_does_not_hold(tmp_path: Path, content: bytes) -> None:
    """Bytes that are no UTF-8, and a file that is missing, are checks that do not hold."""
    assert len(wrong(read(tmp_path, content))) == 1
    assert len(wrong(requirements_file.read(tmp_path, "absent.txt"))) == 1


@pytest.mark.parametrize("end", ["\r", "\v", "\f", "\x1c", "\u0085", "\u2028"], ids=ascii)
def test_a_line_ends_where_pip_ends_it(tmp_path: Path, end: str) -> None:
    """A package behind any line break that pip knows is an entry, also behind a comment."""
    lock = read(tmp_path, f"{GOOD}# a comment{end}other==1 --hash=sha256:{HASH}\n")
    assert [pin.name for pin in lock.pins] == ["numpy", "other"]


@pytest.mark.parametrize(
    "line",
    [
        "--pre -r other.txt",
        f"--require-hashes --{EXTRA} https://example.org",
        "-c constraints.txt -i https://example.org",
        "--no-binary=:all: --find-links .",
        "--pre ${OPTIONS}",
        "-r ${NAME}.txt",
        '-r "other.txt"',
        "-r oth\\er.txt",
        "-r=other.txt",
    ],
)
def test_a_second_option_in_a_line_is_refused(tmp_path: Path, line: str) -> None:
    """Pip reads every option of a line, without quotes and with variables: none hides behind another."""
    for name in ("other.txt", "oth\\er.txt", "=other.txt", "constraints.txt"):
        (tmp_path / name).write_text(GOOD)
    assert len(wrong(read(tmp_path, f"{GOOD}{line}\n"))) == 1


@pytest.mark.parametrize("first", [b"", b"# locked\n"])
def test_another_encoding_is_refused(tmp_path: Path, first: bytes) -> None:
    """Pip reads a file in the encoding that a comment of its first two lines names."""
    text = b"# -*- coding: %s -*-\n# +AAo-other==1\n" + GOOD.encode()
    assert wrong(read(tmp_path, first + text % b"utf-7")) == ["requirements.txt"]
    assert wrong(read(tmp_path, first + text % b"utf-8")) == []


def test_two_versions_of_a_package_do_not_hold(tmp_path: Path) -> None:
    """A package has one version here; one of another platform may be beside it."""
    other = GOOD.replace("2.4.6", "1.26.4 {}")
    assert wrong(read(tmp_path, GOOD + other.format(""))) == ["numpy"]
    assert wrong(read(tmp_path, GOOD + other.format("; python_version < '3'"))) == []


@pytest.mark.parametrize(
    "marker",
    ["(" * 5_000 + "python_version < '3'" + ")" * 5_000, "platform_release ~= 'x'"],
    ids=["nested", "undefined"],
)
def test_a_marker_that_cannot_be_judged_does_not_hold(tmp_path: Path, marker: str) -> None:
    """A marker that nests too deep, or compares what has no order, is a line that does not hold."""
    assert len(wrong(read(tmp_path, f"numpy==1 ; {marker} --hash=sha256:{HASH}"))) == 1


def test_entries_of_a_file_are_bounded(tmp_path: Path) -> None:
    """A file of a million lines is refused early: each entry would be evidence of the row."""
    lock = read(tmp_path, "a\n" * 1_000_000)
    assert len(lock.checks) == 10_001
    assert lock.unread[0].expected == "at most 10,000 entries"
