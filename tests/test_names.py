"""Names mean one thing in the whole project, files stay small, and the words are plain ones."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = sorted(
    path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"
)
PRODUCT = sorted(
    path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts
)
# Names that a framework or a protocol of ours looks for, in every module that has one.
FRAMEWORK_NAMES = {"Command", "error_envelope"}
MOST_LINES = 300
# Only for tables of data.
MOST_FORMATTER_SKIPS = 60
# Words of `docs/glossary.md`, "How we write": each is a riddle to somebody who learned English at
# school.
WORDS = {
    "told": r"\btold\b",
    "whoever": r"\bwhoever\b",
    "lies": r"\blies?\b",
    "anew": r"\banew\b",
    "of late": r"\bof late\b",
    "nought": r"\bnought\b",
    "by itself": r"\bby (?:it|them)sel(?:f|ves)\b",
    "what becomes of": r"\bwhat (?:becomes?|became) of\b",
    "works in": r"\bwork(?:s|ed)? (?:it |them )?in(?:to)?\b(?! the background)",
    "comes to": r"\bc[oa]me?s? to\b",
    "gone to": r"\bgone to\b",
    "heap": r"\bheaps?\b",
    "hands": r"\bhands?\b(?!-|ed| over| out| in)",
    "somebody's": r"\bsomebody's\b",
}
ALLOWED = ROOT / "tests" / "plain_words.json"


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def docstrings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            text := ast.get_docstring(node)
        ):
            yield text


def texts() -> Iterator[tuple[str, str]]:
    """Docstrings of product code, the documentation, and what the console says (as translated)."""
    for path in PRODUCT:
        yield relative(path), "\n".join(docstrings(ast.parse(path.read_text())))
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        yield relative(path), path.read_text()
    catalog = (ROOT / "locale" / "hi" / "LC_MESSAGES" / "django.po").read_text()
    said = re.findall(r'^msgid(?:_plural)? ((?:".*"\n)+)', catalog, re.MULTILINE)
    yield "console", "\n".join("".join(re.findall(r'"(.*)"', text)) for text in said)


def counted() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, text in texts():
        for word, pattern in WORDS.items():
            if number := len(re.findall(pattern, text, re.IGNORECASE)):
                found[name][word] = number
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def test_a_public_name_is_defined_in_at_most_two_modules() -> None:
    places = defaultdict(set)
    for path in PRODUCT:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                places[node.name].add(relative(path))
    often = {
        name: sorted(files)
        for name, files in places.items()
        if len(files) > 2 and name not in FRAMEWORK_NAMES
    }
    assert often == {}, "Put the noun into the name: one name, one meaning"


def test_a_product_file_has_at_most_300_lines() -> None:
    lines = {relative(path): len(path.read_text().splitlines()) for path in PRODUCT}
    assert {name: number for name, number in lines.items() if number > MOST_LINES} == {}, (
        "One file a noun: split it"
    )


def test_the_formatter_is_switched_off_for_tables_of_data_only() -> None:
    skips = Counter(
        relative(path)
        for path in [*PRODUCT, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if token.type == tokenize.COMMENT and re.match(r"#\s*fmt:\s*(skip|off)", token.string)
    )
    assert skips.total() <= MOST_FORMATTER_SKIPS, skips.most_common(5)


def test_the_words_are_plain_ones() -> None:
    """The list of exceptions only shrinks: where a word went away, its number goes down with it."""
    allowed = json.loads(ALLOWED.read_text())
    found = counted()
    assert found == allowed, (
        "docs/glossary.md has better words; `python -m tests.test_names` writes the list"
    )


if __name__ == "__main__":
    ALLOWED.write_text(json.dumps(counted(), indent=1, ensure_ascii=False) + "\n")
