"""The picture of molecules: written, of the right size, and refused where there is nothing to draw."""

from pathlib import Path

import pytest
from PIL import Image

from gdopt import SettingsError, SpaceError
from gdopt.molecules.report import SIZE, picture


def test_a_picture_has_a_place_for_each_molecule_of_the_longest_row(tmp_path: Path) -> None:
    picture([("found", [("CCO", 0.5), ("CC=O", 0.25)]), ("corpus", [("CCN", 0.125)])], tmp_path / "some.png")
    with Image.open(tmp_path / "some.png") as image:
        assert image.size == (2 * SIZE[0], 2 * SIZE[1])
        # The last place is empty, the others are not.
        places = [
            image.crop((x * SIZE[0], y * SIZE[1], (x + 1) * SIZE[0], (y + 1) * SIZE[1])) for y in (0, 1) for x in (0, 1)
        ]
    assert [len(place.convert("L").getcolors()) > 1 for place in places] == [True, True, True, False]


def test_a_picture_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a picture of no molecules"):
        picture([("found", [])], tmp_path / "none.png")


def test_what_is_no_molecule_is_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="'C1CC' is no molecule"):
        picture([("found", [("C1CC", 1.0)])], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
