"""Moments as whole numbers: how the index keeps times, so that they compare and sort; and how people speak of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800, "month": 2_629_800, "year": 31_557_600}
DAY = 86_400_000_000  # microseconds
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999  # microseconds: the years 1 to 9999
_START = datetime(1970, 1, 1, tzinfo=UTC)
_PERIOD = "(minute|hour|day|week|month|year)"
_AGO = re.compile(rf"(\d+)\s+{_PERIOD}s?\s+ago", re.IGNORECASE)
_LAST = re.compile(rf"last\s+((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s+)?{_PERIOD}s?", re.IGNORECASE)
_SPOKEN = re.compile(rf"\b(today|yesterday|ago|last\s+(\d|{_PERIOD}))", re.IGNORECASE)
_LONGEST = 1e12  # seconds


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return (moment - _START) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """The moment `to_microseconds` made a number of."""
    return _START + timedelta(microseconds=value)


def within_years(values: Any) -> Any:
    """Timestamps in microseconds; those outside the years 1 to 9999, which Python has no word for, are null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
    counts = moments.cast(pa.int64())
    told = pc.min_max(counts).as_py()
    if told["min"] is None or (told["min"] >= EARLIEST and told["max"] <= LATEST):
        return moments
    inside = pc.and_(pc.greater_equal(counts, EARLIEST), pc.less_equal(counts, LATEST))
    return pc.if_else(inside, moments, pa.scalar(None, moments.type))


def may_speak_of_now(text: str) -> bool:
    """Whether a text may mean something else later: `today`, `last 7 days`."""
    return _SPOKEN.search(text) is not None


def spoken_span(text: str, now: datetime) -> tuple[int, int | None] | None:
    """From when until when (exclusive, in microseconds) it is that somebody means; None if a text speaks of no time.

    `today`, `yesterday`, and days, weeks, months or years ago are whole local days; minutes and hours ago are moments;
    `last week` and `last 7 days` go on until now and have no end. `now` is aware.
    """
    words = " ".join(text.split()).lower()
    if words in ("today", "yesterday"):
        return _day(now - timedelta(days=words == "yesterday"))
    if found := _AGO.fullmatch(words):
        seconds = min(int(found[1]) * SECONDS[found[2]], _LONGEST)
        if found[2] in ("minute", "hour"):
            moment = to_microseconds(now) - int(seconds * 1e6)
            return moment, moment + 1
        days = int(seconds // SECONDS["day"])
        return _day(now - timedelta(days=min(days, (now.replace(tzinfo=None) - datetime(1971, 1, 1)).days)))
    if found := _LAST.fullmatch(words):
        seconds = min(float(found[1] or 1) * SECONDS[found[2]], _LONGEST)
        return to_microseconds(now) - int(seconds * 1e6), None
    return None


def _day(moment: datetime) -> tuple[int, int]:
    """The local day a moment is in."""
    start = moment.astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return to_microseconds(start.astimezone()), to_microseconds((start + timedelta(days=1)).astimezone())
