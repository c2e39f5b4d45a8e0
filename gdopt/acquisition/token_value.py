"""What a surrogate thinks of a design whose places are laws over tokens: the value that guides a token denoiser."""

import torch
from jaxtyping import Float, Int
from sklearn.linear_model import RidgeCV
from torch import Tensor

from gdopt.diffusion.masked import Value, softened
from gdopt.diffusion.token_network import TokenNet
from gdopt.surrogates.base import Surrogate
from gdopt.surrogates.sequences import Lettered

__all__ = ["by_features", "by_letters"]

# Penalties that the regression chooses from, by leaving each row out in turn.
PENALTIES = tuple(10.0**power for power in range(-3, 4))


def by_letters(surrogate: Surrogate, how: Lettered) -> Value:
    """The mean of a surrogate that sees sequences letter by letter."""

    def value(soft: Float[Tensor, "n L V"]) -> Float[Tensor, " n"]:
        mean, _ = surrogate.predict(how.softly(soft.double()))
        return mean

    return value


def by_features(net: TokenNet, x: Int[Tensor, "n L"], means: Float[Tensor, " n"]) -> Value:
    """A linear function of the network's features, fitted to what a surrogate thinks of rows of tokens.

    A surrogate of fingerprints has no gradient by tokens; what it thinks is learned here from designs that it knows.

    Args:
        net: whose features are taken.
        x: rows of tokens, none hidden.
        means: the surrogate's mean of each.
    """
    with torch.no_grad():
        known = net.features(softened(x, torch.zeros(*x.shape, net.tokens)))
    ridge = RidgeCV(PENALTIES).fit(known.double().numpy(), means.numpy())
    slope = torch.from_numpy(ridge.coef_).to(known)

    def value(soft: Float[Tensor, "n L V"]) -> Float[Tensor, " n"]:
        return net.features(soft) @ slope

    return value
