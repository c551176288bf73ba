"""The verbs of this project, from `security` and `tests` to `picture`; `nox -l` lists them."""

import nox

nox.options.sessions = ["lint", "security", "tests"]
# uv, where it is installed, links packages from its cache instead of unpacking them once a session.
nox.options.default_venv_backend = "uv|venv"
# Made once; every run still installs what the project's files ask for by now.
nox.options.reuse_venv = "yes"
nox.needs_version = ">=2024.10"


def install(session: nox.Session, *extras: str) -> None:
    """Install the project with its extras, at the versions it is tested with.

    uv compiles nothing, so every process would compile all it imports if none could store it.
    """
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    project = f".[{','.join(extras)}]" if extras else "."
    session.install("-q", "-c", "constraints.txt", "-e", project)


@nox.session
def security(session: nox.Session) -> None:
    """The gate: assess the reference model (or `-- --model SPEC`), write reports/."""
    install(session, "serve")
    session.run("securemnist", "assess", "--out", "reports", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The framework's own tests, in parallel and in random order."""
    install(session, "test")
    session.run("pytest", "tests", "-n", "2", "--dist", "worksteal", *session.posargs)


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
def schemas(session: nox.Session) -> None:
    """Write the JSON Schemas of docs/schema anew, from the dataclasses of assessments and comparisons."""
    install(session, "test")
    session.run("python", "-m", "tests.schemas")


@nox.session
def picture(session: nox.Session) -> None:
    """Photograph the report of the reference model for the README; writes docs/report.png."""
    install(session, "test")
    folder = session.create_tmp()
    session.run("securemnist", "assess", "--out", folder)
    session.run(
        "python", "-m", "tests.report.photograph", f"{folder}/index.html", "docs/report.png"
    )
