"""The filter language, asked of a real database and compared with plain Python."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, create_engine, insert, select

from storage.errors import BadInput, QueryError
from storage.moments import may_speak_of_now, spoken_span, to_microseconds
from storage.query import compile_filter, compile_order, compile_query

TABLE = Table(
    "predictions",
    MetaData(),
    Column("pipeline_name", String),
    Column("dataset_name", String),
    Column("status", String),
    Column("test_rmse", Float),
    Column("test_r2", Float),
    Column("created_at", Integer, info={"kind": "time"}),
)
COLUMNS = {column.name: column for column in TABLE.c}
ROWS: list[dict[str, Any]] = [
    {
        "pipeline_name": f"{'pls' if i % 2 else 'ridge'} {'SNV' if i % 3 else 'raw'} 100%_{i}",
        "dataset_name": ["corn", "wheat", "it's"][i % 3],
        "status": "failed" if i % 7 == 0 else "completed",
        "test_rmse": None if i % 7 == 0 else i / 10,
        "test_r2": None if i % 7 == 0 else 1 - i / 100,
        "created_at": to_microseconds(datetime(2026, 10, 1 + i % 28, 13, 30).astimezone()),
    }
    for i in range(60)
]


@pytest.fixture(scope="module")
def connection() -> Any:
    engine = create_engine("sqlite://")
    with engine.connect() as made:
        TABLE.metadata.create_all(made)
        made.execute(insert(TABLE), ROWS)
        yield made
    engine.dispose()


def matching(connection: Connection, text: str) -> list[str]:
    found = connection.execute(select(TABLE.c.pipeline_name).where(compile_filter(text, COLUMNS)))
    return sorted(found.scalars())


def number(row: dict[str, Any], low: float, high: float) -> bool:
    return row["test_rmse"] is not None and low <= row["test_rmse"] < high


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", lambda r: True),
        ("dataset_name = 'corn' and test_rmse < 2.5", lambda r: r["dataset_name"] == "corn" and number(r, 0, 2.5)),
        ("dataset_name = 'it''s'", lambda r: r["dataset_name"] == "it's"),
        ('dataset_name = "it\'s"', lambda r: r["dataset_name"] == "it's"),
        ("test_rmse >= 1 or status = failed", lambda r: number(r, 1, 99) or r["status"] == "failed"),
        (
            "(dataset_name = corn or dataset_name = wheat) and not status = 'failed'",
            lambda r: r["dataset_name"] in ("corn", "wheat") and r["status"] != "failed",
        ),
        ("dataset_name in ('corn', 'wheat')", lambda r: r["dataset_name"] in ("corn", "wheat")),
        ("dataset_name not in ('corn')", lambda r: r["dataset_name"] != "corn"),
        ("test_rmse + test_r2 > 5", lambda r: r["test_rmse"] is not None and r["test_rmse"] + r["test_r2"] > 5),
        ("test_rmse > test_r2 * 2 - 1", lambda r: number(r, 0, 99) and r["test_rmse"] > r["test_r2"] * 2 - 1),
        ("test_r2 between -1 and 0.5", lambda r: r["test_r2"] is not None and r["test_r2"] <= 0.5),
        ("test_rmse > -1", lambda r: r["test_rmse"] is not None),
        ("not test_rmse < 1", lambda r: not number(r, 0, 1)),
        ("last 1 minute", lambda r: False),
        ("last 1000 years corn", lambda r: r["dataset_name"] == "corn"),
        ("test_rmse between 1 and 2", lambda r: r["test_rmse"] is not None and 1 <= r["test_rmse"] <= 2),
        ("test_rmse is null", lambda r: r["test_rmse"] is None),
        ("test_rmse is not null", lambda r: r["test_rmse"] is not None),
        ("test_rmse != 1.1", lambda r: r["test_rmse"] != 1.1),
        ("pipeline_name ~ 'snv'", lambda r: "SNV" in r["pipeline_name"]),
        ("pipeline_name !~ 'snv'", lambda r: "SNV" not in r["pipeline_name"]),
        ("pipeline_name ~ '0%_1'", lambda r: "0%_1" in r["pipeline_name"]),  # no wildcards by accident
        ("pls snv", lambda r: "pls" in r["pipeline_name"] and "SNV" in r["pipeline_name"]),
        ("'SNV 100' corn", lambda r: "SNV 100" in r["pipeline_name"] and r["dataset_name"] == "corn"),
        ("created_at = 2026-10-05", lambda r: r["created_at"] == ROWS[4]["created_at"]),
        ("created_at > 2026-10-05", lambda r: r["created_at"] > ROWS[4]["created_at"]),
        ("created_at < '2026-10-05 13:00'", lambda r: r["created_at"] < ROWS[4]["created_at"]),
        (
            "created_at between 2026-10-02 and 2026-10-03",
            lambda r: r["created_at"] in (ROWS[1]["created_at"], ROWS[2]["created_at"]),
        ),
        ("Dataset = 'corn'", lambda r: r["dataset_name"] == "corn"),  # what stands above the column
        ("pipeline ~ 'snv'", lambda r: "SNV" in r["pipeline_name"]),
        ("created = 2026-10-05", lambda r: r["created_at"] == ROWS[4]["created_at"]),
        ("pipeline_name contains 'snv'", lambda r: "SNV" in r["pipeline_name"]),
        ("not pipeline_name CONTAINS snv", lambda r: "SNV" not in r["pipeline_name"]),
        ("dataset_name = today or pipeline_name ~ yesterday", lambda r: False),  # of a text it is a text
        ("TEST_RMSE < 1 AND Status = 'completed'", lambda r: number(r, 0, 1)),
    ],
)
def test_filters_mean_what_they_say(connection: Connection, text: str, meant: Callable[[dict[str, Any]], bool]) -> None:
    assert matching(connection, text) == sorted(row["pipeline_name"] for row in ROWS if meant(row))


@pytest.mark.parametrize(
    ("text", "position", "length", "advice"),
    [
        ("test_rmze < 1", 0, 9, "test_rmse"),
        ("status = 'a' and tset_r2 > 0", 17, 7, "test_r2"),
        ("test_rmse < 'low'", 12, 5, "number"),
        ("test_rmse <", 11, 1, ""),
        ("(test_rmse < 1", 14, 1, ")"),
        ("test_rmse < 1)", 13, 1, ""),
        ("status = 'open", 9, 5, "closing"),
        ("test_rmse", 0, 9, "not null"),
        ("created_at > soon", 13, 4, "2026"),
        ("test_rmse << 1", 11, 1, ""),
        ("a; drop table predictions", 1, 1, ""),
        ("status - 1 < 3", 0, 6, "metric"),
        ("5 < test_rmse", 0, 1, "test_rmse < 0.5"),
        ("test_rmse as status", 13, 6, "another name"),
        ("status = 'a' order by nothing", 22, 7, ""),
        ("order by created_at best", 9, 10, ""),
    ],
)
def test_errors_point_at_the_place(text: str, position: int, length: int, advice: str) -> None:
    with pytest.raises(QueryError) as caught:
        compile_filter(text, COLUMNS)
    assert (caught.value.position, caught.value.length) == (position, length)
    assert advice in caught.value.advice


SIMPLE = st.sampled_from(
    [
        "test_rmse < 2",
        "test_rmse is null",
        "status = failed",
        "pipeline_name ~ 'snv'",
        "dataset_name in (corn, wheat)",
        "test_r2 between 0.5 and 0.9",
        "test_rmse != 1",
        "pls",
        "created_at > 2026-10-10",
        "test_rmse - test_r2 > 0",
    ]
)
COMPOUND = st.recursive(
    SIMPLE,
    lambda inner: (
        st.builds("({}) and ({})".format, inner, inner)
        | st.builds("({}) or ({})".format, inner, inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=6,
)


@given(COMPOUND)
def test_a_query_and_its_negation_share_out_all_rows(connection: Connection, text: str) -> None:
    found, others = matching(connection, text), matching(connection, f"not ({text})")
    assert sorted(found + others) == sorted(row["pipeline_name"] for row in ROWS)


def test_computed_columns_can_be_filtered_and_sorted(connection: Connection) -> None:
    query = compile_query("test_rmse - test_r2 as gap and gap < 1 status = completed order by gap desc", COLUMNS)
    gap = query.computed["gap"]
    found = connection.execute(select(gap).where(query.condition).order_by(*query.order)).scalars().all()
    expected = sorted((r["test_rmse"] - r["test_r2"] for r in ROWS if r["test_rmse"] is not None), reverse=True)
    assert found == [value for value in expected if value < 1] and len(found) > 3


@given(st.text(alphabet="abct_()'\"<>=!~ 0129.-,\\%;not andorinbetweenisnull\n", max_size=60) | st.text(max_size=30))
def test_any_text_is_an_answer_or_a_query_error(text: str) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as made:
        TABLE.metadata.create_all(made)
        try:
            made.execute(select(TABLE).where(compile_filter(text, COLUMNS))).all()
        except QueryError as error:
            assert 0 <= error.position <= len(text)
    engine.dispose()


@pytest.mark.parametrize("text", ["not " * 2000 + "x", "(" * 3000, "x " * 6000, "x " * 3000])
def test_a_monstrous_query_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        compile_filter(text, COLUMNS)


@pytest.mark.parametrize(
    ("order", "key"),
    [
        ("test_rmse", lambda r: r["test_rmse"]),
        ("-test_rmse", lambda r: -r["test_rmse"]),
        ("best:test_rmse", lambda r: r["test_rmse"]),
        ("best:test_r2", lambda r: -r["test_r2"]),
        ("dataset_name,-test_rmse", lambda r: (r["dataset_name"], -r["test_rmse"])),
    ],
)
def test_order_puts_the_missing_last(connection: Connection, order: str, key: Callable[[dict[str, Any]], Any]) -> None:
    rows = list(ROWS)
    random.Random(1).shuffle(rows)
    found = connection.execute(select(TABLE.c.pipeline_name).order_by(*compile_order(order, COLUMNS))).scalars().all()
    if "," in order:
        return_order = [n for n in found if next(r for r in ROWS if r["pipeline_name"] == n)["test_rmse"] is not None]
        assert return_order == [
            r["pipeline_name"] for r in sorted((r for r in rows if r["test_rmse"] is not None), key=key)
        ]
        return
    whole = [r for r in rows if r["test_rmse"] is not None]
    assert found[: len(whole)] == [r["pipeline_name"] for r in sorted(whole, key=key)]


def test_best_needs_a_direction() -> None:
    with pytest.raises(BadInput):
        compile_order("best:created_at", COLUMNS)
    with pytest.raises(QueryError):
        compile_order("-nothing", COLUMNS)


def test_text_has_ranges_and_times_have_limits(connection: Connection) -> None:
    between = matching(connection, "dataset_name between 'corn' and 'it'")
    assert between == sorted(r["pipeline_name"] for r in ROWS if "corn" <= r["dataset_name"] <= "it")
    with pytest.raises(QueryError):
        compile_filter("created_at > 0001-01-01", COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "last 1e400 days",
        "co\0rn",
        "pipeline_name ~ '\ud800'",
        "test_rmse > " + "+".join(["1"] * 3000),
        "(status = a or (status = b and " * 60 + "status = c" + "))" * 60,
        "not " * 99 + "status = a",
        "status = ')))' and (" + "(" * 300 + "status = a" + ")" * 301,
        "test_rmse - 1 as key",
        "test_rmse - 1 as Folder_Exists",
    ],
)
def test_what_cannot_be_answered_is_refused_before_it_is_asked(connection: Connection, text: str) -> None:
    try:
        matching(connection, text)
    except QueryError:
        return
    assert "1e400" in text  # that long ago is simply everything


@pytest.mark.parametrize(
    ("text", "hours"),  # how long ago, of one result each: now, today's, yesterday's, of a week and of a month ago
    [
        ("created_at = today", [0, 1]),
        ("today", [0, 1]),
        ("created < today", [24, 7 * 24, 31 * 24]),
        ("created_at = yesterday", [24]),
        ("created_at = 'yesterday'", [24]),
        ("yesterday", [24]),
        ("created_at between yesterday and today", [0, 1, 24]),
        ("created_at between 8 days ago and yesterday", [24, 7 * 24]),
        ("created_at in (today, yesterday)", [0, 1, 24]),
        ("created_at = 1 week ago", [7 * 24]),
        ("created_at > 7 days ago", [0, 1, 24]),
        ("created_at >= 7 days ago", [0, 1, 24, 7 * 24]),
        ("created_at != 7 days ago", [0, 1, 24, 31 * 24]),
        ("created_at > 30 minutes ago", [0]),
        ("created_at < 30 minutes ago", [1, 24, 7 * 24, 31 * 24]),
        ("created_at > last week", [0, 1, 24]),
        ("created = last week", [0, 1, 24]),
        ("created_at < last 2 days", [7 * 24, 31 * 24]),
        ("created_at >= last 8 days", [0, 1, 24, 7 * 24]),
        ("last week", [0, 1, 24]),
        ("last 8 days", [0, 1, 24, 7 * 24]),
        ("not last month", [31 * 24]),
        ("created_at last 8 days", [0, 1, 24, 7 * 24]),
        ("created last week", [0, 1, 24]),
        ("created_at today", [0, 1]),
        ("not created 1 week ago and last 10 days", [0, 1, 24]),
    ],
)
def test_times_are_written_as_people_say_them(text: str, hours: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 10, 14, 15, 0).astimezone()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now.astimezone(tz)

    monkeypatch.setattr("storage.query.datetime", Clock)
    ago = [0, 1, 24, 7 * 24, 31 * 24]
    engine = create_engine("sqlite://")
    with engine.connect() as made:
        TABLE.metadata.create_all(made)
        # A second before, so that what is just as old as is asked for lies outside.
        times = [to_microseconds(now - timedelta(hours=one, seconds=1)) for one in ago]
        made.execute(
            insert(TABLE), [{"pipeline_name": str(n), "created_at": at} for n, at in zip(ago, times, strict=True)]
        )
        found = made.execute(select(TABLE.c.pipeline_name).where(compile_filter(text, COLUMNS))).scalars()
        assert sorted(map(int, found)) == hours
    engine.dispose()
    assert may_speak_of_now(text)


def test_a_local_day_is_as_long_as_it_is() -> None:
    now = datetime(2026, 10, 14, 0, 30).astimezone()
    start, stop = spoken_span("yesterday", now) or (0, 0)
    assert stop == to_microseconds(now.replace(minute=0)) and start == to_microseconds(
        datetime(2026, 10, 13).astimezone()
    )
    assert spoken_span("100000000 years ago", now) is not None and spoken_span("tomorrow", now) is None
    assert (spoken_span("last 7 days", datetime.now(UTC)) or (0, 0))[1] is None
