"""The law of unlabelled designs as a diffusion model: what is plausible, before anything is measured."""

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.covariance import ledoit_wolf
from torch import Tensor

from gdopt import design_check, files, space_json
from gdopt.algorithm import checked_seed
from gdopt.arguments import at_least, check_calls, check_flags, listed, number, shown, text, whole
from gdopt.codec import BoxCodec, WhiteningCodec, as_params
from gdopt.design_check import DesignCheck
from gdopt.diffusion.denoiser import Denoiser, TruncatedGaussianDenoiser
from gdopt.diffusion.network import PreconditionedNet, network, sizes
from gdopt.diffusion.sampler import sample
from gdopt.diffusion.train import Progress, Training, fit
from gdopt.errors import CorpusError, SettingsError, SpaceError, StoreError
from gdopt.expert import Belief, Normal
from gdopt.space import Choice, Integer, Real, Space, conditions
from gdopt.weights import checked_weights, effective_size

__all__ = ["DiffusionPrior"]

# Directions that together carry less than this share of the variance are dropped: 31 are left of the airfoils' 128.
UNEXPLAINED = 2e-5
# A parameter's bounds lie this share of the corpus' range outside it.
MARGIN = 0.05
FORMAT = "gdopt prior 3"
# Draws of an expert's law that take the place of a corpus.
DRAWS = 1024
# Draws that a check looks at: a share of 5 % is then known to 1 %.
CHECKED = 500
# Text with a decimal mark, as a column of numbers has that was read with the wrong one.
DECIMAL = re.compile(r"[+-]?\d*[.,]\d+([eE][+-]?\d+)?")
# Of a choice without a space: as many levels are always taken, and more if each stands in two rows on average.
FEW, REPEATED = 10, 0.5
# Files from before there were choices, and from before there were weights.
OF_REALS, UNWEIGHTED = "gdopt prior 2", "gdopt prior 1"


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
            steps: of training at most; it stops earlier when a held-out split says so.
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
        seed, steps = checked_seed(seed), int(at_least(0, "steps", steps, whole))
        unexplained = _share("unexplained", unexplained)
        _check_settings(space, commensurate, device, progress)
        if names is None and hasattr(designs, "columns"):
            names = [str(name) for name in designs.columns]
        array = _array(designs)
        names = _names(array, names) if space is None else space.names
        if space is not None:
            _check_kinds(space, array.shape[1])
        choices = _choices(array, names) if space is None else {p.name: p for p in _of_levels(space)}
        rows, mass = _checked(_numbers(array, names, choices), weights)
        space = _space_of(rows, names, choices) if space is None else space
        _check_space(rows, space)
        codec: WhiteningCodec | BoxCodec
        if _is_linear(space):
            _check_scale(rows, space.names)
            codec = _whitening(rows, mass, space, commensurate, unexplained)
            z = codec.encode_array(rows)
            moments = torch.zeros(codec.dim), torch.eye(codec.dim), torch.ones(codec.dim)
        elif commensurate:
            raise SettingsError("commensurate = True: expected False, as not all parameters are linear real numbers")
        else:
            codec = BoxCodec(space)
            z = codec.encode_array(rows)
            moments = _moments(z, mass, unexplained)
        untrained = network(*moments, seed).to(device)
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
        seed = checked_seed(seed)
        if not isinstance(space, Space):
            raise SpaceError(f"space = {shown(space)}: expected a Space")
        if not _is_linear(space) or space.constraints:
            raise SpaceError("an expert's prior needs a space of linear Real parameters, without constraints")
        if not (isinstance(beliefs, Mapping) and all(isinstance(one, Belief) for one in beliefs.values())):
            raise SettingsError(f'beliefs = {shown(beliefs)}: expected such as {{"x": Normal(5, 1)}}, or Uniform(2, 8)')
        if unknown := sorted(beliefs.keys() - set(space.names), key=str):
            raise SettingsError(f"beliefs of {shown(unknown)}: the parameters are {list(space.names)}")
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

    def sample(self, n: int, seed: int = 0) -> Float[np.ndarray, "n D"] | pd.DataFrame:
        """n new designs, drawn from the diffusion model: an array, or a table of pandas if there are choices."""
        designs = self.codec.decode_array(self.sample_z(n, torch.Generator().manual_seed(seed)))
        if not _of_levels(self.space):
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
            held = codec.held
            unit = _unit(self.z, self.weights, held)
            _, basis, spread = _moments(self.z * unit, self.weights, UNEXPLAINED)
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
        tensors = _tensors_of(self.denoiser)
        if isinstance(self.codec, WhiteningCodec):
            tensors |= {name: getattr(self.codec, name) for name in WHITENING}
        header: dict[str, Any] = {
            "format": FORMAT,
            "space": space_json.written(self.space),
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
            space = space_json.read(header["space"])
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
        denoiser = _denoiser_of(tensors, device)
        return cls(codec, denoiser, designs, weights, training, header["seconds"])


WHITENING = ("mean", "basis", "spread", "scale")
LAW = ("low", "high", "mean", "std")


def _tensors_of(denoiser: Denoiser) -> dict[str, Tensor]:
    if isinstance(denoiser, PreconditionedNet):
        return {f"net.{k}": v for k, v in denoiser.state_dict().items()}
    if isinstance(denoiser, TruncatedGaussianDenoiser):
        return {f"law.{k}": getattr(denoiser, k) for k in LAW}
    raise SettingsError(f"a prior whose denoiser is a {type(denoiser).__name__} has no file")


def _denoiser_of(tensors: Mapping[str, Tensor], device: str) -> Denoiser:
    if "law.mean" in tensors:
        return TruncatedGaussianDenoiser(*(tensors[f"law.{k}"] for k in LAW))
    state = {k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")}
    width, blocks = sizes(state)
    net = network(state["mean"], state["basis"], state["spread"], width=width, blocks=blocks)
    net.load_state_dict(state)
    return net.requires_grad_(False).to(device)


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


def _array(designs: Any) -> np.ndarray:
    """One design a row, of numbers or of objects."""
    try:
        array = np.asarray(designs.detach().cpu() if isinstance(designs, Tensor) else designs)
    except (TypeError, ValueError) as error:
        raise CorpusError(f"designs must be an array (n, D), one design a row: {error}") from error
    if array.ndim > 2:
        raise CorpusError(
            f"designs must be an array (n, D), one design a row; got shape {array.shape}: flatten each, such as by "
            "designs.reshape(len(designs), -1), or take a diffusion model of images (gdopt.adapters.diffusers)"
        )
    if array.ndim != 2:
        flat = "; flatten images: designs.reshape(len(designs), -1)" if array.ndim > 2 else ""
        raise CorpusError(f"designs must be an array (n, D), one design a row; got shape {array.shape}{flat}")
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating) or array.dtype == object):
        raise CorpusError(f"designs must be numbers, got {array.dtype}; with choices, give a table of pandas")
    return array


