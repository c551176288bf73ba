"""Supply chain: do the model's files, data and dependencies come from where they should?"""

import pytest


@pytest.mark.measure("unpinned_dependencies")
def test_unpinned_dependencies(requirement, security_judge, security_record):
    """Every dependency of the project is pinned to one version, whose files are fixed by hashes."""
    security_record(security_judge(requirement))


@pytest.mark.measure("vulnerable_dependencies")
def test_vulnerable_dependencies(requirement, security_judge, security_record):
    """No installed or locked version has a vulnerability of the list of advisories."""
    security_record(security_judge(requirement))


@pytest.mark.measure("advisories_age_days")
def test_advisories_age_days(requirement, security_judge, security_record):
    """The list of advisories is no older than the row allows."""
    security_record(security_judge(requirement))


@pytest.mark.measure("unknown_provenance")
def test_unknown_provenance(requirement, security_judge, security_record):
    """Recipe, seed and data of the weights are recorded, and the file is the described one."""
    security_record(security_judge(requirement))


@pytest.mark.measure("unsafe_loaders")
def test_unsafe_loaders(requirement, security_judge, security_record):
    """No code of the project reads files in a way that may run code of theirs."""
    security_record(security_judge(requirement))


@pytest.mark.measure("data_changes")
def test_data_changes(requirement, security_judge, security_record):
    """The data are those that were recorded, or by statistics another draw of them."""
    security_record(security_judge(requirement))


@pytest.mark.measure("unverified_files")
def test_unverified_files(requirement, security_judge, security_record):
    """Every file is as the owner of a public key has signed it, or attested that it passed a policy."""
    security_record(security_judge(requirement))
