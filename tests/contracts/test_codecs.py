"""What every codec keeps to: parameters to z and back, and gradients along."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gdopt
from gdopt.codecs.base import Codec
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import SQRT_3, as_array, as_params
from gdopt.codecs.table import TableCodec
from gdopt.space.parameters import Params
from tests.oracles import normal
from tests.strategies import CONSTRAINED, LINE, LOG, MIXED, NESTED, TABLE, WIDE, corpus, prior, spaces, values


def whitening() -> Codec:
    return prior().codec


def tall() -> Codec:
    """Of a corpus with a constant column and units that differ a millionfold."""
    rows = corpus(40, 4, 4, seed=1) * np.array([1.0, 1e6, 1e-3, 0.0])
    return gdopt.DiffusionPrior.fit(rows, steps=1).codec


CODECS = {
    "line": lambda: BoxCodec(LINE),
    "log": lambda: BoxCodec(LOG),
    "mixed": lambda: BoxCodec(MIXED),
    "constrained": lambda: BoxCodec(CONSTRAINED),
    "nested": lambda: BoxCodec(NESTED),
    "wide": lambda: BoxCodec(WIDE),
    "whitening": whitening,
    "tall": tall,
    "table": lambda: TableCodec(TABLE, {}),
}
every_codec = pytest.mark.parametrize("codec", [f() for f in CODECS.values()], ids=list(CODECS))


def space_of(codec: Codec) -> gdopt.Space:
    space: gdopt.Space = codec.space
    return space


def near(found: Params, expected: Params, atol: float) -> bool:
    """Whether numbers agree to so many digits, and levels exactly."""
    return found.keys() == expected.keys() and all(
        found[k] == (v if isinstance(v, str) else pytest.approx(v, rel=1e-9, abs=atol)) for k, v in expected.items()
    )


@every_codec
def test_every_codec_is_one(codec: Codec) -> None:
    assert isinstance(codec, Codec)


@every_codec
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 1e12])
def test_decoded_parameters_are_within_the_space(codec: Codec, spread: float) -> None:
    for params in codec.decode(spread * normal(50, codec.dim, seed=0)):
        space_of(codec).check(params)


@every_codec
def test_fresh_parameters_are_within_the_space_and_rows_of_a_table_are_not_the_known_ones(codec: Codec) -> None:
    z = normal(20, codec.dim, seed=5)
    known = codec.decode(z[:10])
    found = codec.decode_unseen(z, known)
    assert len(found) == 20
    for params in found:
        space_of(codec).check(params)
    if isinstance(codec, TableCodec):
        assert not any(one in known for one in found)
    else:
        assert found == codec.decode(z)


@every_codec
def test_decoding_what_was_encoded_gives_it_back(codec: Codec) -> None:
    params = codec.decode(0.5 * normal(30, codec.dim, seed=1))
    for found, expected in zip(codec.decode(codec.encode(params)), params, strict=True):
        assert near(found, expected, 1e-9)


@every_codec
def test_rows_are_encoded_in_the_order_they_are_given(codec: Codec) -> None:
    params = codec.decode(normal(5, codec.dim, seed=2))
    alone = torch.cat([codec.encode([one]) for one in reversed(params)])
    torch.testing.assert_close(codec.encode(params).flip(0), alone)


@every_codec
def test_nothing_is_encoded_and_decoded_to_nothing(codec: Codec) -> None:
    assert codec.encode([]).shape == (0, codec.dim)
    assert codec.decode(torch.zeros(0, codec.dim, dtype=torch.float64)) == []


@every_codec
def test_the_order_of_the_names_does_not_matter(codec: Codec) -> None:
    (params,) = codec.decode(normal(1, codec.dim, seed=3))
    backwards = dict(reversed(params.items()))
    assert torch.equal(codec.encode([backwards]), codec.encode([params]))


@every_codec
def test_pullback_is_the_gradient_through_decode(codec: Codec) -> None:
    z, step = 0.2 * normal(1, codec.dim, seed=4), 1e-5
    if space_of(codec).constraints:
        z = codec.encode([{"a": 0.3, "b": 0.2, "c": 0.1}])
    # Rounded and categorical parameters have no slope: the rule of the real ones is checked.
    reals = [p.name for p in space_of(codec).parameters if isinstance(p, gdopt.Real)]
    gradient = dict(zip(reals, normal(len(reals), seed=5).tolist(), strict=True))

    def value(at: torch.Tensor) -> float:
        (params,) = codec.decode(at)
        return sum(g * float(params.get(n, 0.0)) for n, g in gradient.items())

    steps = step * torch.eye(codec.dim, dtype=torch.float64)
    (params,) = codec.decode(z)
    slopes = torch.tensor([(value(z + e) - value(z - e)) / (2 * step) for e in steps], dtype=torch.float64)
    found = codec.gradient_to_z(params, gradient)
    torch.testing.assert_close(found, slopes, rtol=1e-5, atol=1e-6)


# The box.


@given(st.data())
@settings(max_examples=60)
def test_box_round_trip(data: st.DataObject) -> None:
    space = data.draw(spaces())
    params = data.draw(values(space))
    (found,) = BoxCodec(space).decode(BoxCodec(space).encode([params]))
    widths = [p.high - p.low for p in space.parameters if isinstance(p, gdopt.Real)]
    assert near(found, params, 1e-9 * max(widths, default=1))


@given(st.data())
@settings(max_examples=60)
def test_box_decodes_any_numbers_to_the_space(data: st.DataObject) -> None:
    codec = BoxCodec(data.draw(spaces()))
    z = data.draw(st.lists(st.floats(allow_nan=False), min_size=codec.dim, max_size=codec.dim))
    (params,) = codec.decode(torch.tensor([z], dtype=torch.float64))
    codec.space.check(params)


@given(st.data())
@settings(max_examples=60)
def test_constraints_hold_however_far_out(data: st.DataObject) -> None:
    z = data.draw(st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=3))
    (params,) = BoxCodec(CONSTRAINED).decode(torch.tensor([z], dtype=torch.float64))
    CONSTRAINED.check(params)


def test_parameters_that_satisfy_the_constraints_are_left_where_they_are() -> None:
    params = {"a": 0.5, "b": 0.25, "c": 0.25}
    (found,) = BoxCodec(CONSTRAINED).decode(BoxCodec(CONSTRAINED).encode([params]))
    assert found == pytest.approx(params, abs=1e-12)


def test_bounds_go_to_the_edges() -> None:
    z = BoxCodec(LOG).encode([{"x": -1, "dose": 10}, {"x": 0, "dose": 0.1}])
    torch.testing.assert_close(z, torch.tensor([[-SQRT_3, SQRT_3], [0, 0]], dtype=torch.float64))


def test_a_uniform_law_on_the_box_has_variance_one() -> None:
    params = [{"x": float(x)} for x in np.linspace(-2, 3, 100_001)]
    assert float(BoxCodec(LINE).encode(params).var(correction=0)) == pytest.approx(1, abs=1e-4)


def test_every_whole_number_owns_an_equal_share() -> None:
    codec = BoxCodec(gdopt.Space([gdopt.Integer("i", 1, 4)]))
    z = torch.linspace(-SQRT_3, SQRT_3, 4001, dtype=torch.float64).unsqueeze(1)
    counts = np.bincount([p["i"] for p in codec.decode(z)])[1:]
    assert counts == pytest.approx([1000] * 4, abs=2)


def test_a_choice_is_the_level_of_the_largest_column() -> None:
    codec = BoxCodec(gdopt.Space([gdopt.Choice("c", ["a", "b", "c"])]))
    z = normal(20, 3, seed=0)
    assert [p["c"] for p in codec.decode(z)] == ["abc"[i] for i in z.numpy().argmax(1)]


def test_a_choice_has_no_slope() -> None:
    params = {"heat": 50.0, "cycles": 3, "base": "KOAc"}
    slopes = BoxCodec(MIXED).gradient_to_z(params, {"heat": 1.0, "cycles": 1.0})
    expected = [100 / (2 * SQRT_3), 8 / (2 * SQRT_3), 0, 0, 0]
    torch.testing.assert_close(slopes, torch.tensor(expected, dtype=torch.float64))


# Whitening.


def test_a_whitened_corpus_has_mean_zero_and_covariance_one() -> None:
    z = prior().z
    torch.testing.assert_close(z.mean(0), torch.zeros_like(z[0]), atol=1e-10, rtol=0)
    torch.testing.assert_close(z.T @ z / len(z), torch.eye(z.shape[1], dtype=torch.float64), atol=1e-8, rtol=0)


def test_whitened_distances_are_mahalanobis() -> None:
    rows, cov = corpus(), np.cov(corpus().T, bias=True)
    gap = rows[0] - rows[1]
    z = prior().codec.encode_array(torch.from_numpy(rows[:2]))
    assert float((z[0] - z[1]).square().sum()) == pytest.approx(gap @ np.linalg.inv(cov) @ gap, rel=1e-6)


def test_designs_as_an_array_and_back_are_the_same() -> None:
    params = [{"x": 0.5, "dose": 2.0}, {"x": -1.0, "dose": 0.1}]
    assert as_params(LOG, as_array(LOG, params)) == params
