"""The tensors and the header of a prior's file."""

from collections.abc import Mapping

from torch import Tensor

from gdopt.diffusion.closed_form import TruncatedGaussianDenoiser
from gdopt.diffusion.denoiser import Denoiser
from gdopt.diffusion.network import PreconditionedNet, network, sizes
from gdopt.errors import SettingsError

__all__ = ["FORMAT", "OF_REALS", "UNWEIGHTED", "WHITENING", "denoiser_of", "tensors_of"]

FORMAT = "gdopt prior 3"
# Files from before there were choices, and from before there were weights.
OF_REALS, UNWEIGHTED = "gdopt prior 2", "gdopt prior 1"
WHITENING = ("mean", "basis", "spread", "scale")
LAW = ("low", "high", "mean", "std")


def tensors_of(denoiser: Denoiser) -> dict[str, Tensor]:
    """The tensors of a denoiser, by name."""
    if isinstance(denoiser, PreconditionedNet):
        return {f"net.{k}": v for k, v in denoiser.state_dict().items()}
    if isinstance(denoiser, TruncatedGaussianDenoiser):
        return {f"law.{k}": getattr(denoiser, k) for k in LAW}
    raise SettingsError(f"a prior whose denoiser is a {type(denoiser).__name__} has no file")


def denoiser_of(tensors: Mapping[str, Tensor], device: str) -> Denoiser:
    """The denoiser of its tensors."""
    if "law.mean" in tensors:
        return TruncatedGaussianDenoiser(*(tensors[f"law.{k}"] for k in LAW))
    state = {k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")}
    width, blocks = sizes(state)
    net = network(state["mean"], state["basis"], state["spread"], width=width, blocks=blocks)
    net.load_state_dict(state)
    return net.requires_grad_(False).to(device)
