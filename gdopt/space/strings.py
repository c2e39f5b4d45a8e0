"""Parameters that are strings: a sequence over an alphabet, such as DNA or a protein, and a molecule as SMILES."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, SupportsIndex

from gdopt.arguments import assign, listed, shown, text, whole
from gdopt.errors import SpaceError

__all__ = ["DNA", "PROTEIN", "RNA", "Molecule", "Sequence"]

# Letters; longer strings are a mistake, and no memory has room for many of them.
LONGEST = 1_000_000
DNA, RNA, PROTEIN = "ACGT", "ACGU", "ACDEFGHIKLMNPQRSTVWY"


@dataclass(frozen=True, slots=True)
class Sequence:
    """A string of `shortest` to `longest` letters of an alphabet. Positions count from 0.

    Args:
        name: what the parameter is called in `trial.params`.
        alphabet: the letters, each one character: `DNA`, `RNA`, `PROTEIN` or any others.
        shortest: the least length that may be tried.
        longest: the greatest length.
        fixed: letters that may not change, by position.
        forbidden: motifs that may not occur anywhere.

    Raises:
        SpaceError: fewer than two letters, a letter twice, lengths that are none, or fixed letters and motifs that are
            not of the alphabet, lie outside the shortest length or contradict each other.
    """

    name: str
    alphabet: str
    shortest: int
    longest: int
    fixed: tuple[tuple[int, str], ...]
    forbidden: tuple[str, ...]

    def __init__(
        self,
        name: str,
        alphabet: str,
        shortest: SupportsIndex,
        longest: SupportsIndex,
        fixed: Mapping[int, str] | Iterable[tuple[int, str]] = (),
        forbidden: Iterable[str] = (),
    ) -> None:
        called, letters = text(name), text(alphabet)
        if called is None:
            raise SpaceError(f"the name of a parameter must be a string, got {shown(name)}")
        if letters is None or len(letters) < 2 or len(set(letters)) < len(letters):
            raise SpaceError(f"{called}: an alphabet needs two or more different letters, got {shown(alphabet)}")
        least, most = whole(shortest), whole(longest)
        if least is None or most is None or not 1 <= least <= most <= LONGEST:
            raise SpaceError(
                f"{called}: lengths must be 1 or more, at most {LONGEST}, the least first, got {shown(shortest)} to "
                f"{shown(longest)}"
            )
        assign(self, name=called, alphabet=letters, shortest=least, longest=most)
        assign(self, fixed=self._places(fixed), forbidden=self._motifs(forbidden))
        self._check_fixed()

    def check(self, value: object) -> None:
        """Raise `SpaceError` unless the value is a string of the alphabet's letters that may be tried."""
        if not isinstance(value, str):
            raise SpaceError(f"{self.name} = {shown(value)} is not a string")
        for at, letter in enumerate(value):
            if letter not in self.alphabet:
                raise SpaceError(
                    f"{self.name}: {letter!r} at position {at} of {value!r} is not a letter of {self.alphabet!r}"
                )
        if not self.shortest <= len(value) <= self.longest:
            lengths = f"{self.shortest}" if self.one_length else f"{self.shortest} to {self.longest}"
            raise SpaceError(f"{self.name}: {value!r} has {len(value)} letters, expected {lengths}")
        for at, letter in self.fixed:
            if value[at] != letter:
                raise SpaceError(
                    f"{self.name}: {value!r} has {value[at]!r} at position {at}, where {letter!r} is fixed"
                )
        for motif in self.forbidden:
            if (at := value.find(motif)) >= 0:
                raise SpaceError(f"{self.name}: {value!r} has the forbidden motif {motif!r} at position {at}")

    def plain(self, value: object) -> str:
        """The value as Python's own string."""
        return str(value)

    @property
    def one_length(self) -> bool:
        """Whether all have the same length, so that each position is a choice of letters."""
        return self.shortest == self.longest

    def _places(self, fixed: Any) -> tuple[tuple[int, str], ...]:
        """The fixed letters by their positions."""
        try:
            places = [(whole(at), letter) for at, letter in dict(fixed).items()]
        except (TypeError, ValueError, RuntimeError):
            places = [(None, fixed)]
        for at, letter in places:
            if at is None or not 0 <= at < self.shortest or letter not in list(self.alphabet):
                raise SpaceError(
                    f"{self.name}: fixed letter {shown(letter)} at position {at}: expected a letter of "
                    f"{self.alphabet!r} at a position from 0 to {self.shortest - 1}, which every sequence has"
                )
        return tuple((at, str(letter)) for at, letter in places if at is not None)

    def _motifs(self, forbidden: Any) -> tuple[str, ...]:
        """The forbidden motifs."""
        given = listed(forbidden)
        for motif in [None] if given is None else given:
            if not isinstance(motif, str) or not motif or not set(motif) <= set(self.alphabet):
                raise SpaceError(
                    f"{self.name}: forbidden motif {shown(forbidden if given is None else motif)}: expected a list of "
                    f"strings of letters of {self.alphabet!r}"
                )
        return tuple(map(str, given or ()))

    def _check_fixed(self) -> None:
        """Raise `SpaceError` where the fixed letters spell a forbidden motif by themselves."""
        held = dict(self.fixed)
        for motif in self.forbidden:
            for at in held:
                if all(held.get(at + step) == letter for step, letter in enumerate(motif)):
                    raise SpaceError(
                        f"{self.name}: the fixed letters spell the forbidden motif {motif!r} at position {at}"
                    )


@dataclass(frozen=True, slots=True)
class Molecule:
    """A molecule, as canonical SMILES: one fragment, no salt. Needs `gdopt[molecules]`."""

    name: str

    def check(self, value: object) -> None:
        """Raise `SpaceError` unless the value is the SMILES of one molecule."""
        self.plain(value)

    def plain(self, value: object) -> str:
        """The canonical SMILES of the value."""
        from gdopt.molecules.smiles import canonical

        if not isinstance(value, str):
            raise SpaceError(f"{self.name} = {shown(value)} is not a SMILES string")
        return canonical(value)
