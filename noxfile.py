"""The verbs of this project, from `security` and `tests` to `picture`; `nox -l` lists them."""

import pathlib

import nox

nox.options.sessions = ["lint", "security", "tests"]
# uv, where it is installed, links packages from its cache instead of unpacking them once a session.
nox.options.default_venv_backend = "uv|venv"
# Made once; every run still installs what the project's files ask for by now.
nox.options.reuse_venv = "yes"
nox.needs_version = ">=2024.10"
LOCK_HEAD = """\
# The versions of constraints.txt that the project needs, with hashes of their files, for every
# platform and Python 3.11.5 or later. `nox -s lock` writes it. To install with hashes checked:
# pip install --require-hashes -r requirements.lock && pip install --no-deps -e .
"""


def install(session: nox.Session, *extras: str) -> None:
    """Install the project with its extras, at the versions it is tested with.

    The first time takes minutes and shows its progress. uv compiles nothing, so every process would
    compile all it imports if none could store it.
    """
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    project = f".[{','.join(extras)}]" if extras else "."
    folder = pathlib.Path(session.virtualenv.location)
    again = any(folder.glob("lib/python*/site-packages/securemnist-*.dist-info"))
    quiet = ["-q"] if again else []
    session.install(*quiet, "-c", "constraints.txt", "-e", project, silent=again)


@nox.session
def security(session: nox.Session) -> None:
    """The gate: assess the reference model (or `-- --model SPEC`), write reports/."""
    install(session, "serve")
    session.run("securemnist", "assess", "--out", "reports", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The framework's own tests, in parallel and in random order."""
    install(session, "test")
    session.run("pytest", "tests", "-n", "3", "--dist", "worksteal", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and obvious errors; needs nothing of the project but its files."""
    session.install("-q", "-c", "constraints.txt", "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def train(session: nox.Session) -> None:
    """Train a reference model: `nox -s train -- baseline --out weights`."""
    install(session)
    session.run("securemnist", "train", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Speed beside the peers; writes docs/performance.md. `-- versions OLD NEW` compares models."""
    install(session, "test", "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def sources(session: nox.Session) -> None:
    """The source systems trained and measured again; writes docs/sources.md. Resumable.

    On two cores 27 minutes with AVX-512, about 70 with AVX2 alone.
    """
    install(session)
    session.run("python", "-m", "benchmarks.sources")


@nox.session
def references(session: nox.Session) -> None:
    """The reference models measured: fixtures/reference-curves.json and docs/models.md."""
    install(session)
    session.run("python", "-m", "benchmarks.references")
    session.run("python", "-m", "benchmarks.models")


@nox.session
def zoo(session: nox.Session) -> None:
    """Networks with and without backdoors in `zoo` (hours; resumable), and what the scan says of them."""
    install(session)
    session.run("python", "-m", "benchmarks.zoo", "zoo", *session.posargs)
    for role in ("evaluation", "final", "robust"):
        session.run("python", "-m", "benchmarks.zoo.measure", "zoo", role)


@nox.session(venv_backend="none")
def lock(session: nox.Session) -> None:
    """Write requirements.lock anew: constraints.txt with hashes. Needs uv and a network."""
    words = "uv pip compile pyproject.toml --all-extras --universal --python-version 3.11.5 --quiet"
    options = "-c constraints.txt --generate-hashes --no-emit-index-url --no-annotate --no-header"
    compiled = session.run(*words.split(), *options.split(), silent=True, external=True)
    pathlib.Path("requirements.lock").write_text(f"{LOCK_HEAD}{compiled}")


@nox.session
def schemas(session: nox.Session) -> None:
    """Write the JSON Schemas of docs/schema anew, from the dataclasses of the files that are written."""
    install(session, "test")
    session.run("python", "-m", "tests.schemas")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site, built strictly and offline into site/, with its generated pages."""
    install(session, "docs", "serve")
    session.run("python", "-m", "benchmarks.documentation")
    session.run("python", "-m", "benchmarks.documentation.site", "site")


@nox.session
def notebook(session: nox.Session) -> None:
    """Execute the tutorial anew, with its outputs: docs/tutorial.ipynb. Minutes on two cores."""
    install(session, "notebook")
    session.run("python", "-m", "benchmarks.notebook")


@nox.session
def picture(session: nox.Session) -> None:
    """Photograph the report of the reference model for the README; writes docs/report.png."""
    install(session, "test")
    folder = session.create_tmp()
    session.run("securemnist", "assess", "--tier", "smoke", "--out", folder)
    session.run(
        "python", "-m", "tests.report.photograph", f"{folder}/index.html", "docs/report.png"
    )
