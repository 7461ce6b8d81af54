"""The SQL of a dbt model as DuckDB runs it, each relation under its own name: to run a model on invented tables."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import jinja2
import yaml

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"

_VARS = yaml.safe_load((PROJECT / "dbt_project.yml").read_text("utf-8"))["vars"]
_DBT = SimpleNamespace(
    listagg=lambda measure, delimiter, order: f"string_agg({measure}, {delimiter} {order})",
)


@cache
def render_model(model: str, *macro_files: str) -> str:
    """Return the SQL of a model, with the macros of some files of `macros/` at hand.

    Raises ValueError where there is no model of that name, or several.
    """
    found = sorted((PROJECT / "models").rglob(f"{model}.sql"))
    if len(found) != 1:
        raise ValueError(f"expected one model {model}; found {found}")
    macros = "".join((PROJECT / "macros" / f"{name}.sql").read_text("utf-8") for name in macro_files)
    template = jinja2.Environment(autoescape=False).from_string(macros + found[0].read_text("utf-8"))
    return template.render(
        ref=lambda name: name,
        dbt=_DBT,
        config=lambda **_: "",
        var=_VARS.get,
        in_affected_periods=lambda *_, **__: "true",
    ).strip()
