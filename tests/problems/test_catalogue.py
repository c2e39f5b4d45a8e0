"""The catalogue: its optimum is a row, and its descriptors tell of the values."""

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from gdopt_problems import load
from gdopt_problems.catalogue import rows


def test_the_optimum_is_the_value_of_one_row() -> None:
    problem, (table, values) = load("catalogue"), rows()
    assert table.shape == (20_000, 30)
    assert problem.evaluate([{"row": int(values.argmax())}]) == [problem.optimum]
    assert (values == problem.optimum).sum() == 1


def test_rows_that_are_alike_have_like_values() -> None:
    table, values = rows()
    seen = table.to_numpy()
    predicted = KNeighborsRegressor(5).fit(seen[:10_000], values[:10_000]).predict(seen[10_000:11_000])
    assert np.corrcoef(predicted, values[10_000:11_000])[0, 1] > 0.7