def _names(array: np.ndarray, names: Sequence[str] | None) -> Sequence[str]:
    """The names of the columns, if no space says them."""
    if names is None:
        return [f"x{i}" for i in range(array.shape[1])]
    given = [text(name) for name in listed(names) or [None]]
    if None in given:
        raise CorpusError(f"names = {shown(names)}: expected a list of strings")
    if len(given) != array.shape[1]:
        raise CorpusError(f"designs have {array.shape[1]} columns, but {len(given)} names were given")
    return [str(name) for name in given]


def _choices(array: np.ndarray, names: Sequence[str]) -> dict[str, Choice]:
    """A choice for each column in which there are strings, of those that occur."""
    found = {}
    for name, column in zip(names, array.T.tolist(), strict=True) if array.dtype == object else ():
        words = [one for one in column if isinstance(one, str)]
        if words:
            _check_words(name, column, words)
            found[name] = Choice(name, sorted(set(words)))
    return found


def _check_words(name: str, column: Sequence[object], words: Sequence[str]) -> None:
    """Raise `CorpusError` if strings stand beside numbers, or are numbers themselves, or are too many for levels."""
    levels = set(words)
    if numbers := [one for one in column if (found := number(one)) is not None and not math.isnan(found)]:
        wrong = f"is text, and {numbers[0]!r} in row {column.index(numbers[0])} is a number: expected one kind"
    elif len(levels) == 1:
        raise CorpusError(f"{name} has one level, {words[0]!r}: leave the column out, or give space=")
    elif all(DECIMAL.fullmatch(one) for one in levels):
        wrong = "is text that looks like a number: convert the column (pandas.read_csv has decimal=)"
    elif len(levels) > max(FEW, REPEATED * len(column)):
        wrong = f"is one of {len(levels)} different texts in {len(column)} rows, too many for levels: leave it out"
    else:
        return
    raise CorpusError(f"row {column.index(words[0])}: {name} = {words[0]!r} {wrong}, or give space=")


