"""The dbt project is laid out, described and wired as it promises: read as text, without dbt or a database."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.dbt_failures import list_template_columns
from tests.case_files import CASES

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

MODELS = {path.stem: path for path in sorted(PROJECT.glob("models/*/*.sql"))}
SEEDS = {path.stem for path in PROJECT.glob("seeds/*.csv")}
MACROS = {path.stem: path.read_text() for path in sorted(PROJECT.glob("macros/*.sql"))}
PROPERTY_FILES = sorted([*PROJECT.glob("models/*/*.yml"), *PROJECT.glob("seeds/*.yml")])
SINGULAR_TESTS = sorted(PROJECT.glob("tests/*.sql"))
WARNINGS = yaml.safe_load((PROJECT / "tests" / "warnings.yml").read_text("utf-8"))["data_tests"]
GENERIC_TESTS = sorted(PROJECT.glob("tests/generic/*.sql"))

# The disclosure policy is no figure on its way: like a seed it is read where its rule is applied.
POLICY = {"stg_disclosure_policy", "stg_disclosure_statistics"}

# Whom a location belonged to, what an organisation became, and what a current one was made of, follow from the reviewed
# lists alone.
GEOGRAPHY = {"int_current_areas", "int_location_parents", "int_organisation_current", "int_reachable_organisations"}

# Data flows one way, and no layer reads past its neighbour. A dimension may list what the facts beside it hold, and an
# extract or a topic may be made of others of its layer.
MAY_READ = {
    "policy": {"source"},
    "staging": {"source"},
    "geography": {"intermediate", "geography", "seeds"},
    "intermediate": {"staging", "intermediate", "geography", "seeds"},
    "marts": {"staging", "intermediate", "geography", "marts", "seeds"},
    "extracts": {"marts", "extracts", "seeds", "policy", "geography"},
    "topics": {"marts", "extracts", "topics"},
}

# What a name begins with says what a model is. An intermediate model that reads facts stands in the layer it works for.
PREFIXES = {
    "staging": {"stg"},
    "intermediate": {"int"},
    "marts": {"dim", "fct", "mart", "int", "publications"},  # the last a whole name, that of the released table
    "extracts": {"extract", "int"},
    "topics": {"dim", "mart", "int"},
}

# Views whose columns the text does not tell: they end in a star, or a macro writes them.
UNREADABLE = {
    *("int_annual_figures", "int_conflicting_observations", "int_ranked_observations", "int_withdrawn_cells"),
    *("int_releasable_figures", "int_england_fractions", "int_proven_percentages", "int_disclosure_status"),
}

# The period spine comes from the calendar, not from the data.
READS_NOTHING = {"int_calendar"}

# Every key that a YAML file here may hold, by kind of entry, with the kind of what stands under it.
KEYS: dict[str, dict[str, str | None]] = yaml.safe_load((CASES / "dbt_property_keys.yml").read_text("utf-8"))
ARGUMENTS = {
    "not_null": set(),
    "unique": set(),
    "accepted_values": {"values", "quote"},
    "relationships": {"to", "field"},
    "unique_combination": {"columns"},
    "filled": {"columns"},
}


class _StrictLoader(yaml.CSafeLoader):
    """YAML in which a key that stands twice is an error, not the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"found {sorted(twice)} twice", node.start_mark)
        return super().construct_mapping(node, deep)


def properties(path: Path) -> dict[str, Any]:
    """What a YAML file holds."""
    content: dict[str, Any] = yaml.load(path.read_text(), _StrictLoader)
    return content


def unknown_keys(content: Any, kind: str = "file", place: str = "") -> Iterator[str]:
    """Each key that has no meaning where it stands."""
    if isinstance(content, list):
        for item in content:
            yield from unknown_keys(item, kind, place)
        return
    if kind == "data tests":
        yield from unknown_test_keys(content, place)
        return
    place = f"{place} {content.get('name', '')}".strip()
    for key, value in content.items():
        if key not in KEYS[kind]:
            yield f"{place}: {key!r} is no key of a {kind}; expected one of {sorted(KEYS[kind])}"
        elif KEYS[kind][key] is not None:
            yield from unknown_keys(value, KEYS[kind][key] or "", place)


