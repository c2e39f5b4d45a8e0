"""The law of unlabelled designs as a diffusion model: what is plausible, before anything is measured."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from torch import Tensor

from gdopt import files
from gdopt.arguments import at_least, check_calls, check_flags, checked_seed, number, shown, whole
from gdopt.codecs.box import BoxCodec
from gdopt.codecs.columns import as_params
from gdopt.codecs.whitening import WhiteningCodec
from gdopt.diffusion.closed_form import TruncatedGaussianDenoiser
from gdopt.diffusion.denoiser import Denoiser
from gdopt.diffusion.network import network
from gdopt.diffusion.sampler import sample
from gdopt.diffusion.training import Progress, Training, fit
from gdopt.errors import SettingsError, SpaceError, StoreError
from gdopt.priors import design_check
from gdopt.priors.design_report import DesignCheck
from gdopt.priors.designs import (
    as_numbers,
    as_object_array,
    check_kinds,
    check_scale,
    check_within,
    choices_in,
    choices_of,
    is_linear,
    names_of,
    space_around,
    unique_rows,
)
from gdopt.priors.expert import ParameterPrior
from gdopt.priors.independent import independent_density, truncated
from gdopt.priors.moments import moments_of, unit_of, whitening_codec
from gdopt.priors.persistence import FORMAT, OF_REALS, UNWEIGHTED, WHITENING, denoiser_of, tensors_of
from gdopt.priors.weights import effective_size
from gdopt.space.parameters import Real
from gdopt.space.serialization import from_json, to_json
from gdopt.space.space import Space

__all__ = ["DiffusionPrior"]

# Directions that together carry less than this share of the variance are dropped: 31 are left of the airfoils' 128.
UNEXPLAINED = 2e-5
# Draws of an expert's law that take the place of a corpus.
DRAWS = 1024
# Draws that a check looks at: a share of 5 % is then known to 1 %.
CHECKED = 500


@dataclass(frozen=True)
class DiffusionPrior:
    """A diffusion model of designs, pretrained without labels or an `expert`'s: `sample`, `check`, `save`, `load` it.

    Args:
        codec: designs to z and back: along the corpus' principal directions if all parameters are linear real numbers,
            else the columns of the box, with one for each level of a choice.
        denoiser: of z: a network, or a law in closed form.
        designs: the corpus it was fitted to, its rows unique, a level of a choice as its place among the levels; of an
            expert's prior, draws.
        weights: of the designs, 1 on average.
        training: how the fit went; None where nothing was fitted.
        seconds: how long it took.
    """

    codec: WhiteningCodec | BoxCodec
    denoiser: Denoiser
    designs: Float[Tensor, "n D"]
    weights: Float[Tensor, " n"]
    training: Training | None
    seconds: float

    @property
    def space(self) -> Space:
        """What may be tried: a parameter for each column of the corpus."""
        return self.codec.space

    @property
    def whitened(self) -> bool:
        """Whether z are coordinates along the corpus' principal directions; else they are columns of the box."""
        return isinstance(self.codec, WhiteningCodec)

    @cached_property
    def z(self) -> Float[Tensor, "n d"]:
        """The corpus in the coordinates of the diffusion model."""
        return self.codec.encode_array(self.designs)

    @cached_property
    def mean(self) -> Float[Tensor, " d"]:
        """The mean of the law in these coordinates."""
        if self.whitened:
            return torch.zeros(self.codec.dim, dtype=torch.float64)
        return self.weights @ self.z / self.weights.sum()

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
            designs: (n, D), one design a row: an array, a tensor or a table of pandas; with choices, a table (or an
                array of objects) that has their levels as strings.
            weights: of the rows, on any scale: the prior is then of the weighted law. Those of equal rows add up, and
                rows of weight 0 are left out. Without them every different design counts alike, however often it is
                repeated. `gdopt.outcome_weights` makes weights of what was measured in a related task.
            space: bounds, levels and names of the columns. By default a column of numbers is a linear `Real` on the
                corpus' range and 5 % of it on either side, and one of strings a `Choice` of those that occur. All
                parameters are `Real`, `Integer` or `Choice` and always count; there are no constraints.
            names: of the columns, if no space is given; by default those of the table, or x0, x1, ...
            commensurate: whether all columns have the same unit, so that their variances can be compared; by default
                each column counts by its own spread. Only if all parameters are linear real numbers.
            unexplained: the share of the variance that may be left out, if all parameters are linear real numbers in
                all, else of every column of z; the designs never vary along the directions that carry it.
            seed: of the network's first weights and of its training.
            steps: training steps at most, 1 or more; training stops early when the held-out loss stops falling.
            device: where the network computes, such as "cuda".
            progress: called with (step, steps, held-out loss) as training goes on.

        Raises:
            CorpusError: not two different rows of finite numbers and levels, columns that the space does not have,
                designs outside it, a space of others than these parameters, or weights that are not one finite number
                of 0 or more for each row and worth two designs.
            SettingsError: `commensurate`, and the parameters are not all linear real numbers; or a setting is out of
                its range.
        """
        began = time.perf_counter()
        seed, steps = checked_seed(seed), int(at_least(1, "steps", steps, whole))
        unexplained = _share("unexplained", unexplained)
        _check_settings(space, commensurate, device, progress)
        if names is None and hasattr(designs, "columns"):
            names = [str(name) for name in designs.columns]
        array = as_object_array(designs)
        names = names_of(array, names) if space is None else space.names
        if space is not None:
            check_kinds(space, array.shape[1])
        choices = choices_of(array, names) if space is None else {p.name: p for p in choices_in(space)}
        rows, mass = unique_rows(as_numbers(array, names, choices), weights)
        space = space_around(rows, names, choices) if space is None else space
        check_within(rows, space)
        codec: WhiteningCodec | BoxCodec
        if is_linear(space):
            check_scale(rows, space.names)
            codec = whitening_codec(rows, mass, space, commensurate, unexplained)
            z = codec.encode_array(rows)
            moments = torch.zeros(codec.dim), torch.eye(codec.dim), torch.ones(codec.dim)
        elif commensurate:
            raise SettingsError("commensurate = True: expected False, as not all parameters are linear real numbers")
        else:
            codec = BoxCodec(space)
            z = codec.encode_array(rows)
            moments = moments_of(z, mass, unexplained)
        untrained = network(*moments, seed).to(device)
        generator = torch.Generator().manual_seed(seed)
        denoiser, training = fit(untrained, z, generator, weights=mass, steps=steps, progress=progress)
        return cls(codec, denoiser, rows, mass, training, time.perf_counter() - began)

    @classmethod
    def expert(cls, space: Space, beliefs: Mapping[str, ParameterPrior], *, seed: int = 0) -> "DiffusionPrior":
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
        seed = checked_seed(seed)
        if not isinstance(space, Space):
            raise SpaceError(f"space = {shown(space)}: expected a Space")
        if not is_linear(space) or space.constraints:
            raise SpaceError("an expert's prior needs a space of linear Real parameters, without constraints")
        if not (isinstance(beliefs, Mapping) and all(isinstance(one, ParameterPrior) for one in beliefs.values())):
            raise SettingsError(f'beliefs = {shown(beliefs)}: expected such as {{"x": Normal(5, 1)}}, or Uniform(2, 8)')
        if unknown := sorted(beliefs.keys() - set(space.names), key=str):
            raise SettingsError(f"beliefs of {shown(unknown)}: the parameters are {list(space.names)}")
        laws = [independent_density(p, beliefs.get(p.name)) for p in space.parameters if isinstance(p, Real)]
        low, high, mean, std = torch.tensor(laws, dtype=torch.float64).T.contiguous()
        rng = np.random.default_rng(seed)
        columns = [truncated(*law) for law in laws]
        designs = torch.from_numpy(np.stack([one.rvs(DRAWS, random_state=rng) for one in columns], axis=1))
        moments = torch.tensor([[one.mean(), one.std()] for one in columns], dtype=torch.float64)
        centre, scale = moments.T.contiguous()
        codec = WhiteningCodec(space, centre, torch.eye(len(laws)).to(centre), torch.ones_like(centre), scale)
        denoiser = TruncatedGaussianDenoiser(
            low=(low - centre) / scale, high=(high - centre) / scale, mean=(mean - centre) / scale, std=std / scale
        )
        return cls(codec, denoiser, designs, designs.new_ones(DRAWS), None, time.perf_counter() - began)

    def sample(self, n: int, seed: int = 0) -> Float[np.ndarray, "n D"] | pd.DataFrame:
        """n new designs, drawn from the diffusion model: an array, or a table of pandas if there are choices."""
        designs = self.codec.decode_array(self.sample_z(n, torch.Generator().manual_seed(seed)))
        if not choices_in(self.space):
            return designs.numpy()
        return pd.DataFrame(as_params(self.space, designs), columns=list(self.space.names))

    def sample_z(self, n: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """n draws in the coordinates of the diffusion model."""
        return sample(self.denoiser, n, self.mean, 1.0, generator)

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
        codec, z = self.codec, self.codec.encode_array(samples)
        held = torch.zeros(codec.dim, dtype=torch.bool)
        if isinstance(codec, WhiteningCodec):
            unit, variances, basis = codec.spread, codec.spread.square(), torch.eye(codec.dim, dtype=torch.float64)
        else:
            held = codec.inpainting_mask
            unit = unit_of(self.z, self.weights, held)
            _, basis, spread = moments_of(self.z * unit, self.weights, UNEXPLAINED)
            variances, basis = spread.square(), basis.to(z)
        corpus = design_check.Corpus(
            self.space,
            self.designs.numpy(),
            self.weights.numpy(),
            self.order(generator).numpy(),
            variances.numpy(),
            basis.numpy(),
            held.numpy(),
            codec.discrete if isinstance(codec, BoxCodec) else (),
        )
        return design_check.check(corpus, samples.numpy(), (self.z * unit).numpy(), (z * unit).numpy())

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
        training = self.training
        tensors = tensors_of(self.denoiser)
        if isinstance(self.codec, WhiteningCodec):
            tensors |= {name: getattr(self.codec, name) for name in WHITENING}
        header: dict[str, Any] = {
            "format": FORMAT,
            "space": to_json(self.space),
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
        if header.get("format") not in (FORMAT, OF_REALS, UNWEIGHTED):
            raise StoreError(f"{name} holds {header.get('format')!r}, not {FORMAT!r}")
        with files.parts_of(name, tensors):
            return cls._of(tensors, header, device)

    @classmethod
    def _of(cls, tensors: Mapping[str, Tensor], header: Mapping[str, Any], device: str) -> "DiffusionPrior":
        if header["format"] == FORMAT:
            space = from_json(header["space"])
        else:
            space = Space([Real(name, low, high, unit=unit) for name, low, high, unit in header["columns"]])
        whitened = all(k in tensors for k in WHITENING)
        codec = WhiteningCodec(space, *(tensors[k] for k in WHITENING)) if whitened else BoxCodec(space)
        designs = tensors["designs"]
        if header["format"] == UNWEIGHTED:
            weights, said = designs.new_ones(len(designs)), {k: header[k] for k in ("steps", "losses", "best")}
        else:
            weights, said = tensors["weights"], header["training"]
        training = None if said is None else Training(said["steps"], tuple(said["losses"]), said["best"])
        denoiser = denoiser_of(tensors, device)
        return cls(codec, denoiser, designs, weights, training, header["seconds"])


def _share(said: str, value: object) -> float:
    """The setting as a number from 0 on that is below 1.

    Raises:
        SettingsError: it is none.
    """
    if (found := number(value)) is None or not 0 <= found < 1:
        raise SettingsError(f"{said} = {shown(value)}: expected a share, 0 or more and below 1")
    return found


def _check_settings(space: object, commensurate: object, device: object, progress: object) -> None:
    """Raise `SettingsError` unless they are of their kinds and in their ranges."""
    if not isinstance(space, Space | None):
        raise SettingsError(f"space = {shown(space)}: expected a Space")
    check_flags(commensurate=commensurate)
    try:
        torch.empty(0, device=cast(Any, device))
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise SettingsError(f"device = {shown(device)}: expected such as 'cpu' or 'cuda': {error}") from error
    check_calls(progress=progress)