def _of_levels(space: Space) -> list[Choice]:
    return [p for p in space.parameters if isinstance(p, Choice)]


def _numbers(array: np.ndarray, names: Sequence[str], choices: Mapping[str, Choice]) -> Float[np.ndarray, "n D"]:
    """The designs as numbers, a level of a choice as its place among the levels."""
    if array.dtype != object and not choices:
        return array.astype(np.float64)
    columns = [_column(column.tolist(), name, choices.get(name)) for name, column in zip(names, array.T, strict=True)]
    return np.array(columns, dtype=np.float64).T


def _column(values: Sequence[object], name: str, choice: Choice | None) -> list[float]:
    places = None if choice is None else {level: float(place) for place, level in enumerate(choice.levels)}
    for row, one in enumerate(values):
        if places is None and number(one) is None:
            raise CorpusError(f"row {row}: {name} = {shown(one)} is no number")
        if places is not None and text(one) not in places:
            raise CorpusError(f"row {row}: {name} = {shown(one)} is not one of {list(places)}")
    return [float(cast(Any, one)) if places is None else places[str(one)] for one in values]


def _checked(
    array: Float[np.ndarray, "n D"], weights: ArrayLike | None
) -> tuple[Float[Tensor, "rows D"], Float[Tensor, " rows"]]:
    """The different rows, with weights of 1 on average."""
    if len(bad := np.flatnonzero(~np.isfinite(array).all(1))):
        raise CorpusError(f"designs must be finite; rows {bad[:5].tolist()} (of {len(bad)}) are not")
    rows, of = np.unique(array, axis=0, return_inverse=True)
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


def _check_kinds(space: Space, columns: int) -> None:
    """Raise `CorpusError` unless the space has so many parameters, of kinds that a prior of designs takes."""
    if len(space.parameters) != columns:
        raise CorpusError(f"designs have {columns} columns, the space {len(space.parameters)} parameters")
    for p in space.parameters:
        if not isinstance(p, Real | Integer | Choice):
            raise CorpusError(
                f"{p.name} is a {type(p).__name__}: a prior of designs takes Real, Integer and Choice parameters"
            )
        if conditions(p):
            raise CorpusError(f"{p.name} counts only at some levels of others, and a prior takes what always counts")
    if space.constraints:
        named = "; ".join(map(str, space.constraints))
        raise CorpusError(f"a prior's space has bounds only; it cannot keep the constraints {named}")


def _check_space(rows: Float[Tensor, "n D"], space: Space) -> None:
    """Raise `CorpusError` unless a study of the space may try every row."""
    low, high = rows.new_tensor([_ends(p) for p in space.parameters if isinstance(p, Real | Integer | Choice)]).T
    outside = (rows < low) | (rows > high)
    whole = torch.tensor([isinstance(p, Integer) for p in space.parameters])
    if (broken := whole & (rows != rows.round())).any():
        row, column = broken.nonzero()[0].tolist()
        raise CorpusError(
            f"{int(broken.any(1).sum())} designs are outside the space, one with {space.names[column]} = "
            f"{rows[row, column]:g}, which is not a whole number"
        )
    if outside.any():
        row, column = outside.nonzero()[0].tolist()
        raise CorpusError(
            f"{int(outside.any(1).sum())} designs are outside the space, one with {space.names[column]} = "
            f"{rows[row, column]:g}, which has to be in [{low[column]:g}, {high[column]:g}]"
        )


def _ends(parameter: Real | Integer | Choice) -> tuple[float, float]:
    return (0, len(parameter.levels) - 1) if isinstance(parameter, Choice) else (parameter.low, parameter.high)


