"""The digits: what their score knows, and what it does not."""

from scipy.optimize import check_grad
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from gdopt_problems import digits, load


def test_the_corpus_is_scikit_learns_1797_digits() -> None:
    x = digits.corpus()
    assert x.shape == (1797, 64)
    assert (x.min(), x.max()) == (0.0, 1.0)


def test_threes_are_worth_most_and_little_else_is() -> None:
    values, three = digits.values(digits.corpus()), digits.labels() == 3
    assert (values[three] > 0).mean() > 0.9
    assert (values[~three] < 0).mean() > 0.98


def test_the_scores_choose_the_classes_that_discriminant_analysis_chooses() -> None:
    x, digit = digits.corpus(), digits.labels()
    of = digits.scores()
    ours = (x @ of.weights.T + of.offsets).argmax(axis=1)
    varies = x.std(axis=0) > 0
    other = LinearDiscriminantAnalysis(priors=[0.1] * 10).fit(x[:, varies], digit).predict(x[:, varies])
    assert (ours == other).mean() > 0.97


def test_gradients_are_the_differences_of_values() -> None:
    for x in digits.corpus()[:3]:
        off = check_grad(lambda z: digits.values(z[None])[0], lambda z: digits.gradients(z[None])[0], x)
        assert off < 1e-4


def test_the_best_of_the_box_is_no_digit() -> None:
    x = digits.corpus()[digits.values(digits.corpus()).argmax()][None]
    for _ in range(1000):
        x = (x + 0.03 * digits.gradients(x)).clip(0, 1)
    problem = load("digits")
    assert problem.best_known is not None
    assert 0.95 * problem.best_known < digits.values(x)[0] <= problem.best_known + 1e-9
    assert digits.distance(x)[0] > 3
