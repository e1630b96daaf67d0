"""Sets of rows behave as sets of numbers do."""

from array import array

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gui.models.row_set import RowSet

ranges = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


@given(ranges, st.integers(0, 30), st.integers(0, 30))
def test_it_holds_what_a_set_of_numbers_would_hold(pairs, first, stop):
    rows, plain = RowSet.of(pairs), {row for low, high in pairs for row in range(low, high)}
    assert rows.rows(1000) == sorted(plain)
    assert len(rows) == len(plain)
    assert [row in rows for row in range(32)] == [row in plain for row in range(32)]
    flipped = plain ^ set(range(first, stop))
    assert rows.flipped(first, stop).rows(1000) == sorted(flipped)
    keys = array("q", range(100, 132))
    assert list(rows.keys(keys)) == [100 + row for row in sorted(plain)]


@given(st.lists(st.integers(0, 20), unique=True), st.lists(st.integers(0, 20)))
def test_rows_are_found_by_their_keys(keys, wanted):
    expected = [row for row, key in enumerate(keys) if key in wanted]
    assert RowSet.matching(array("q", keys), array("q", wanted)).rows(100) == expected


def test_a_million_rows_in_pieces_are_one_look_up():
    keys = np.arange(1_000_000)
    rows = RowSet.matching(array("q", keys.tobytes()), array("q", keys[::2].tobytes()))
    assert len(rows) == 500_000
    assert 999_998 in rows and 999_999 not in rows
