"""How values look on screen: numbers with significant digits, times people say, sizes, the words for a status.

On screen numbers follow the locale; what is copied keeps full precision and a plain decimal point.
"""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QLocale

MISSING = "–"
MINUS = "−"  # as wide as "+"; what is copied has the one of the keyboard
ROUNDING = 1e-12  # what is left of a zero after floating-point sums
STATUS_ICONS = {
    "completed": "completed",
    "failed": "failed",
    "running": "running",
    "interrupted": "interrupted",
    "cancelled": "interrupted",
    "damaged": "damaged",
    "folder deleted": "deleted",
}


def tr(text: str) -> str:
    """Translate a text of the window."""
    return QCoreApplication.translate("Runshelf", text)


def counted(n: int, one: str, many: str) -> str:
    """Translate a text that counts something, in the form the language has for that count; {n} is put in.

    English has the two forms given; a translation of `many` may have as many as its language needs.
    """
    text = QCoreApplication.translate("Runshelf", many, None, n)
    if text == many and n == 1:
        text = one
    return text.format(n=integer_text(n))


def status_word(status: str) -> str:
    """Say a status in the language of the user."""
    words = {
        "completed": tr("completed"),
        "failed": tr("failed"),
        "running": tr("running"),
        "interrupted": tr("interrupted"),
        "cancelled": tr("cancelled"),
        "damaged": tr("damaged"),
        "folder deleted": tr("folder deleted"),
    }
    return words.get(status, status)


def number_text(value: float | None, digits: int = 3) -> str:
    """Write a number with `digits` significant digits; "–" when there is none."""
    if value is None or math.isnan(value):
        return MISSING
    locale, value = QLocale(), float(value)  # Qt refuses to write a whole number with digits
    if abs(value) < ROUNDING:
        return locale.toString(0.0, "f", digits - 1)
    if value < 0:
        return MINUS + number_text(-value, digits)
    if math.isinf(value):
        return "∞"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 7:
        return locale.toString(value, "e", digits - 1)
    return locale.toString(value, "f", max(0, digits - 1 - magnitude))


def integer_text(value: int | None) -> str:
    """Write a count with the grouping of the locale."""
    if value is None:
        return MISSING
    return QLocale().toString(int(value)) if value >= 0 else MINUS + integer_text(-value)


def time_text(value: datetime | None) -> str:
    """Write a time as people say it: "today 14:03", "yesterday 09:10", "20 Nov 14:03", "20 Nov 2025"."""
    if value is None:
        return MISSING
    local, now = value.astimezone(), datetime.now().astimezone()
    locale = QLocale()
    clock = local.strftime("%H:%M")
    days = (now.date() - local.date()).days
    if days == 0:
        return tr("today {clock}").format(clock=clock)
    if days == 1:
        return tr("yesterday {clock}").format(clock=clock)
    month = locale.monthName(local.month, QLocale.FormatType.ShortFormat)
    if local.year == now.year:
        return f"{local.day} {month} {clock}"
    return f"{local.day} {month} {local.year}"


def full_time_text(value: datetime | None) -> str:
    """Write a time completely, in the local zone."""
    return MISSING if value is None else value.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def duration_text(seconds: float | None) -> str:
    """Write a duration with the two units that matter."""
    if seconds is None or math.isnan(seconds):
        return MISSING
    if seconds < 1:
        return tr("{n} ms").format(n=round(seconds * 1000))
    if seconds < 10:
        return tr("{n} s").format(n=number_text(seconds, 2))
    if seconds < 60:
        return tr("{n} s").format(n=round(seconds))
    if seconds < 3600:
        return tr("{m} min {s} s").format(m=int(seconds // 60), s=int(seconds % 60))
    return tr("{h} h {m} min").format(h=int(seconds // 3600), m=int(seconds % 3600 // 60))


def bytes_text(count: int) -> str:
    """Write a size with the unit that suits it, with the digits and units that plans and reports have: 3.21 MB."""
    from storage import in_unit

    told, unit = in_unit(count)
    return f"{number_text(told)} {unit}" if unit else counted(count, "{n} byte", "{n} bytes")


def plain_text(value: Any) -> str:
    """Write a value as it is copied: full precision, no grouping, empty when missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def cell_text(value: Any) -> str:
    """Write a value as it is pasted into a cell of a spreadsheet: on one line, and never as a formula."""
    from storage import harmless

    return " ".join(plain_text(harmless(value)).splitlines()).replace("\t", " ")


def parameter_text(value: Any) -> str:
    """Write a parameter of a step the way Python would, floats without noise."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return repr(value) if isinstance(value, str) else str(value)


def short_path(path: str) -> str:
    """Write a path as people know it, with ~ for their own folder."""
    home = str(Path.home())
    return "~" + path[len(home) :] if path.startswith(home + "/") else path
