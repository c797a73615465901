"""Which words a person reads: one catalogue for each language, and nothing written elsewhere.

A key is a dotted path in `languages/<language>.toml`. Words of enumerations and of policy codes are
keys too (`word.case_status.in_approval`, `factor.equity_ratio`), so that a test can tell which are
missing. How numbers and dates look is `web/console/formats.py`.
"""

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from domain.identity import Language

_FOLDER = Path(__file__).parent / "languages"
# What a refusal speaks of by its code, as programs read it; an address or an id is none.
_CODE = re.compile(r"(?<![\w./@-])[a-z]+(?:_[a-z]+)+(?![\w/@-])")
_KINDS_OF_CODES = ("field", "position", "product_name", "word.application_type")


class Speech:
    """One language's catalogue."""

    def __init__(self, language: Language, sentences: Mapping[str, str]) -> None:
        self.language = language
        self._sentences = sentences

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self._sentences)

    def say(self, key: str, **facts: Any) -> str:
        """The sentence of a key with its facts; a key that is not there is a mistake of ours."""
        return self._sentences[key].format(**facts) if facts else self._sentences[key]

    def count(self, key: str, number: int, **facts: Any) -> str:
        """A sentence that depends on a number: `<key>.one` or `<key>.other`, with `{number}`."""
        singular = f"{key}.one"
        form = singular if number == 1 and singular in self._sentences else f"{key}.other"
        return self.say(form, number=number, **facts)

    def word(self, value: StrEnum) -> str:
        """The word of an enumeration's member."""
        return self.say(word_key(value))

    def name(self, kind: str, code: str) -> str:
        """What a code of the policy is called; one nobody named is shown as it is written.

        A code may carry a figure, a rule or a factor after a colon: `statements_years:2`.
        """
        plain, _, figure = code.partition(":")
        sentence = self._sentences.get(f"{kind}.{plain}")
        if sentence is None:
            return code.replace("_", " ")
        of = {kind: self._sentences.get(f"{kind}.{figure}", figure) for kind in ("rule", "factor")}
        return sentence.format(figure=figure, **of)

    def plain(self, sentence: str) -> str:
        """A sentence with the codes in it called by their names; a code nobody named stays."""
        return _CODE.sub(lambda found: self._called(found[0]), sentence)

    def _called(self, code: str) -> str:
        keys = (f"{kind}.{code}" for kind in _KINDS_OF_CODES)
        return next((self._sentences[key] for key in keys if key in self._sentences), code)

    def explains(self, key: str) -> bool:
        return key in self._sentences


def word_key(value: StrEnum) -> str:
    """`CaseStatus.IN_APPROVAL` is `word.case_status.in_approval`."""
    kind = re.sub(r"(?<!^)(?=[A-Z])", "_", type(value).__name__).lower()
    return f"word.{kind}.{value.value}"


@cache
def speech(language: Language) -> Speech:
    """The catalogue of a language, read once."""
    content = tomllib.loads((_FOLDER / f"{language.value}.toml").read_text("utf-8"))
    return Speech(language, dict(_flat("", content)))


def language_of(accepted: str, fallback: Language) -> Language:
    """The language a browser asks for (`Accept-Language`), among those we speak."""
    for wish in accepted.lower().split(","):
        tag = wish.split(";")[0].strip()
        if tag.startswith("zh"):
            return Language.ZH
        if tag.startswith("en"):
            return Language.EN
    return fallback


def _flat(prefix: str, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat += _flat(f"{prefix}{key}.", value)
        else:
            flat.append((f"{prefix}{key}", str(value)))
    return flat
