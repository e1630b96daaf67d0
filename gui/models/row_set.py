"""A set of rows of a very long table, kept as the places where it begins and ends, so that size doesn't matter."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain


class RowSet:
    """An unchanging set of rows. A row is in it when an odd number of `edges` lie at or before it."""

    def __init__(self, edges: Sequence[int] = ()) -> None:
        self.edges = array("q", edges)
        self._count = sum(self.edges[1::2]) - sum(self.edges[::2])

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> RowSet:
        """Make a set from ranges (first row, row after the last), which may overlap."""
        joined: list[list[int]] = []
        for first, stop in sorted(ranges):
            if joined and first <= joined[-1][1]:
                joined[-1][1] = max(joined[-1][1], stop)
            elif first < stop:
                joined.append([first, stop])
        return cls(list(chain.from_iterable(joined)))

    @classmethod
    def matching(cls, keys: Sequence[int], wanted: Sequence[int]) -> RowSet:
        """Make the set of rows whose keys are among the wanted ones; for the workspace's thread when there are many."""
        import numpy as np

        found = np.zeros(len(keys) + 2, dtype=np.int8)
        found[1:-1] = np.isin(np.asarray(keys), np.asarray(wanted))
        return cls(array("q", np.flatnonzero(np.diff(found)).astype(np.int64).tobytes()))

    def __len__(self) -> int:
        return self._count

    def __contains__(self, row: int) -> bool:
        return bisect_right(self.edges, row) % 2 == 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowSet) and self.edges == other.edges

    def __hash__(self) -> int:
        return hash(self.edges.tobytes())

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Go through the ranges: first row, row after the last."""
        return zip(self.edges[::2], self.edges[1::2], strict=True)

    def rows(self, most: int) -> list[int]:
        """Return the first rows, at most so many."""
        found: list[int] = []
        for first, stop in self.ranges():
            found.extend(range(first, min(stop, first + most - len(found))))
            if len(found) == most:
                break
        return found

    def flipped(self, first: int, stop: int) -> RowSet:
        """Return the set with the rows of a range put in where they were not and taken out where they were."""
        edges = self.edges[:]
        for edge in (first, stop) if first < stop else ():
            place = bisect_left(edges, edge)
            if place < len(edges) and edges[place] == edge:
                del edges[place]
            else:
                edges.insert(place, edge)
        return RowSet(edges)

    def keys(self, keys: array[int]) -> array[int]:
        """Return the keys of the rows, in the order of the table."""
        found: array[int] = array("q")
        for first, stop in self.ranges():
            found.extend(keys[first:stop])
        return found