def _space_of(rows: Float[Tensor, "n D"], names: Sequence[str], choices: Mapping[str, Choice]) -> Space:
    """Bounds a margin outside the corpus; a constant column gets a margin too, though it never varies."""
    low, high = rows.amin(0), rows.amax(0)
    width = high - low
    margin = MARGIN * torch.where(width > 0, width, low.abs().clamp_min(1.0))
    ends = zip(names, (low - margin).tolist(), (high + margin).tolist(), strict=True)
    return Space([choices.get(end[0]) or Real(*end) for end in ends])


# Squares of larger numbers overflow, of smaller ones they vanish.
WIDEST, NARROWEST = 1e100, 1e-100


def _check_scale(rows: Float[Tensor, "n D"], names: Sequence[str]) -> None:
    """Raise `CorpusError` if a column is of a size, or varies by so little, that its variance is no normal number."""
    size, width = rows.abs().amax(0), rows.amax(0) - rows.amin(0)
    bad = (size > WIDEST) | ((width > 0) & (width < NARROWEST))
    if bad.any():
        column = int(bad.nonzero()[0])
        raise CorpusError(
            f"{names[column]} is up to {size[column]:g} in size and varies by {width[column]:g}: expected at most "
            f"{WIDEST:g} and at least {NARROWEST:g}; give it in another unit"
        )


def _whitening(
    rows: Float[Tensor, "n D"], weights: Float[Tensor, " n"], space: Space, commensurate: bool, unexplained: float
) -> WhiteningCodec:
    """The principal directions of the weighted corpus that carry all but a share `unexplained` of its variance."""
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
    values, vectors = _directions(_covariance(unit, weights) * torch.outer(varies, varies))
    rest = 1 - values.cumsum(0) / values.sum()
    keep = int((rest > unexplained).sum()) + 1
    # Contiguous, as a loaded one is: the rounding of a product depends on it.
    return WhiteningCodec(space, mean, vectors[:, :keep].contiguous(), values[:keep].sqrt(), scale)


def _moments(
    z: Float[Tensor, "n d"], weights: Float[Tensor, " n"], unexplained: float
) -> tuple[Float[Tensor, " d"], Float[Tensor, "d r"], Float[Tensor, " r"]]:
    """The mean of the weighted rows, and the directions that carry all but a share `unexplained` of every column.

    Of every column, and not of all together: beside choices, a number that varies little in its bounds would be lost.
    """
    mass = weights.unsqueeze(1)
    mean = (mass * z).mean(0)
    varies = z.amax(0) > z.amin(0)
    spread = varies * (mass * (z - mean).square()).mean(0).sqrt()
    unit = mass.sqrt() * (z - mean) / torch.where(varies, spread, 1.0)
    cov = _covariance(unit, weights) * torch.outer(spread, spread)
    values, vectors = _directions(cov)
    rest = 1 - (vectors.square() * values).cumsum(1)[varies] / cov.diagonal()[varies].unsqueeze(1)
    keep = int((rest.amax(0) > unexplained).sum()) + 1
    return mean.float(), vectors[:, :keep].float().contiguous(), values[:keep].sqrt().float()


def _unit(z: Float[Tensor, "n d"], weights: Float[Tensor, " n"], held: Bool[Tensor, " d"]) -> Float[Tensor, " d"]:
    """What makes the weighted spread of each number 1; of levels, where equally likely ones have it already, 1."""
    spread = (weights @ (z - weights @ z / weights.sum()).square() / weights.sum()).sqrt()
    return torch.where(held | (z.amax(0) == z.amin(0)), 1.0, 1 / spread)


def _covariance(unit: Float[Tensor, "n D"], weights: Float[Tensor, " n"]) -> Float[Tensor, "D D"]:
    """The covariance of rows about zero that are scaled by the roots of their weights.

    With no more rows than columns it is shrunk (Ledoit and Wolf 2004), or else the directions that few rows happen to
    span would be all that is ever searched.
    """
    if effective_size(weights.numpy()) > unit.shape[1]:
        return unit.T @ unit / len(unit)
    return torch.from_numpy(ledoit_wolf(unit.numpy(), assume_centered=True)[0])


def _directions(cov: Float[Tensor, "D D"]) -> tuple[Float[Tensor, " D"], Float[Tensor, "D D"]]:
    """The variances along the principal directions, the largest first, and these as columns."""
    values, vectors = torch.linalg.eigh(cov)
    return values.flip(0).clamp_min(0), vectors.flip(1)