def unknown_test_keys(test: str | dict[str, Any], place: str) -> Iterator[str]:
    """The same of one data test: a bare name, or a name with its arguments and settings."""
    (name, settings), *more = [(test, {})] if isinstance(test, str) else list(test.items())
    if more:
        yield f"{place}: one data test has {len(more) + 1} names; indent its settings below its name"
    if name not in ARGUMENTS:
        yield f"{place}: no data test is called {name!r}; expected one of {sorted(ARGUMENTS)}"
        return
    yield from unknown_keys(settings or {}, "data test", f"{place} {name}")
    arguments = set((settings or {}).get("arguments", {}))
    if arguments - ARGUMENTS[name]:
        yield f"{place}: {name} has no argument {sorted(arguments - ARGUMENTS[name])}; expected {ARGUMENTS[name]}"


PROPERTIES = {path: properties(path) for path in PROPERTY_FILES}
DESCRIBED: dict[str, dict[str, Any]] = {
    described["name"]: described
    for content in PROPERTIES.values()
    for described in [*content.get("models", []), *content.get("seeds", [])]
}
UNIT_TESTS = [unit for content in PROPERTIES.values() for unit in content.get("unit_tests", [])]


def output_columns(sql: str) -> list[str]:
    """Return the columns of the last SELECT of a model."""
    last = re.split(r"^select\b", sql, flags=re.MULTILINE)[-1]
    selected = re.sub(r"--[^\n]*", "", re.split(r"^from\b", last, flags=re.MULTILINE)[0])
    while re.search(r"\([^()]*\)", selected):
        selected = re.sub(r"\([^()]*\)", "", selected)
    return [re.split(r"[\s.]+", item.strip())[-1] for item in selected.split(",")]


def described_columns(model: str) -> list[str]:
    return [column["name"] for column in DESCRIBED[model]["columns"]]


def parents(sql: str) -> set[str]:
    """Names of the models and seeds that a model reads, through the macros it calls too."""
    text, longer = "", sql
    while longer != text:  # a macro may call others
        text = longer
        called = (
            body for macros in MACROS.values() for name, body in macro_bodies(macros) if re.search(rf"\b{name}\(", text)
        )
        longer = "".join(dict.fromkeys((sql, *called)))
    return {name for name in re.findall(r"'(\w+)'", text) if name in MODELS or name in SEEDS}


def macro_bodies(text: str) -> list[tuple[str, str]]:
    return re.findall(r"{%-? macro (\w+)\(.*?\) -?%}(.*?){%-? endmacro", text, re.DOTALL)


def layer(name: str) -> str:
    if name in POLICY:
        return "policy"
    if name in GEOGRAPHY:
        return "geography"
    return "seeds" if name in SEEDS else MODELS[name].parent.name


@pytest.mark.parametrize("model", MODELS)
def test_a_model_carries_the_prefix_of_its_layer(model: str) -> None:
    assert model.partition("_")[0] in PREFIXES[MODELS[model].parent.name]


# -- descriptions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_model_is_described_in_one_yaml_of_its_folder(model: str) -> None:
    folders = [
        path.parent
        for path, content in PROPERTIES.items()
        for described in content.get("models", [])
        if described["name"] == model
    ]
    assert folders == [MODELS[model].parent]


