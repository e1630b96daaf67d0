"""Text from elsewhere as Markdown shows it: whatever is in it, nothing of it is markup."""

from __future__ import annotations

import re
import unicodedata

# A "_" between letters or digits is none, and names are full of them: people read the source, too.
_MARKUP = re.compile(r"[\\`*{}\[\]<>#|!~&$]|(?<![^\W_])_|_(?![^\W_])")
# Marks that turn the direction of what follows: a name with one of them would rearrange the line it stands in.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BEGINS_BLOCK = re.compile(r"\d{0,9}(?=[.)](\s|$))|(?=[-+](\s|$))|(?=-+$|=+$)")  # lists, rules, underlines of headings


def one_line(value: object) -> str:
    """Text on one line, blanks as single spaces; control characters and marks of direction are named: ⟨U+202E⟩."""
    line = " ".join(str(value).split())
    return "".join(f"⟨U+{ord(c):04X}⟩" if _has_no_shape(c) else c for c in line)


def as_text(value: object) -> str:
    """Text as Markdown shows it, on one line, also where it begins the line."""
    line = _MARKUP.sub(r"\\\g<0>", one_line(value))
    begins = _BEGINS_BLOCK.match(line)
    return f"{begins[0]}\\{line[begins.end() :]}" if begins else line


def as_code(value: str) -> str:
    """A Python string literal that can't end the block of code it stands in."""
    return ascii(value).replace("`", "\\x60")


def _has_no_shape(character: str) -> bool:
    return character in _TURNING or unicodedata.category(character) in ("Cc", "Cs")
