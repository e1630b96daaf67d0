"""How values look."""

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import QLocale

from gui.app import locale_for_people
from gui.charts.parallel_axes import value_text
from gui.formats import MISSING, bytes_text, duration_text, integer_text, number_text, plain_text, time_text
from gui.models.axis import make_axis
from gui.panes.sheets import metrics_sheet
from storage.wording import size


@pytest.fixture
def german():
    before = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    yield
    QLocale.setDefault(before)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.41234, "0.412"),
        (12.345, "12.3"),
        (1234.4, "1,234"),
        (2, "2.00"),
        (0.9, "0.900"),
        (0.00098, "0.000980"),
        (-9.3e-16, "0.00"),
        (-0.0442, "−0.0442"),
        (-3.2e-7, "−3.20e-07"),
        (float("-inf"), "−∞"),
        (3.2e-7, "3.20e-07"),
        (0.0, "0.00"),
        (None, MISSING),
        (float("nan"), MISSING),
    ],
)
def test_numbers_have_significant_digits(value, text):
    assert number_text(value) == text


def test_where_the_system_has_no_country_counts_are_grouped_all_the_same():
    before = QLocale()
    QLocale.setDefault(locale_for_people(QLocale.c()))
    try:
        assert integer_text(1_000_000) == "1,000,000"
    finally:
        QLocale.setDefault(before)
    assert locale_for_people(QLocale("de_DE")) == QLocale("de_DE")


def test_numbers_look_as_in_the_country_of_the_user(german):
    assert (number_text(0.41234), number_text(1234.4)) == ("0,412", "1.234")


@pytest.mark.parametrize("count", [0, 999, 1000, 214_300, 3_210_000, 12_345_678_901])
def test_sizes_are_those_that_plans_and_reports_tell(count):
    assert bytes_text(count) == size(count)


def test_copied_numbers_are_exact_everywhere(german):
    assert plain_text(0.1 + 0.2) == "0.30000000000000004"
    assert plain_text(None) == ""
    assert plain_text(1234567) == "1234567"


def test_times_are_said_as_people_do():
    now = datetime.now().astimezone().replace(hour=12, minute=3)
    assert time_text(now) == "today 12:03"
    assert time_text(now - timedelta(days=1)) == "yesterday 12:03"
    assert "2019" in time_text(datetime(2019, 5, 4, 12, tzinfo=UTC))
    assert time_text(None) == MISSING


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0421, "42 ms"), (3.21, "3.2 s"), (75, "1 min 15 s"), (7300, "2 h 1 min"), (None, MISSING)]
)
def test_durations_have_the_two_units_that_matter(seconds, text):
    assert duration_text(seconds) == text


def test_the_minus_sign_is_one_and_stands_at_its_number_everywhere(qapp):
    sheet = metrics_sheet()
    sheet.fill_metrics({"train": {"bias": -0.0004, "rmse": 1.0}, "test": {"bias": -7.75, "rmse": 8.8}})
    shown = [sheet.item(row, column).text() for row in range(2) for column in range(1, 5)]
    assert {text for text in shown if "-" in text or "−" in text} == {"−4.0e-4", "−7.75"}
    assert integer_text(-3) == value_text(make_axis("a", [-3.0, 1.0], "number"), -3.0) == "−3"
