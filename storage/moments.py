"""Moments as whole numbers: how the index keeps times, so that they compare and sort."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_START = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    return (moment - _START) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """The moment `to_microseconds` made a number of."""
    return _START + timedelta(microseconds=value)
