"""The law of unlabelled designs as a diffusion model: what is plausible, before anything is measured."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.covariance import ledoit_wolf
from torch import Tensor

from gdopt import design_check, files
from gdopt.codec import WhiteningCodec
from gdopt.design_check import DesignCheck
from gdopt.diffusion.denoiser import Denoiser, TruncatedGaussianDenoiser
from gdopt.diffusion.network import BLOCKS, WIDTH, PreconditionedNet, network, sizes
from gdopt.diffusion.sampler import sample
from gdopt.diffusion.train import Progress, Training, fit
from gdopt.errors import CorpusError, SettingsError, SpaceError, StoreError
from gdopt.expert import Belief, Normal
from gdopt.space import Real, Space
from gdopt.weights import checked_weights, effective_size

__all__ = ["DiffusionPrior"]

# Directions that together carry less than this share of the variance are dropped: 31 are left of the airfoils' 128.
UNEXPLAINED = 2e-5
# A parameter's bounds lie this share of the corpus' range outside it.
MARGIN = 0.05
FORMAT = "gdopt prior 2"
# Draws of an expert's law that take the place of a corpus.
DRAWS = 1024
# Draws that a check looks at: a share of 5 % is then known to 1 %.
CHECKED = 500
# Files from before there were weights.
UNWEIGHTED = "gdopt prior 1"


@dataclass(frozen=True)
class DiffusionPrior:
    """A diffusion model of designs, pretrained without labels or an `expert`'s: `sample`, `check`, `save`, `load` it.

    Args:
        codec: designs to whitened coordinates z and back.
        denoiser: of z: a network, or a law in closed form.
        designs: the corpus it was fitted to, its rows unique; of an expert's prior, draws.
        weights: of the designs, 1 on average.
        training: how the fit went; None where nothing was fitted.
        seconds: how long it took.
    """

    codec: WhiteningCodec
    denoiser: Denoiser
    designs: Float[Tensor, "n D"]
    weights: Float[Tensor, " n"]
    training: Training | None
    seconds: float

    @property
    def space(self) -> Space:
        """What may be tried: a `Real` parameter for each column of the corpus."""
        return self.codec.space

    @property
    def z(self) -> Float[Tensor, "n d"]:
        """The corpus in whitened coordinates."""
        return self.codec.encode_array(self.designs)

    @property
    def effective_size(self) -> float:
        """How many designs of equal weight the corpus is worth."""
        return effective_size(self.weights.numpy())

    @classmethod
    def fit(
        cls,
        designs: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        space: Space | None = None,
        names: Sequence[str] | None = None,
        commensurate: bool = False,
        unexplained: float = UNEXPLAINED,
        seed: int = 0,
        steps: int = 3000,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> "DiffusionPrior":
        """A prior of the rows of an array or a table, without labels.

        Args:
            designs: (n, D), one design a row: an array, a tensor or a table of pandas.
            weights: of the rows, on any scale: the prior is then of the weighted law. Those of equal rows add up, and
                rows of weight 0 are left out. Without them every different design counts alike, however often it is
                repeated. `gdopt.outcome_weights` makes weights of what was measured in a related task.
            space: bounds and names of the columns; by default the corpus' range and 5 % of it on either side.
            names: of the columns, if no space is given; by default those of the table, or x0, x1, ...
            commensurate: whether all columns have the same unit, so that their variances can be compared; by default
                each column counts by its own spread.
            unexplained: the share of the variance that may be left out; the directions that carry it are never left.
            seed: of the network's first weights and of its training.
            steps: of training at most; it stops earlier when a held-out split says so.
            device: where the network computes, such as "cuda".
            progress: called with (step, steps, held-out loss) as training goes on.

        Raises:
            CorpusError: not two different rows of finite numbers, columns that the space does not have, designs
                outside it, or weights that are not one finite number of 0 or more for each row and worth two designs.
        """
        began = time.perf_counter()
        if names is None and hasattr(designs, "columns"):
            names = [str(name) for name in designs.columns]
        rows, mass = _checked(designs, weights)
        space = _space_of(rows, names) if space is None else space
        if len(space.parameters) != rows.shape[1] or not _is_linear(space):
            raise CorpusError(
                f"designs have {rows.shape[1]} columns, the space {len(space.parameters)} parameters; "
                "a corpus needs one linear Real parameter for each column"
            )
        _check_space(rows, space)
        codec = _whitening(rows, mass, space, commensurate, unexplained)
        z = codec.encode_array(rows)
        untrained = _untrained(codec.dim, seed).to(device)
        generator = torch.Generator().manual_seed(seed)
        denoiser, training = fit(untrained, z, generator, weights=mass, steps=steps, progress=progress)
        return cls(codec, denoiser, rows, mass, training, time.perf_counter() - began)

    @classmethod
    def expert(cls, space: Space, beliefs: Mapping[str, Belief], *, seed: int = 0) -> "DiffusionPrior":
        """A prior of what an expert believes of each parameter, one independent of another: nothing is fitted.

        Its diffusion model is in closed form (`TruncatedGaussianDenoiser`), so it cannot be fine-tuned. Where
        parameters hang together, fit a prior to draws of what is believed.

        Args:
            space: of linear `Real` parameters, without constraints.
            beliefs: a `Normal` or a `Uniform` for some of them, by name; the others are uniform within their bounds.
            seed: of the draws that take the place of a corpus.

        Raises:
            SpaceError: the space has other parameters, or constraints.
            SettingsError: a name is no parameter's, or a belief is outside the parameter's bounds.
        """
        began = time.perf_counter()
        if not _is_linear(space) or space.constraints:
            raise SpaceError("an expert's prior needs a space of linear Real parameters, without constraints")
        if unknown := sorted(beliefs.keys() - set(space.names)):
            raise SettingsError(f"beliefs of {unknown}: the parameters are {list(space.names)}")
        laws = [_law(p, beliefs.get(p.name)) for p in space.parameters if isinstance(p, Real)]
        low, high, mean, std = torch.tensor(laws, dtype=torch.float64).T.contiguous()
        rng = np.random.default_rng(seed)
        columns = [_truncated(*law) for law in laws]
        designs = torch.from_numpy(np.stack([one.rvs(DRAWS, random_state=rng) for one in columns], axis=1))
        moments = torch.tensor([[one.mean(), one.std()] for one in columns], dtype=torch.float64)
        centre, scale = moments.T.contiguous()
        codec = WhiteningCodec(space, centre, torch.eye(len(laws)).to(centre), torch.ones_like(centre), scale)
        denoiser = TruncatedGaussianDenoiser(
            low=(low - centre) / scale, high=(high - centre) / scale, mean=(mean - centre) / scale, std=std / scale
        )
        return cls(codec, denoiser, designs, designs.new_ones(DRAWS), None, time.perf_counter() - began)

    def sample(self, n: int, seed: int = 0) -> Float[np.ndarray, "n D"]:
        """n new designs, drawn from the diffusion model."""
        generator = torch.Generator().manual_seed(seed)
        return self.codec.decode_array(self.sample_z(n, generator)).numpy()

    def sample_z(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n draws in whitened coordinates."""
        mean = torch.zeros(self.codec.dim, dtype=torch.float64)
        return sample(self.denoiser, n, mean, 1.0, generator)

    def check(self, n: int = CHECKED, seed: int = 0) -> DesignCheck:
        """Whether the corpus is fit for a prior and the prior for its corpus, by n draws.

        `print(prior.check())` is a table with a verdict, `prior.check().plot(path)` a figure: how many designs are
        covered, how many draws are plausible or copies, how far the nearest design is, how many dimensions there are,
        and how each parameter is spread, all beside what designs of the corpus themselves reach. It takes seconds.

        Raises:
            CorpusError: the corpus has fewer than ten designs.
            SettingsError: n is less than ten.
        """
        generator = torch.Generator().manual_seed(seed)
        samples = self.codec.decode_array(self.sample_z(n, generator))
        own, drawn = (self.codec.encode_array(one) * self.codec.spread for one in (self.designs, samples))
        corpus = design_check.Corpus(
            self.space,
            self.designs.numpy(),
            self.weights.numpy(),
            self.order(generator).numpy(),
            self.codec.spread.square().numpy(),
        )
        return design_check.check(corpus, samples.numpy(), own.numpy(), drawn.numpy())

    def order(self, generator: torch.Generator) -> Int[Tensor, " n"]:
        """The rows of the corpus in random order: each next one in proportion to the weights of those that are left."""
        if self._weighted:
            return torch.multinomial(self.weights, len(self.weights), generator=generator)
        return torch.randperm(len(self.weights), generator=generator)

    def redrawn(self, generator: torch.Generator) -> Float[Tensor, "n D"]:
        """The corpus as rows that count alike: with weights, as many of them drawn anew in proportion."""
        if self._weighted:
            rows = torch.multinomial(self.weights, len(self.weights), replacement=True, generator=generator)
            return self.designs[rows]
        return self.designs

    @property
    def _weighted(self) -> bool:
        return bool((self.weights != 1).any())

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, checksum and all, that `load` reads.

        Raises:
            StoreError: the file cannot be written.
            SettingsError: the denoiser is neither gdopt's network nor an expert's law.
        """
        files.write(Path(path), *self.parts())

    def parts(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and a header that are all of the prior: `gdopt.files` makes a file of them.

        Raises:
            SettingsError: the denoiser is neither gdopt's network nor an expert's law.
        """
        codec, training = self.codec, self.training
        tensors = _tensors_of(self.denoiser)
        tensors |= {"mean": codec.mean, "basis": codec.basis, "spread": codec.spread, "scale": codec.scale}
        columns = [[p.name, p.low, p.high, p.unit] for p in codec.space.parameters if isinstance(p, Real)]
        header: dict[str, Any] = {
            "format": FORMAT,
            "columns": columns,
            "training": None if training is None else asdict(training),
            "seconds": self.seconds,
        }
        return {**tensors, "designs": self.designs, "weights": self.weights}, header

    @classmethod
    def load(cls, path: str | Path, device: str = "cpu") -> "DiffusionPrior":
        """The prior that `save` wrote.

        Raises:
            StoreError: the file is missing, not a prior, or not what was written.
        """
        return cls.of_parts(*files.read(Path(path)), path, device)

    @classmethod
    def of_parts(
        cls, tensors: Mapping[str, Tensor], header: Mapping[str, Any], name: str | Path, device: str = "cpu"
    ) -> "DiffusionPrior":
        """The prior of what `parts` returned; `name` is what errors call the file.

        Raises:
            StoreError: these are not the parts of a prior.
        """
        if header.get("format") not in (FORMAT, UNWEIGHTED):
            raise StoreError(f"{name} holds {header.get('format')!r}, not {FORMAT!r}")
        space = Space([Real(name, low, high, unit=unit) for name, low, high, unit in header["columns"]])
        codec = WhiteningCodec(space, *(tensors[k] for k in ("mean", "basis", "spread", "scale")))
        designs = tensors["designs"]
        if header["format"] == UNWEIGHTED:
            weights, said = designs.new_ones(len(designs)), {k: header[k] for k in ("steps", "losses", "best")}
        else:
            weights, said = tensors["weights"], header["training"]
        training = None if said is None else Training(said["steps"], tuple(said["losses"]), said["best"])
        denoiser = _denoiser_of(tensors, codec.dim, device)
        return cls(codec, denoiser, designs, weights, training, header["seconds"])


