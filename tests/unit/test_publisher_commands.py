"""The commands about the publisher, from the command line to a server on this machine and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import unquote, urlsplit

import pytest
from typer.testing import CliRunner, Result

from iapt.catalogue.catalogue import Catalogue
from iapt.catalogue.publications import Publication, Publications
from iapt.sources.remote_files import RefusedError
from iapt.workspace import CATALOGUE
from orchestration import pull_command
from orchestration.cli import app
from tests.factories.drops import OTHER_PROVIDER, make_monthly_csv, make_row
from tests.factories.publisher_server import Fault, PublisherServer
from tests.factories.pull_home import make_publication

BOTH = make_monthly_csv(make_row("25"), make_row("30", provider=OTHER_PROVIDER))
ONE = make_monthly_csv(make_row("25"))
ROWS = [make_publication("2026-05"), make_publication("2026-04")]


def path_of(row: Publication) -> str:
    return unquote(urlsplit(str(row.file)).path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PublisherServer]:
    """A publisher of two months, the first of which is not out yet, and a home to pull into."""

    def load(folder: Path) -> Catalogue:
        catalogue = Catalogue(folder)
        transfer = catalogue.publisher.transfer.model_copy(update={"pause_seconds": 0})
        catalogue.publisher = catalogue.publisher.model_copy(update={"transfer": transfer})
        catalogue.publications = Publications(ROWS, catalogue.publisher)
        return catalogue

    assert pull_command.CATALOGUE == CATALOGUE
    monkeypatch.setattr(pull_command, "Catalogue", load)
    with PublisherServer() as made:
        made.add_file(path_of(ROWS[1]), BOTH)
        monkeypatch.setenv("IAPT_CONTACT", "tests@example.org")
        monkeypatch.setenv("IAPT_LOCAL_SERVERS", made.origin)
        monkeypatch.setenv("IAPT_MIRROR", made.origin)
        monkeypatch.setenv("IAPT_HOME", str(tmp_path / "home"))
        yield made


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_pull_says_what_it_got_and_what_it_could_not_have(server: PublisherServer) -> None:
    result = run("pull")
    assert result.exit_code == 3, "one of two is not there"
    assert "created monthly/2026-04/1 month_apr_2026_performance.csv" in result.stdout
    assert "failed monthly/2026-05/1" in result.stdout
    assert "2 files: 1 created, 1 failed;" in result.stdout
    server.add_file(path_of(ROWS[0]), make_monthly_csv(make_row("35", start="01/05/2026", end="31/05/2026")))
    again = run("pull")
    assert again.exit_code == 0
    assert "1 created, 1 unchanged" in again.stdout


def test_a_dry_run_asks_for_nothing(server: PublisherServer) -> None:
    result = run("pull", "--dry-run", "--series", "monthly")
    assert result.exit_code == 0
    assert "2 to get. Nothing was asked for." in result.stdout
    assert server.requests == []


def test_a_dry_run_is_refused_where_a_pull_would_be(server: PublisherServer, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".restricted").touch()
    for arguments in (["pull"], ["pull", "--dry-run"]):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "nothing is pulled into it" in result.stderr
    assert server.requests == []


def test_without_a_contact_nothing_is_asked(server: PublisherServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IAPT_CONTACT")
    result = run("pull")
    assert result.exit_code == 1
    assert "export IAPT_CONTACT=" in result.stderr
    assert server.requests == []


def test_a_series_that_is_not_known_is_a_usage_error(server: PublisherServer) -> None:
    result = run("pull", "--series", "weekly")
    assert (result.exit_code, "expected a series" in result.stderr) == (2, True)


def test_what_the_publisher_refuses_is_named_with_its_page_and_the_folder_for_it(
    server: PublisherServer, tmp_path: Path
) -> None:
    server.next_faults[path_of(ROWS[1])] = [Fault.FORBIDDEN] * 2
    result = run("pull", "--since", "2026-04")
    assert result.exit_code == 1
    assert server.count_requests(path_of(ROWS[1])) == 1, "a refusal is not asked again"
    assert "month_apr_2026_performance.csv" in result.stderr
    assert "nhs-talking-therapies-monthly-statistics-including-employment-advisors" in result.stderr
    inbox = tmp_path / "home" / "inbox"
    assert f"Put them into {inbox} and run `iapt pull` again" in result.stderr
    inbox.mkdir()
    (inbox / "month_apr_2026_performance.csv").write_bytes(BOTH)
    assert "1 created" in run("pull").stdout


def test_a_damaged_state_is_told_in_one_sentence_by_every_command(server: PublisherServer, tmp_path: Path) -> None:
    run("pull")
    pulled, reviews = tmp_path / "home" / "pulled.json", tmp_path / "home" / "reviews.json"
    pulled.write_text('{"files": {', "utf-8")
    reviews.write_text("", "utf-8")
    commands: list[list[Any]] = [["pull"], ["pull", "--dry-run"], ["accept", "0" * 12], ["status"]]
    for command in commands:
        result = run(*command)
        assert isinstance(result.exception, SystemExit), f"{command}: {result.exception!r}"
        assert result.exit_code in {1, 2}
        assert "expected what iapt wrote there" in result.stderr
        assert "Traceback" not in result.output


def test_a_held_file_is_shown_with_the_commands_that_decide_and_they_work(server: PublisherServer) -> None:
    run("pull")
    server.add_file(path_of(ROWS[1]), ONE)
    result = run("pull", "--recheck")
    assert "held monthly/2026-04/1 month_apr_2026_performance.csv, in no release: it shrank" in result.stdout
    (command,) = [line for line in result.stdout.splitlines() if "iapt accept" in line]
    digits = command.split()[2]
    accepted = run("accept", digits, "--note", "a service closed")
    assert (accepted.exit_code, "`iapt refresh` releases it" in accepted.stdout) == (0, True)
    rejected = run("reject", digits)
    assert (rejected.exit_code, "No release is built from it" in rejected.stdout) == (0, True)
    assert run("accept", "0" * 12).exit_code == 2


def test_files_are_taken_from_a_folder_that_has_copies_of_them(server: PublisherServer, tmp_path: Path) -> None:
    copies = tmp_path / "copies" / "2026"
    copies.mkdir(parents=True)
    (copies / "month_apr_2026_performance.csv").write_bytes(BOTH)
    result = run("pull", "--from", tmp_path / "copies")
    assert "1 created, 1 failed" in result.stdout
    assert server.requests == []


def test_a_home_of_invented_figures_is_refused_before_anything_is_asked(
    server: PublisherServer, tmp_path: Path
) -> None:
    (tmp_path / "home" / "latest").mkdir(parents=True)
    (tmp_path / "home" / "latest" / "manifest.json").write_text('{"release_id": "r", "data_origin": "synthetic"}')
    result = run("pull")
    assert result.exit_code == 1
    assert "never share a home" in result.stderr
    assert server.requests == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("IAPT_MIRROR", "mirror"),
        ("IAPT_MIRROR", "http://127.0.0.1:1"),
        ("IAPT_MIRROR", "https://user:secret@127.0.0.1"),
        ("IAPT_MIRROR", "https://127.0.0.1/below"),
        ("IAPT_LOCAL_SERVERS", "http://secret.example.org:80"),
        ("IAPT_COPY", "/nowhere/at/all"),
        ("IAPT_COPY", "http://127.0.0.1/"),
    ],
)
def test_a_place_that_cannot_be_asked_is_said_once(
    server: PublisherServer, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = run("pull")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.splitlines()) == 1
    assert "expected" in result.stderr
    assert "user:secret" not in result.output
    assert server.requests == []


def test_a_store_that_refuses_its_copies_is_not_taken_for_the_publisher(
    server: PublisherServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "copies").mkdir()
    for row in ROWS:
        (tmp_path / "copies" / row.file_name).write_bytes(BOTH)
    refusal = RefusedError("s3://copies/", "credentials that the store accepts", "none", "Set them.")
    monkeypatch.setattr("iapt.sources.object_stores.StoreSource.fetch", Mock(side_effect=refusal))
    result = run("pull", "--from", tmp_path / "copies")
    assert result.exit_code == 1
    assert "2 failed" in result.stdout
    assert "by hand" not in result.output
