"""`securemnist keygen`, `sign`, `attest` and `verify`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result

import securemnist
from securemnist._util import resources
from securemnist.cli.passphrase import VARIABLE
from securemnist.data import DataSet
from securemnist.results import policy, verdicts
from securemnist.signing import keys
from securemnist.signing.model_signature import PREDICATE
from tests.commands import run
from tests.data.small import write
from tests.policies import CLEAN, table
from tests.signing.signed import TWO_ROWS, assessment, failing, payload_of, write_key, write_model

POLICY = table(CLEAN, at_least="0.8")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a model, a key and an assessment that passed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    write_model(tmp_path / "net")
    write_key(tmp_path / "release")
    (tmp_path / "policy.toml").write_text(TWO_ROWS.text)
    (tmp_path / "assessment.json").write_bytes(assessment(TWO_ROWS).dumps())
    return tmp_path


def attest(*words: str) -> Result:
    """The command on the files of `here`."""
    weights = ("--weights", "net/net.safetensors", "--policy", "policy.toml")
    return run("attest", "assessment.json", "--key", "release", *weights, *words)


def verify(*words: str, weights: str = "net") -> Result:
    """The command with the public key of `here`."""
    return run("verify", weights, "--public-key", "release.pub", *words)


def refused(result: Result, code: int, text: str) -> None:
    """The command ended in one sentence with this exit code."""
    assert result.exit_code == code, result.output
    (sentence,) = result.stderr.strip().splitlines()
    assert text in sentence


def test_an_assessed_model_is_attested_and_verified(small_mnist: Path, here: Path) -> None:
    """The whole way: assess, attest, verify with policy, data and assessment; other data is refused."""
    for suffix in (".safetensors", ".json"):
        shutil.copy(resources.WEIGHTS / f"baseline{suffix}", here)
    (here / "policy.toml").write_text(POLICY)
    data = DataSet.load(small_mnist)
    assessed = securemnist.assess("baseline.safetensors", data, policy="policy.toml")
    assessed.save("reports")
    record = json.loads((here / "reports" / "assessment.json").read_text())
    assert sorted(record["subject"]["files"]) == ["baseline.json", "baseline.safetensors"]
    words = ("--key", "release", "--weights", "baseline.safetensors", "--policy", "policy.toml")
    done = run("attest", "reports/assessment.json", *words)
    assert done.exit_code == 0, done.output
    assert "PASSED, 1 of 1 rows passed" in done.output
    words = ("--attestation", "baseline.safetensors.attestation.json", "--policy", "policy.toml")
    words = (*words, "--assessment", "reports/assessment.json")
    done = verify(*words, "--data", str(small_mnist), weights="baseline.safetensors")
    assert done.exit_code == 0, done.output
    assert "baseline.safetensors: PASSED on" in done.output
    (here / "fewer").mkdir()
    write(here / "fewer", data.train, data.test[:100])
    other = verify(*words, "--data", "fewer", weights="baseline.safetensors")
    refused(other, 1, "expected the attested data")


def test_a_folder_is_signed_and_verified(here: Path) -> None:
    """`sign` writes NAME.sig beside the folder, `verify` accepts it, and refuses another file (1)."""
    done = run("sign", "net", "--key", "release")
    assert done.exit_code == 0, done.output
    assert "net.sig: signature over 2 files of net" in done.output
    assert payload_of((here / "net.sig").read_bytes())["predicateType"] == PREDICATE
    done = verify("--signature", "net.sig")
    assert done.exit_code == 0, done.output
    assert "signed, 2 files as when it was signed" in done.output
    (here / "net" / "new").touch()
    refused(verify("--signature", "net.sig"), 1, "new not signed")


def test_files_are_signed_one_by_one(here: Path) -> None:
    """Several files have a signature each; weights without their manifest are pointed out."""
    done = run("sign", "net/net.safetensors", "net/net.json", "--key", "release")
    assert done.exit_code == 0, done.output
    assert "net.json is not covered" in done.output
    for name in ("net/net.safetensors", "net/net.json"):
        assert verify("--signature", f"{name}.sig", weights=name).exit_code == 0
    done = run("sign", "net", "net/net.json", "--key", "release", "--out", "x.sig")
    refused(done, 2, "expected one of WEIGHTS with --out, got 2")


def test_ignored_files_are_named(here: Path) -> None:
    """What a signature leaves out is said when it is verified."""
    (here / "net" / "log").touch()
    assert run("sign", "net", "--key", "release", "--ignore", "log").exit_code == 0
    assert "not covered: net/log" in verify("--signature", "net.sig").output


def test_the_current_folder_is_signed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sign .` names the signature after the folder and leaves it out."""
    monkeypatch.chdir(here / "net")
    assert run("sign", ".", "--key", "../release").exit_code == 0
    done = run("verify", ".", "--public-key", "../release.pub", "--signature", "net.sig")
    assert done.exit_code == 0, done.output


def test_attestation_without_a_policy_says_so(here: Path) -> None:
    """Without --policy a pass is of an unknown policy, and the command says that it was not checked."""
    assert attest().exit_code == 0
    words = ("--attestation", "net/net.safetensors.attestation.json")
    done = verify(*words, weights="net/net.safetensors")
    assert done.exit_code == 0
    assert "which policy that is was not checked" in done.output
    (here / "policy.toml").write_text(TWO_ROWS.text.replace("0.9", "0.2"))
    done = verify(*words, "--policy", "policy.toml", weights="net/net.safetensors")
    refused(done, 1, "expected the attested policy")
    done = verify(*words, "--policy", "bundled", weights="net/net.safetensors")
    refused(done, 1, "expected the attested policy")


