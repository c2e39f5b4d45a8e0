"""Settings of `MaskedPrior.fit`."""

import pytest

import gdopt


@pytest.mark.parametrize("steps", [0, -1])
def test_a_prior_of_strings_is_not_fitted_with_less_than_one_training_step(steps: int) -> None:
    space = gdopt.SequenceSpace("ACGT", 3, corpus=["ACG", "ACT", "GGT"])
    with pytest.raises(gdopt.SettingsError, match=f"steps = {steps}: expected 1 or more"):
        gdopt.MaskedPrior.fit(space, steps=steps)
