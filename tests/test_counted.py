"""Numbers of things, in words."""

import pytest

from gdopt.arguments import counted


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((0, "trial"), "0 trials"),
        ((1, "trial"), "1 trial"),
        ((2, "trial"), "2 trials"),
        ((1, "entry", "entries"), "1 entry"),
        ((3, "entry", "entries"), "3 entries"),
    ],
)
def test_only_one_is_singular(words: tuple, expected: str) -> None:
    assert counted(*words) == expected
