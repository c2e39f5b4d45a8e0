"""Rows that an optimizer returned, found again among the choices it was given."""

import torch

from gdopt.acquisition.noisy_ei import equal_rows


def test_rows_are_told_from_neighbours_that_cdist_merges() -> None:
    choices = 1 - 1e-9 * torch.arange(40, dtype=torch.float64).unsqueeze(1)
    picks = torch.randperm(40, generator=torch.Generator().manual_seed(0))[:30]
    assert torch.cdist(choices[picks], choices).argmin(1).tolist() != picks.tolist()
    assert equal_rows(choices[picks], choices) == picks.tolist()


def test_equal_choices_are_each_found_once() -> None:
    choices = torch.tensor([[0.0, 1.0], [2.0, 3.0], [0.0, 1.0], [0.0, 1.0]])
    assert equal_rows(choices[[0, 1, 0, 0]], choices) == [0, 1, 2, 3]
