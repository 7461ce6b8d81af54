"""Write `contract.json` from dbt's manifest: `make contract`.

`iapt.contract` is not imported here: it cannot be read while its file is missing or out of date.
"""

import csv
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2.nativetypes import NativeEnvironment

from iapt.workspace import DBT_PROJECT, PROJECT_ROOT
from iapt.yaml_files import read_yaml

CONTRACT_FILE: Final = PROJECT_ROOT / "iapt" / "contract.json"
#: The exposure whose tables a release holds, in the order of the dictionary.
RELEASED_BY: Final = "exposure.iapt.bi_tools"
GRAINS: Final = ("month", "quarter", "year")


class ContractError(ValueError):
    """Raised where the YAML of a table does not say what the contract needs."""


def build_contract(manifest: Mapping[str, Any], project: Path) -> dict[str, Any]:
    """Return the contract of the released tables and the facts, as it stands in `contract.json`.

    Args:
        manifest: dbt's manifest of the project, parsed.
        project: the folder of the dbt project: its variables are the vocabularies, its seed of measures has the units.

    Raises ContractError where a table has no key or a column no description, or where a unit's measure is not known.
    """
    vocabularies = read_yaml(project / "dbt_project.yml")["vars"]
    with (project / "seeds" / "measures.csv").open(encoding="utf-8", newline="") as file:
        units = {row["measure"]: row["unit"] for row in csv.DictReader(file)}
    models = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    released = manifest["exposures"][RELEASED_BY]["depends_on"]["nodes"]
    facts = [name for name, model in models.items() if model["config"]["meta"].get("family") == "fact"]
    facts.sort(key=lambda name: GRAINS.index(models[name]["config"]["meta"]["grain"]))
    tests = [node for node in manifest["nodes"].values() if node.get("test_metadata")]
    tables = [
        _describe_table(
            models[name],
            [test for test in tests if test["attached_node"] == name],
            vocabularies,
            units,
            is_released=name in released,
        )
        for name in (*released, *facts)
    ]
    return {"vocabularies": vocabularies, "tables": tables}


def to_json(contract: Mapping[str, Any]) -> str:
    """Return a contract as JSON, a line a column."""
    words = _join_lines(contract["vocabularies"], "  ")
    tables = ",\n".join(
        f'  {{\n{_join_lines({key: table[key] for key in table if key != "columns"}, "   ")},\n   "columns": [\n    '
        + ",\n    ".join(_to_line(column) for column in table["columns"])
        + "\n   ]\n  }"
        for table in contract["tables"]
    )
    return f'{{\n "vocabularies": {{\n{words}\n }},\n "tables": [\n{tables}\n ]\n}}\n'


def _join_lines(fields: Mapping[str, Any], indent: str) -> str:
    return ",\n".join(f'{indent}"{key}": {_to_line(value)}' for key, value in fields.items())


def _to_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _describe_table(
    model: Mapping[str, Any],
    tests: list[Mapping[str, Any]],
    vocabularies: Mapping[str, Any],
    units: Mapping[str, str],
    *,
    is_released: bool,
) -> dict[str, Any]:
    name, meta = model["name"], model["config"]["meta"]
    missing = [key for key in ("family", "key") if not meta.get(key)]
    if missing or not model["description"]:
        raise ContractError(f"{name}: expected a description and meta family and key in its YAML; found none")
    filled = {column for test in _select_tests(tests, "filled") for column in test["columns"]}
    words = {
        test["column_name"]: _resolve_words(test["values"], vocabularies)
        for test in _select_tests(tests, "accepted_values")
    }
    columns = [
        _describe_column(name, column, units, column["name"] in filled, words.get(column["name"], []))
        for column in model["columns"].values()
    ]
    unknown = {*meta["key"], *meta.get("order", ())} - {column["name"] for column in columns}
    if unknown:
        raise ContractError(f"{name}: expected columns as its key and order; found {', '.join(sorted(unknown))}")
    return {
        "name": name,
        "schema": model["schema"],
        "family": meta["family"],
        **{key: meta[key] for key in ("grain", "made_from", "notes") if key in meta},
        "is_released": is_released,
        "description": " ".join(model["description"].split()),
        "key": meta["key"],
        "order": list(dict.fromkeys((*meta.get("order", ()), *meta["key"]))),
        "columns": columns,
    }


def _describe_column(
    table: str, column: Mapping[str, Any], units: Mapping[str, str], is_filled: bool, words: list[str]
) -> dict[str, Any]:
    place, meta = f"{table}.{column['name']}", column["config"]["meta"]
    if not column["description"] or not column["data_type"]:
        raise ContractError(f"{place}: expected a description and a data_type in its YAML; found none")
    if meta.keys() - {"unit", "measure"} or meta.get("measure", next(iter(units))) not in units:
        raise ContractError(f"{place}: expected as meta a unit, or a measure of seeds/measures.csv; found {dict(meta)}")
    is_required = is_filled or any(constraint["type"] == "not_null" for constraint in column["constraints"])
    optional = {
        "is_required": is_required,
        "unit": meta.get("unit", "") or units.get(meta.get("measure", ""), ""),
        "measure": meta.get("measure", ""),
        "values": words,
    }
    return {
        "name": column["name"],
        "type": column["data_type"].upper(),
        **{key: value for key, value in optional.items() if value},
        "description": " ".join(column["description"].split()),
    }


def _select_tests(tests: list[Mapping[str, Any]], name: str) -> Iterator[Mapping[str, Any]]:
    return (test["test_metadata"]["kwargs"] for test in tests if test["test_metadata"]["name"] == name)


def _resolve_words(values: list[str] | str, vocabularies: Mapping[str, Any]) -> list[str]:
    """Return the words that a test accepts: a list, or an expression on the project's variables, as dbt takes it."""
    if isinstance(values, list):
        return values
    template = values if "{{" in values else f"{{{{ {values} }}}}"
    return list(NativeEnvironment().from_string(template).render(var=vocabularies.__getitem__))


def _parse_project() -> dict[str, Any]:
    """Return the manifest of the dbt project as it stands, parsed for this alone."""
    from dbt.cli.main import dbtRunner  # seconds

    with tempfile.TemporaryDirectory() as target:
        arguments = ["--quiet", "parse", "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
        result = dbtRunner().invoke([*arguments, "--target-path", target])
        if not result.success:
            raise ContractError(f"{DBT_PROJECT}: expected a project that dbt can parse; dbt says why above")
        manifest: dict[str, Any] = json.loads((Path(target) / "manifest.json").read_text("utf-8"))
    return manifest


if __name__ == "__main__":
    CONTRACT_FILE.write_text(to_json(build_contract(_parse_project(), DBT_PROJECT)), encoding="utf-8")
