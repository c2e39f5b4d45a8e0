"""The law of unlabelled strings as a masked diffusion model: what is plausible, before anything is measured."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from gdopt import files
from gdopt.arguments import at_least, check_calls, checked_seed, whole
from gdopt.codecs.tokens import Letters, Selfies, Tokens, missing_tokens, tokens_of
from gdopt.diffusion.markov import MarkovDenoiser, counted
from gdopt.diffusion.masked import unmask
from gdopt.diffusion.token_network import TokenNet, fit, token_network
from gdopt.diffusion.training import Progress, Training
from gdopt.errors import CorpusError, SpaceError, StoreError
from gdopt.priors import string_check
from gdopt.priors.string_check import PriorCheck
from gdopt.space import strings
from gdopt.space.serialization import from_json, to_json
from gdopt.space.space import Space
from gdopt.space.string_spaces import MoleculeSpace, SequenceSpace

__all__ = ["FORMAT", "MaskedPrior"]

FORMAT = "gdopt masked prior 1"
# Ways to write each string that the network is trained on, where there are several.
WRITINGS = 8
# Of the corpus, the share that tells when training has to stop.
HELD_OUT = 0.05
# Draws that a check looks at: a distance of 0.1 then stands out of what chance makes.
CHECKED = 300


@dataclass(frozen=True)
class MaskedPrior:
    """A masked diffusion model of strings, pretrained without labels: `fit` it, `sample` it, `save` and `load` it.

    Args:
        space: what may be tried.
        tokens: strings to rows of tokens and back.
        denoiser: of rows of tokens.
        corpus: the strings it was fitted to, each once.
        training: how the fit went, in nats a token.
        seconds: how long it took.
    """

    space: Space
    tokens: Tokens
    denoiser: TokenNet
    corpus: tuple[str, ...]
    training: Training
    seconds: float

    @classmethod
    def fit(
        cls,
        space: MoleculeSpace | SequenceSpace,
        *,
        seed: int = 0,
        steps: int = 2000,
        progress: Progress | None = None,
    ) -> "MaskedPrior":
        """A prior of the corpus of a space, without labels.

        Args:
            space: with a corpus.
            seed: of the network's first weights and of its training.
            steps: training steps at most, 1 or more; training stops early when the held-out loss stops falling.
            progress: called with (step, steps, held-out loss in nats a token) as training goes on.

        Raises:
            SpaceError: the space is not of one string.
            CorpusError: fewer than two different strings.
            SettingsError: the seed or the steps are none.
        """
        if not isinstance(space, MoleculeSpace | SequenceSpace):
            raise SpaceError(
                f"a prior of strings needs a MoleculeSpace or a SequenceSpace, got a {type(space).__name__}"
            )
        began = time.perf_counter()
        seed, steps = checked_seed(seed), int(at_least(1, "steps", steps, whole))
        check_calls(progress=progress)
        corpus = tuple(dict.fromkeys(space.corpus))
        if len(corpus) < 2:
            raise CorpusError(f"a prior needs a corpus of two different strings or more, got {len(corpus)}")
        generator = torch.Generator().manual_seed(seed)
        tokens = tokens_of(space.parameters[0], corpus, generator)
        order = [corpus[i] for i in torch.randperm(len(corpus), generator=generator).tolist()]
        split = int(HELD_OUT * len(order))
        held, rows = (_written(tokens, some, generator) for some in (order[:split], order[split:]))
        untrained = token_network(counted(rows, len(tokens.alphabet)), tokens.length, seed)
        net, training = fit(
            untrained, rows, generator, held=held if len(held) else None, steps=steps, progress=progress
        )
        return cls(space, tokens, net, corpus, training, time.perf_counter() - began)

    def sample(self, n: int, seed: int = 0) -> list[str]:
        """New strings from n draws of the diffusion model: fewer than n where a draw stands for nothing."""
        generator = torch.Generator().manual_seed(seed)
        rows = unmask(self.denoiser, self.blank(n, generator), generator)
        return [one for one in self.tokens.read(rows) if one is not None]

    def check(self, n: int = CHECKED, seed: int = 0) -> PriorCheck:
        """How n draws compare with the corpus: valid, different and new ones, and how their properties are spread.

        `print(prior.check())` is a table, `prior.check().plot(path)` a figure. Molecules are compared by QED, synthetic
        accessibility, logP, weight and structural alerts, which takes two seconds for a thousand of samples and corpus;
        sequences by length, letters and neighbouring pairs. 300 draws of molecules take about a minute of one core.

        Raises:
            SettingsError: no draw is valid.
        """
        return string_check.check(self.space, self.sample(n, seed), self.corpus, n)

    def blank(self, n: int, generator: torch.Generator) -> Int[Tensor, "n L"]:
        """n rows of hidden tokens, as long as strings of the corpus are."""
        chosen = torch.randint(len(self.corpus), (n,), generator=generator).tolist()
        known = len(self.tokens.alphabet)
        lengths = (self.tokens.write([self.corpus[i] for i in chosen]) < known).sum(1).clamp_min(1)
        return missing_tokens(lengths.tolist(), known, self.tokens.length)

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, checksum and all, that `load` reads."""
        files.write(Path(path), *self.parts())

    def parts(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and a header that are all of the prior: `gdopt.files` makes a file of them."""
        header: dict[str, Any] = {
            "format": FORMAT,
            "space": to_json(self.space),
            "alphabet": self.tokens.alphabet,
            "length": self.tokens.length,
            "corpus": self.corpus,
            "steps": self.training.steps,
            "losses": self.training.losses,
            "best": self.training.best,
            "seconds": self.seconds,
        }
        return dict(self.denoiser.state_dict()), header

    @classmethod
    def load(cls, path: str | Path) -> "MaskedPrior":
        """The prior that `save` wrote.

        Raises:
            StoreError: the file is missing, not a prior of strings, or not what was written.
        """
        return cls.of_parts(*files.read(Path(path)), path)

    @classmethod
    def of_parts(cls, tensors: Mapping[str, Tensor], header: Mapping[str, Any], name: str | Path) -> "MaskedPrior":
        """The prior of what `parts` returned; `name` is what errors call the file.

        Raises:
            StoreError: these are not the parts of a prior of strings.
        """
        if header.get("format") != FORMAT:
            raise StoreError(f"{name} holds {header.get('format')!r}, not {FORMAT!r}")
        with files.parts_of(name, tensors):
            return cls._of(tensors, header)

    @classmethod
    def _of(cls, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> "MaskedPrior":
        space = from_json(header["space"])
        (only,) = space.parameters
        tokens: Tokens = Selfies(tuple(header["alphabet"]), header["length"])
        if isinstance(only, strings.Sequence):
            tokens = Letters(only)
        net = token_network(MarkovDenoiser(tensors["first"], tensors["step"]), tokens.length)
        net.load_state_dict(tensors)
        training = Training(header["steps"], tuple(header["losses"]), header["best"])
        return cls(space, tokens, net.requires_grad_(False), tuple(header["corpus"]), training, header["seconds"])


def _written(tokens: Tokens, some: Sequence[str], generator: torch.Generator) -> Int[Tensor, "n L"]:
    """Rows of the strings, in several ways where there are several, without repetition of equal rows."""
    rows: Tensor = torch.cat([tokens.write(some, generator) for _ in range(WRITINGS)]).unique(dim=0)
    return rows[rows[:, 0] < len(tokens.alphabet)]