@pytest.mark.parametrize("path", PROPERTY_FILES, ids=lambda path: path.name)
def test_a_yaml_is_named_after_its_model_or_after_a_family_of_models(path: Path) -> None:
    names = [described["name"] for described in PROPERTIES[path].get("models", [])]
    if path.name.startswith("_"):
        assert names == []
    else:
        assert names == [path.stem] or (len(names) > 1 and path.stem not in MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_and_every_column_are_described(model: str) -> None:
    assert DESCRIBED[model].get("description"), "expected a description of the model"
    undescribed = [column["name"] for column in DESCRIBED[model]["columns"] if not column.get("description")]
    assert undescribed == []


def has_contract(model: str) -> bool:
    """Whether dbt compares the columns of a model with its YAML whenever it builds it."""
    return DESCRIBED[model].get("config", {}).get("contract", {}).get("enforced") is True


@pytest.mark.parametrize("model", [model for model in MODELS if not has_contract(model) and model not in UNREADABLE])
def test_columns_are_described_as_selected_where_dbt_does_not_compare_them(model: str) -> None:
    assert described_columns(model) == output_columns(MODELS[model].read_text())


def test_ranked_observations_have_the_columns_of_observations_and_their_rank() -> None:
    of_rank = ("precedence", "winning_drop_sha256", "withdrawn_by_drop_sha256")
    ranked = [*described_columns("int_observations_with_measures"), *of_rank]
    assert described_columns("int_conflicting_observations") == ranked
    assert described_columns("int_ranked_observations") == ranked


# Steps of a rule that are read through the table made of them: its contract holds them.
STEPS = {name for name, path in MODELS.items() if name.startswith("int_") and "materialized='view'" in path.read_text()}


@pytest.mark.parametrize(
    "model", [model for model in MODELS if layer(model) in ("marts", "extracts", "topics") and model not in STEPS]
)
def test_a_mart_or_extract_enforces_a_contract_on_every_column(model: str) -> None:
    assert has_contract(model)
    untyped = [column["name"] for column in DESCRIBED[model]["columns"] if not column.get("data_type")]
    assert untyped == []


def test_every_text_in_docs_is_used() -> None:
    texts = "".join(path.read_text() for path in PROJECT.glob("models/*.md"))
    written = set(re.findall(r"{% docs (\w+) %}", texts))
    used = set(re.findall(r"doc\('(\w+)'\)", "".join(path.read_text() for path in PROPERTY_FILES)))
    assert written == used


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PROPERTY_FILES, ids=lambda path: path.name)
def test_a_yaml_holds_known_keys_only(path: Path) -> None:
    assert list(unknown_keys(PROPERTIES[path])) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("models: [{name: m, tests: [unique]}]", "'tests' is no key of a model"),
        ("models: [{name: m, columns: [{name: c, tests: [unique]}]}]", "'tests' is no key of a column"),
        ("models: [{name: m, contract: {enforced: true}}]", "'contract' is no key of a model"),
        ("models: [{name: m, config: {contract: {enforce: true}}}]", "'enforce' is no key of a contract"),
        ("models: [{name: m, columns: [{name: c, data_tests: [unqiue]}]}]", "no data test is called 'unqiue'"),
        (
            "models: [{name: m, data_tests: [{unique_combination: {columns: [a]}}]}]",
            "'columns' is no key of a data test",
        ),
        ("models: [{name: m, data_tests: [{unique_combination: {arguments: {keys: [a]}}}]}]", "no argument ['keys']"),
        ("models: [{name: m, data_tests: [{unique: null, arguments: {}}]}]", "has 2 names"),
        ("model: [{name: m}]", "'model' is no key of a file"),
        ("unit_tests: [{name: u, givens: []}]", "'givens' is no key of a unit test"),
    ],
)
def test_a_wrong_key_is_found(text: str, problem: str) -> None:
    assert problem in "\n".join(unknown_keys(yaml.safe_load(text)))


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "twice.yml").write_text("models:\n  - name: m\n    columns: []\n    columns: []\n")
    with pytest.raises(yaml.constructor.ConstructorError, match="twice"):
        properties(tmp_path / "twice.yml")


# -- layers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_model_reads_its_own_layer_or_a_neighbour(model: str) -> None:
    sql = MODELS[model].read_text()
    read = {name: layer(name) for name in parents(sql)}
    if "source(" in sql:
        read["landing"] = "source"
    assert bool(read) == (model not in READS_NOTHING)
    too_far = {name: where for name, where in read.items() if where not in MAY_READ[layer(model)]}
    assert too_far == {}


def test_parents_are_found_behind_macros_and_loops() -> None:
    assert parents(MODELS["extract_annual"].read_text()) == {"int_released_values"}
    assert parents(MODELS["int_releasable_figures"].read_text()) == {"fct_monthly", "fct_quarterly", "fct_annual"}
    assert parents(MODELS["fct_monthly"].read_text()) == {"int_ranked_observations", "int_calendar", "stg_gaps"}
    assert parents(MODELS["dim_organisation"].read_text()) == {
        *("fct_monthly", "fct_quarterly", "int_annual_figures"),
        *("organisations", "organisation_parents", "organisation_successions", "int_organisation_current"),
    }
    assert parents(MODELS["extract_annual_current_boundaries"].read_text()) == {
        *(
            "extract_annual",
            "int_current_areas",
            "int_reachable_organisations",
            "int_organisation_current",
            "organisations",
        ),
        *("dim_organisation", "measures"),
    }


