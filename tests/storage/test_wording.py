"""How reports say numbers, times and sizes, and text as Markdown shows it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from storage import Metric, Metrics
from storage.markdown import as_text, one_line
from storage.wording import by_relevance, direction, duration, moment, number, size, with_spread


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [
        (None, 3, "–"),
        (float("nan"), 3, "–"),
        (float("-inf"), 3, "-∞"),
        (1e-17, 3, "0"),
        (1.10314, 3, "1.10"),
        (0.999686, 3, "1.000"),
        (123456.0, 3, "123456"),
        (-0.00001234, 3, "-1.23e-05"),
        (2.5e9, 2, "2.5e+09"),
    ],
)
def test_numbers_have_the_digits_that_are_asked_for(value: float | None, digits: int, said: str) -> None:
    assert number(value, digits) == said


def test_what_reports_say() -> None:
    assert with_spread(1.103, 0.534) == "1.10 ± 0.53" and with_spread(1.103, None) == "1.10"
    assert with_spread(None, 0.5) == "–"
    assert [duration(s) for s in (None, 0.25, 5.2, 59.0, 61.0, 7260.0)] == [
        "–", "250 ms", "5.2 s", "59 s", "1 min 1 s", "2 h 1 min",
    ]  # fmt: skip
    assert [size(n) for n in (0, 999, 1000, 3_211_602)] == ["0 bytes", "999 bytes", "1.00 kB", "3.21 MB"]
    assert moment(datetime(2026, 11, 20, 14, 3, 59, tzinfo=UTC)) == "2026-11-20 14:03 UTC" and moment(None) == "–"
    known = Metrics()
    said = [direction(known.find(name)) for name in ("rmse", "r2", "bias", "wibble")]
    assert said == ["lower is better", "higher is better", "nearest to 0 is best", ""]


def test_metrics_come_by_relevance_whatever_their_order_was() -> None:
    own = Metrics([Metric("wibble", "Wibble", True)])
    assert by_relevance(["zeta", "wibble", "r2", "mae", "rmse"], "r2", own) == ["r2", "rmse", "mae", "wibble", "zeta"]


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip))
def test_text_in_markdown_is_read_as_it_was_also_at_the_beginning_of_a_line(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(as_text(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    parts = tokens[1].children or []
    assert {part.type for part in parts} <= {"text", "text_special"}
    assert "".join(part.content for part in parts) == one_line(text)
    assert not set("\n\r\x00\x1b\u202e\u2066\u200f") & set(one_line(text))


def test_names_stand_in_the_source_of_markdown_as_they_are() -> None:
    assert as_text("PLS.n_components in 0042_pls_a1/model.joblib") == "PLS.n_components in 0042_pls_a1/model.joblib"
    assert as_text("_loud_ a__b *c*") == r"\_loud\_ a\_\_b \*c\*"