LAW = ("low", "high", "mean", "std")


def _tensors_of(denoiser: Denoiser) -> dict[str, Tensor]:
    if isinstance(denoiser, PreconditionedNet):
        return {f"net.{k}": v for k, v in denoiser.state_dict().items()}
    if isinstance(denoiser, TruncatedGaussianDenoiser):
        return {f"law.{k}": getattr(denoiser, k) for k in LAW}
    raise SettingsError(f"a prior whose denoiser is a {type(denoiser).__name__} has no file")


def _denoiser_of(tensors: Mapping[str, Tensor], dim: int, device: str) -> Denoiser:
    if "law.mean" in tensors:
        return TruncatedGaussianDenoiser(*(tensors[f"law.{k}"] for k in LAW))
    state = {k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")}
    net = _untrained(dim, 0, *sizes(state))
    net.load_state_dict(state)
    return net.requires_grad_(False).to(device)


def _untrained(dim: int, seed: int, width: int = WIDTH, blocks: int = BLOCKS) -> PreconditionedNet:
    return network(torch.zeros(dim), torch.eye(dim), torch.ones(dim), seed, width, blocks)


def _checked(designs: ArrayLike, weights: ArrayLike | None) -> tuple[Float[Tensor, "rows D"], Float[Tensor, " rows"]]:
    """The different rows, as float64, with weights of 1 on average."""
    array = np.asarray(designs)
    if array.ndim != 2:
        raise CorpusError(f"designs must be an array (n, D), one design a row; got shape {array.shape}")
    if not np.issubdtype(array.dtype, np.number):
        raise CorpusError(f"designs must be numbers, got {array.dtype}")
    if len(bad := np.flatnonzero(~np.isfinite(array).all(1))):
        raise CorpusError(f"designs must be finite; rows {bad[:5].tolist()} (of {len(bad)}) are not")
    rows, of = np.unique(array.astype(np.float64), axis=0, return_inverse=True)
    if len(rows) < 2:
        raise CorpusError(f"a prior needs two different designs or more, got {len(rows)}")
    mass = np.ones(len(rows))
    if weights is not None:
        mass = np.bincount(of, checked_weights(weights, len(array))).astype(np.float64)
        if (size := effective_size(mass)) < 2:
            raise CorpusError(f"the weights leave an effective size of {size:.2f} designs; a prior needs 2 or more")
        rows, mass = rows[mass > 0], mass[mass > 0]
    # By the largest first: weights that are alike are then exactly 1.
    mass /= mass.max()
    return torch.from_numpy(rows), torch.from_numpy(mass / mass.mean())


def _is_linear(space: Space) -> bool:
    return all(isinstance(p, Real) and not p.log for p in space.parameters)


def _law(parameter: Real, belief: Belief | None) -> tuple[float, float, float, float]:
    """The ends, the mean and the standard deviation of the Gaussian that is cut off there; infinite for a uniform law.

    Raises:
        SettingsError: the belief is outside the bounds.
    """
    low, high = parameter.low, parameter.high
    if isinstance(belief, Normal):
        if not low <= belief.mean <= high:
            raise SettingsError(f"{parameter.name}: {belief} is outside the bounds [{low:g}, {high:g}]")
        return low, high, belief.mean, belief.std
    if belief is not None:
        if not low <= belief.low < belief.high <= high:
            raise SettingsError(f"{parameter.name}: {belief} is outside the bounds [{low:g}, {high:g}]")
        low, high = belief.low, belief.high
    return low, high, (low + high) / 2, math.inf


def _truncated(low: float, high: float, mean: float, std: float) -> Any:
    """The same law as scipy has it."""
    if math.isinf(std):
        return stats.uniform(low, high - low)
    return stats.truncnorm((low - mean) / std, (high - mean) / std, mean, std)


def _check_space(rows: Float[Tensor, "n D"], space: Space) -> None:
    """Raise `CorpusError` unless a study of the space may try every row."""
    if space.constraints:
        named = "; ".join(map(str, space.constraints))
        raise CorpusError(f"a prior's space has bounds only; it cannot keep the constraints {named}")
    low, high = (rows.new_tensor([getattr(p, end) for p in space.parameters]) for end in ("low", "high"))
    outside = (rows < low) | (rows > high)
    if outside.any():
        row, column = outside.nonzero()[0].tolist()
        raise CorpusError(
            f"{int(outside.any(1).sum())} designs are outside the space, one with {space.names[column]} = "
            f"{rows[row, column]:g}, which has to be in [{low[column]:g}, {high[column]:g}]"
        )


def _space_of(rows: Float[Tensor, "n D"], names: Sequence[str] | None) -> Space:
    """Bounds a margin outside the corpus; a constant column gets a margin too, though it never varies."""
    low, high = rows.amin(0), rows.amax(0)
    width = high - low
    margin = MARGIN * torch.where(width > 0, width, low.abs().clamp_min(1.0))
    if names is None:
        names = [f"x{i}" for i in range(rows.shape[1])]
    if len(names) != rows.shape[1]:
        raise CorpusError(f"designs have {rows.shape[1]} columns, but {len(names)} names were given")
    ends = zip(names, (low - margin).tolist(), (high + margin).tolist(), strict=True)
    return Space([Real(*end) for end in ends])


def _whitening(
    rows: Float[Tensor, "n D"], weights: Float[Tensor, " n"], space: Space, commensurate: bool, unexplained: float
) -> WhiteningCodec:
    """The principal directions of the weighted corpus that carry all but a share `unexplained` of its variance.

    With no more rows than columns the sample covariance is shrunk (Ledoit and Wolf 2004), or else the directions that
    few rows happen to span would be all that is ever searched.
    """
    mass = weights.unsqueeze(1)
    mean = (mass * rows).mean(0)
    # Rounding must not make a constant column vary.
    varies = rows.amax(0) > rows.amin(0)
    spread = varies * (mass * (rows - mean).square()).mean(0).sqrt()
    scale = torch.full_like(mean, float(spread.square().mean().sqrt()))
    if not commensurate:
        scale = torch.where(varies, spread, scale)
    # Rows times the root of their weight have the weighted covariance.
    unit = mass.sqrt() * (rows - mean) / scale
    if effective_size(weights.numpy()) > rows.shape[1]:
        cov = unit.T @ unit / len(rows)
    else:
        cov = torch.from_numpy(ledoit_wolf(unit.numpy(), assume_centered=True)[0])
    cov = cov * torch.outer(varies, varies)
    values, vectors = torch.linalg.eigh(cov)
    values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
    rest = 1 - values.cumsum(0) / values.sum()
    keep = int((rest > unexplained).sum()) + 1
    # Contiguous, as a loaded one is: the rounding of a product depends on it.
    return WhiteningCodec(space, mean, vectors[:, :keep].contiguous(), values[:keep].sqrt(), scale)
