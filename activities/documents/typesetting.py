"""A template and its facts become a PDF: the same facts, the same bytes.

Templates are Typst written with Jinja2, whose marks here are `<< fact >>`, `<% if %>` and `<# # >`.
Every fact is written as a Typst string literal, so nothing a customer is called can become markup
or code; and every character must have a glyph, or the document is refused: a font drops what it
lacks without a word.
"""

import threading
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import typst
from fontTools.ttLib import TTFont
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.errors import GlyphMissing

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
FONT_FOLDER = Path(str(files("justmytype_intl_cjk"))) / "fonts" / "ofl" / "notosanssc"

# PDF/A-2b: fonts and colours travel inside the file, so it looks the same in thirty years.
Standard = Literal["a-2b", "1.7"]

_THREAD = threading.local()


def typeset(
    template: str, facts: Mapping[str, Any], dated_on: date, standard: Standard = "a-2b"
) -> bytes:
    """The PDF of a template of `templates/`, dated as its facts are and not as the clock is.

    Refuses `GlyphMissing`. A fact that is not text, or nested in lists and mappings, is our fault.
    """
    require_glyphs(facts)
    source = _template(template).render(facts)
    seconds = (dated_on - date(1970, 1, 1)).days * 86400
    pdf = _compiler().compile(
        source.encode(), format="pdf", pdf_standards=standard, timestamp=seconds
    )
    assert isinstance(pdf, bytes)
    return pdf


def require_glyphs(facts: Any) -> None:
    """Refuse `GlyphMissing` unless the font has every character of every fact."""
    missing = {c for text in _texts(facts) for c in text if not _has_glyph(c)}
    if missing:
        raise GlyphMissing(characters=" ".join(f"U+{ord(c):04X}" for c in sorted(missing)))


def legible(facts: Any) -> Any:
    """The facts with what the font lacks written as its code: what was said is on record anyway, and
    a document of it cannot wait for a font."""
    if isinstance(facts, Mapping):
        return {name: legible(fact) for name, fact in facts.items()}
    if isinstance(facts, list | tuple):
        return [legible(fact) for fact in facts]
    if not isinstance(facts, str):
        return facts
    return "".join(
        c if _has_glyph(c) else " " if c.isspace() else f"[U+{ord(c):04X}]" for c in facts
    )


def literal(fact: object) -> str:
    """A fact as Typst writes a string; the semicolon ends the expression, whatever follows it."""
    assert isinstance(fact, str), f"a fact must be text: {type(fact).__name__}"
    escaped = fact.replace("\\", "\\\\").replace('"', '\\"')
    return f'#"{escaped}";'


def _texts(facts: Any) -> list[str]:
    if isinstance(facts, Mapping):
        return [text for fact in facts.values() for text in _texts(fact)]
    if isinstance(facts, list | tuple):
        return [text for fact in facts for text in _texts(fact)]
    return [facts] if isinstance(facts, str) else []


@lru_cache(maxsize=65536)
def _has_glyph(character: str) -> bool:
    # Control, format (right-to-left overrides, joiners) and private characters are refused even
    # where a font has them: they change how a text reads without being seen.
    if unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}:
        return False
    return ord(character) in _coverage()


@cache
def _coverage() -> frozenset[int]:
    with TTFont(next(FONT_FOLDER.glob("*.ttf")), lazy=True) as font:
        return frozenset(font.getBestCmap())


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        finalize=literal,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@cache
def _template(name: str) -> Any:
    return _environment().get_template(name)


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONT_FOLDER)]
    )


def _compiler() -> typst.Compiler:
    """This thread's compiler: it works without the interpreter's lock and is not shared."""
    compiler: typst.Compiler | None = getattr(_THREAD, "compiler", None)
    if compiler is None:
        # Templates are its whole world: it could read no other file even if one told it to.
        root = TEMPLATES / "contract"
        compiler = typst.Compiler(b"", root=str(root), font_paths=_fonts())
        _THREAD.compiler = compiler
    return compiler
