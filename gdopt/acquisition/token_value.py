"""The value that guides a token denoiser: the surrogate's mean of a design with probabilities of tokens."""

import torch
from jaxtyping import Float, Int
from sklearn.linear_model import RidgeCV
from torch import Tensor

from gdopt.diffusion.masked import Value, softened
from gdopt.diffusion.token_network import TokenNet
from gdopt.surrogates.base import Surrogate
from gdopt.surrogates.sequences import Lettered

__all__ = ["by_features", "by_letters"]

# Ridge penalties, chosen by leave-one-out cross-validation.
PENALTIES = tuple(10.0**power for power in range(-3, 4))


def by_letters(surrogate: Surrogate, how: Lettered) -> Value:
    """The mean of a surrogate of one-hot letters; `soft` has a probability for each letter, `n x L x V`."""

    def value(soft: Float[Tensor, "n L V"]) -> Float[Tensor, " n"]:
        mean, _ = surrogate.predict(how.softly(soft.double()))
        return mean

    return value


def by_features(net: TokenNet, x: Int[Tensor, "n L"], means: Float[Tensor, " n"]) -> Value:
    """A linear function of the network's features, fitted to the surrogate's means of rows of tokens.

    A surrogate of fingerprints has no gradient with respect to tokens; this function has one.

    Args:
        net: of the features.
        x: rows of tokens, none masked, `n x L`.
        means: of the surrogate at each row.
    """
    with torch.no_grad():
        known = net.features(softened(x, torch.zeros(*x.shape, net.tokens)))
    ridge = RidgeCV(PENALTIES).fit(known.double().numpy(), means.numpy())
    slope = torch.from_numpy(ridge.coef_).to(known)

    def value(soft: Float[Tensor, "n L V"]) -> Float[Tensor, " n"]:
        return net.features(soft) @ slope

    return value
