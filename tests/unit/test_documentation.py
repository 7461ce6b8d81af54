"""Documentation: every page and section that a text of the project names is there, in the project itself."""

import re
import subprocess
from functools import cache
from pathlib import Path

from iapt.workspace import PROJECT_ROOT

DECISIONS = PROJECT_ROOT / "docs" / "decisions"
#: A page of the documentation that code, data or a page cites, with a section of it.
CITATION = re.compile(r"(docs/[\w./-]+\.md)(?:#([\w-]+))?")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#([\w-]+))?\)")
CODE_FILE = re.compile(r"`([\w./-]+\.(?:py|sql|yml|js))`")
#: Papers that stand outside the project, where nobody who reads it can look.
OUTSIDE = re.compile(r"(?i)\b(domain|disclosure) notes\b|\bDESIGN section|\.\./shared\b")


@cache
def texts() -> dict[Path, str]:
    """Every text that is in the project's history, by its path in the project."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    paths = [Path(name) for name in listed.stdout.split("\0") if name and not name.endswith((".lock", ".svg"))]
    return {path: (PROJECT_ROOT / path).read_text("utf-8") for path in paths if (PROJECT_ROOT / path).is_file()}


@cache
def anchors(page: Path) -> frozenset[str]:
    """The sections of a page of Markdown, as links name them."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text("utf-8"))
    return frozenset(re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings)


def is_there(page: Path, section: str | None) -> bool:
    return page.exists() and (not section or section in anchors(page))


def test_every_cited_page_and_section_is_there() -> None:
    cited = {
        (str(path), page, section)
        for path, text in texts().items()
        for page, section in CITATION.findall(text)
        if not is_there(PROJECT_ROOT / page, section)
    }
    assert not cited


def test_every_link_of_a_page_leads_somewhere() -> None:
    broken = {
        (str(path), target, section)
        for path, text in texts().items()
        if path.suffix == ".md" and path.parts[0] != "iapt"
        for target, section in LINK.findall(text)
        if not is_there((PROJECT_ROOT / path).parent / target, section if target.endswith(".md") else None)
    }
    assert not broken


def test_every_file_of_code_that_a_page_names_is_there() -> None:
    files = tuple(f"/{path}" for path in texts())
    missing = {
        (str(path), name)
        for path, text in texts().items()
        if path.suffix == ".md" and path.name != "CHANGELOG.md"
        for name in CODE_FILE.findall(text)
        if not any(file.endswith(f"/{name}") for file in files)
    }
    assert not missing


def test_no_text_cites_a_paper_outside_the_project() -> None:
    citing = {
        str(path)
        for path, text in texts().items()
        if path != Path("tests/unit/test_documentation.py") and OUTSIDE.search(text)
    }
    assert not citing


def test_every_decision_is_listed_with_its_reason() -> None:
    listed = (DECISIONS / "README.md").read_text("utf-8")
    pages = sorted(page.name for page in DECISIONS.glob("[0-9]*.md"))
    assert pages == re.findall(r"\]\((\d\d-[\w-]+\.md)\)", listed)
    for name in pages:
        headings = re.findall(r"(?m)^## (.+)$", (DECISIONS / name).read_text("utf-8"))
        assert headings[:3] == ["Decision", "Why", "What would change it"], name