# -- tests -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SINGULAR_TESTS, ids=lambda path: path.name)
def test_a_singular_test_says_what_it_detects_why_and_what_a_row_is(path: Path) -> None:
    header = list(itertools.takewhile(lambda line: line.startswith("--"), path.read_text().splitlines()))
    assert header[0].startswith("-- Detects: ")
    parts = [match[1] for line in header if (match := re.match(r"-- (Detects:|Why:|A returned row is) \S", line))]
    assert parts == ["Detects:", "Why:", "A returned row is"]


@pytest.mark.parametrize("path", SINGULAR_TESTS, ids=lambda path: path.name)
def test_the_name_of_a_singular_test_says_whether_it_blocks(path: Path) -> None:
    warns = "severity='warn'" in path.read_text()
    assert path.name.startswith("warn_" if warns else "assert_")


def test_every_test_that_warns_says_what_names_a_row_and_what_to_do() -> None:
    warns = {path.stem for path in SINGULAR_TESTS if path.stem.startswith("warn_")}
    assert sorted(entry["name"] for entry in WARNINGS) == sorted(warns)
    for entry in WARNINGS:
        assert set(entry["config"]["meta"]["warning"]) == {"found", "each", "remedy"}
        assert entry["config"]["meta"]["warning"]["remedy"].endswith(".")


@pytest.mark.parametrize("entry", WARNINGS, ids=lambda entry: entry["name"])
def test_a_warning_names_its_rows_by_keys_and_never_by_figures(entry: dict[str, Any]) -> None:
    named = list_template_columns(entry["config"]["meta"]["warning"]["each"])
    returned = (PROJECT / "tests" / f"{entry['name']}.sql").read_text()
    assert named
    assert all(re.search(rf"\b{column}\b", returned) for column in named)
    assert {column for column in named if re.search("value|cells|count|total|lower|upper", column)} == set()


@pytest.mark.parametrize("path", GENERIC_TESTS, ids=lambda path: path.name)
def test_a_generic_test_says_what_a_row_is(path: Path) -> None:
    assert "A returned row is " in path.read_text()


def test_unit_tests_are_there_and_named_once() -> None:
    names = [unit["name"] for unit in UNIT_TESTS]
    assert len(names) == len(set(names)) > 0


@pytest.mark.parametrize("unit", UNIT_TESTS, ids=lambda unit: unit["name"])
def test_a_unit_test_says_why_and_compares_columns_of_its_model(unit: dict[str, Any]) -> None:
    """Fixtures are compared by place, so each row must have the same columns in the same order."""
    assert unit.get("description"), "expected a description that says why"
    columns = described_columns(unit["model"])
    for fixture in [*unit["given"], unit["expect"]]:
        if fixture.get("format") == "csv":
            header, *rows = csv.reader(io.StringIO(fixture["rows"]))
            assert {len(row) for row in rows} == {len(header)}, "expected a cell for each column in every row"
            shapes = [tuple(header)]
        else:
            shapes = [tuple(row) for row in fixture["rows"]]
        if fixture is unit["expect"]:
            assert len(set(shapes)) == 1
            assert set(shapes[0]) <= set(columns)


# -- exposures ---------------------------------------------------------------------------------------------------------


EXPOSURES = {exposure["name"]: exposure for content in PROPERTIES.values() for exposure in content.get("exposures", [])}


def exposed_to(name: str) -> set[str]:
    return {re.fullmatch(r"ref\('(\w+)'\)", ref)[1] for ref in EXPOSURES[name]["depends_on"]}  # type: ignore[index]


def test_the_report_reads_released_tables_only() -> None:
    assert exposed_to("statistics_report") < exposed_to("bi_tools")


def test_every_mart_without_a_reader_in_the_project_is_exposed() -> None:
    read = {parent for sql in MODELS.values() for parent in parents(sql.read_text())}
    exposed = set().union(*(exposed_to(name) for name in EXPOSURES))
    assert {model for model in MODELS if model not in read} <= exposed
    assert exposed <= set(MODELS)