def test_a_failed_run_is_attested_on_request_only(here: Path) -> None:
    """The exit code is that of the run, and nothing is written; with --failed it is FAILED."""
    (here / "assessment.json").write_bytes(failing(assessment(TWO_ROWS)).dumps())
    refused(attest(), 1, "A-2 is FAIL")
    assert not list(here.rglob("*.attestation.json"))
    assert "FAILED, 1 of 2 rows passed" in attest("--failed", "--out", "a.json").output
    refused(verify("--attestation", "a.json", weights="net/net.safetensors"), 1, "got FAILED")


def test_waived_rows_are_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A WARNED result verifies, names its waived rows and the last day of the first waiver."""
    text = TWO_ROWS.text + 'waiver = { reason = "known", expires = 2026-11-30 }\n'
    monkeypatch.setattr(verdicts, "utc_day", lambda: "2026-11-21")
    waived = policy.parse(text, "policy.toml")
    (here / "policy.toml").write_text(text)
    (here / "assessment.json").write_bytes(failing(assessment(waived)).dumps())
    assert "waived: A-2" in attest("--out", "a.json").output
    done = verify("--attestation", "a.json", weights="net/net.safetensors")
    assert done.exit_code == 0, done.output
    assert "WARNED on 2026-11-21" in done.output
    assert "waived until 2026-11-30: 1 (A-2)" in done.output
    monkeypatch.setattr(verdicts, "utc_day", lambda: "2026-12-01")
    refused(verify("--attestation", "a.json", weights="net/net.safetensors"), 1, "ended on")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "expected --signature or --attestation"),
        (
            ("--signature", "net.sig", "--policy", "policy.toml"),
            "expected --attestation with --policy",
        ),
        (("--signature", "none.sig"), "No such file"),
        (("--attestation", "none.json"), "No such file"),
    ],
)
def test_wrong_use_of_verify_ends_with_2(words: tuple[str, ...], text: str, here: Path) -> None:
    """Nothing to verify by, options that belong to the other kind, and missing files are usage errors."""
    refused(verify(*words), 2, text)


def test_a_new_key_signs(here: Path) -> None:
    """`keygen` writes a private key and its public key, prints its fingerprint, and overwrites none."""
    done = run("keygen", "--out", "keys/team")
    assert done.exit_code == 0, done.output
    public = keys.public_key(here / "keys" / "team.pub")
    assert keys.fingerprint(public) in done.output
    assert run("sign", "net", "--key", "keys/team").exit_code == 0
    refused(verify("--signature", "net.sig"), 1, "names another key")
    refused(run("keygen", "--out", "keys/team"), 2, "which is kept")
    refused(run("sign", "net", "--key", "keys/team.pub"), 2, "keys/team.pub")


def test_a_passphrase_comes_from_the_environment(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An encrypted key opens by the variable; without it and without a terminal: exit code 2."""
    monkeypatch.setenv(VARIABLE, "right")
    assert run("keygen", "--out", "locked", "--passphrase").exit_code == 0
    assert b"ENCRYPTED" in (here / "locked").read_bytes()
    assert run("sign", "net", "--key", "locked").exit_code == 0
    monkeypatch.setenv(VARIABLE, "wrong")
    refused(run("sign", "net", "--key", "locked"), 2, "expected the passphrase of this key")
    monkeypatch.delenv(VARIABLE)
    done = run("sign", "net", "--key", "locked")
    assert done.exit_code == 2
    assert VARIABLE in done.stderr.splitlines()[-1]
    assert "right" not in done.output


@pytest.mark.parametrize(
    "out", ["net/net.safetensors", "net/net.json", "release", "assessment.json"]
)
def test_no_other_file_is_overwritten(here: Path, out: str) -> None:
    """`--out` replaces an earlier signature or attestation, never weights, manifest or key."""
    before = (here / out).read_bytes()
    refused(run("sign", "net", "--key", "release", "--out", out), 2, "which is kept")
    refused(attest("--out", out), 2, "which is kept")
    assert (here / out).read_bytes() == before
    for _ in range(2):
        assert run("sign", "net", "--key", "release").exit_code == 0
        assert attest().exit_code == 0
        (here / "net" / "net.safetensors.attestation.json").rename(here / "passed.json")
        assert attest("--out", "passed.json").exit_code == 0
        (here / "passed.json").unlink()


def test_the_attested_threat_model_is_demanded(here: Path) -> None:
    """With --policy the threats.toml beside it has to be the attested one; without it, it is said."""
    words = ("--attestation", "net/net.safetensors.attestation.json", "--policy", "policy.toml")
    threats = here / "threats.toml"
    threats.write_text("# one\n")
    by = policy.load(here / "policy.toml")
    assert by.threat_model is not None
    found = assessment(by, threat_model=by.threat_model.to_json())
    (here / "assessment.json").write_bytes(found.dumps())
    assert attest().exit_code == 0
    done = verify(*words, weights="net/net.safetensors")
    assert done.exit_code == 0
    assert "threat model" not in done.output
    threats.write_text("# another\n")
    refused(verify(*words, weights="net/net.safetensors"), 1, "expected the attested threat model")
    threats.unlink()
    done = verify(*words, weights="net/net.safetensors")
    assert done.exit_code == 0
    assert "its threat model was not checked" in done.output
    (here / "assessment.json").write_bytes(assessment(TWO_ROWS).dumps())
    assert attest().exit_code == 0
    threats.write_text("# one\n")
    refused(verify(*words, weights="net/net.safetensors"), 1, "threat model (none)")
