"""Spaces of one string, a molecule or a sequence, with the designs without labels that they came with."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import SupportsIndex, cast

from gdopt.arguments import listed, shown
from gdopt.errors import CorpusError, SpaceError
from gdopt.space import strings
from gdopt.space.space import Space

__all__ = ["MoleculeSpace", "SequenceSpace"]


class MoleculeSpace(Space):
    """Molecules as canonical SMILES: `trial.params["smiles"]`. Needs `gdopt[molecules]`.

    Args:
        corpus: SMILES of molecules without labels, kept once each and canonical; `from_smiles` reads them from a file.
        name: what the parameter is called.

    Raises:
        CorpusError: what is no molecule, by its place in the corpus.
    """

    __slots__ = ("corpus",)

    corpus: tuple[str, ...]

    def __init__(self, corpus: Iterable[str] = (), *, name: str = "smiles") -> None:
        molecule = strings.Molecule(name)
        super().__init__([molecule])
        object.__setattr__(self, "corpus", _checked(molecule.plain, "molecule", corpus))

    @classmethod
    def from_smiles(
        cls, source: str | Path | Sequence[str], *, name: str = "smiles", skip: bool = False
    ) -> "MoleculeSpace":
        """A space whose corpus are the molecules of a file, the first column of its lines, or of a list.

        Args:
            source: a file, or SMILES.
            name: what the parameter is called.
            skip: whether to leave out what cannot be used, with a warning, instead of refusing it.

        Raises:
            CorpusError: lines that are no SMILES or salts, with their numbers; fewer than two different molecules.
        """
        from gdopt.molecules.smiles import read

        space = cls(name=name)
        object.__setattr__(space, "corpus", tuple(read(source, skip=skip)))
        return space


class SequenceSpace(Space):
    """Sequences over an alphabet, of one length or up to a longest one: `trial.params["sequence"]`.

    Args:
        alphabet: the letters: `gdopt.space.strings.DNA`, `RNA`, `PROTEIN` or any others, each one character.
        length: of every sequence; or
        max_length: of the longest.
        min_length: of the shortest, where lengths differ.
        corpus: sequences without labels, each once.
        fixed: letters that may not change, by position from 0.
        forbidden: motifs that may not occur.
        name: what the parameter is called.

    Raises:
        SpaceError: not one of length and max_length, or what `gdopt.space.strings.Sequence` refuses.
        CorpusError: sequences of the corpus that the space does not allow, by their place in it.
    """

    __slots__ = ("corpus",)

    corpus: tuple[str, ...]

    def __init__(
        self,
        alphabet: str,
        length: SupportsIndex | None = None,
        *,
        max_length: SupportsIndex | None = None,
        min_length: SupportsIndex = 1,
        corpus: Iterable[str] = (),
        fixed: Mapping[int, str] | None = None,
        forbidden: Sequence[str] = (),
        name: str = "sequence",
    ) -> None:
        if (length is None) == (max_length is None):
            raise SpaceError(
                f"{shown(name)}: give length or max_length, got length = {shown(length)}, max_length = "
                f"{shown(max_length)}"
            )
        shortest, longest = (min_length, max_length) if length is None else (length, length)
        sequence = strings.Sequence(
            name, alphabet, cast(int, shortest), cast(int, longest), {} if fixed is None else fixed, forbidden
        )
        super().__init__([sequence])

        def allowed(one: object) -> str:
            sequence.check(one)
            return sequence.plain(one)

        object.__setattr__(self, "corpus", _checked(allowed, "sequence", corpus))


# Strings that a message lists.
LISTED = 3


def _checked(plain: Callable[[object], str], kind: str, corpus: Iterable[str]) -> tuple[str, ...]:
    """The corpus as `plain` has it, each string once, in order."""
    given = listed(corpus)
    if given is None:
        raise CorpusError(f"corpus = {shown(corpus)}: expected a list of strings")
    found: list[str] = []
    wrong: list[str] = []
    for at, one in enumerate(given):
        try:
            found.append(plain(one))
        except SpaceError as error:
            wrong.append(f"{kind} {at} of the corpus: {error}")
    if wrong:
        more = f"; and {len(wrong) - LISTED} more" if len(wrong) > LISTED else ""
        raise CorpusError("; ".join(wrong[:LISTED]) + more)
    return tuple(dict.fromkeys(found))
