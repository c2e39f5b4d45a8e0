"""The problems `pmo_...`: the twenty tasks of `gdopt_problems.pmo` on molecules of the National Cancer Institute.

PMO's protocol (Gao et al. 2022, arXiv 2206.12411) has 10,000 calls and a corpus of 250,000 molecules of ZINC. Here are
1,000 calls, as a laboratory would have them at most, and the 4,756 molecules that come with RDKit
(`gdopt.molecules.smiles.nci`): values are not those of PMO's tables.

No score exceeds 1, the bound of all tasks. Where a molecule is known that has it, 1 is the optimum: the drug itself
where a task asks for similarity to one, and `ISOMER`. What the others have at best is not known.

`pmo_isomers_c7h8n2o2` is in no suite: the corpus has molecules of that formula, so that a search among it is enough.
"""

from collections.abc import Sequence
from functools import cache, partial

from gdopt.bench.problem import Problem
from gdopt.molecules.smiles import nci
from gdopt.space.parameters import Params
from gdopt.space.string_spaces import MoleculeSpace
from gdopt_problems import pmo

__all__ = ["WITNESSES", "problem", "space"]

# A molecule of C9H10N2O2PF2Cl.
ISOMER = "CC(=O)NP(=O)(NC)c1cc(F)c(F)cc1Cl"
# Molecules of the score 1.
WITNESSES = {
    "albuterol_similarity": pmo.ALBUTEROL,
    "celecoxib_rediscovery": pmo.CELECOXIB,
    "isomers_c7h8n2o2": "Cc1ccc([N+](=O)[O-])cc1N",
    "isomers_c9h10n2o2pf2cl": ISOMER,
    "mestranol_similarity": pmo.MESTRANOL,
    "thiothixene_rediscovery": pmo.THIOTHIXENE,
    "troglitazone_rediscovery": pmo.TROGLITAZONE,
}
PREFIX = "pmo_"
START, BUDGET, BATCH = 100, 1000, 50


@cache
def space() -> MoleculeSpace:
    """The space of all of them, with its corpus."""
    return MoleculeSpace(nci())


@cache
def problem(name: str) -> Problem:
    """The problem `pmo_` and a task's name: maximize a score between 0 and 1."""
    task = name.removeprefix(PREFIX)
    best = 1.0 if task in WITNESSES else None
    return Problem(
        name=name,
        space=space(),
        evaluate=partial(_scores, task),
        direction="maximize",
        optimum=best,
        best_known=best,
        bound=1.0,
        start=START,
        budget=BUDGET,
        batch=BATCH,
        source="PMO (Gao et al. 2022, arXiv 2206.12411) and GuacaMol (Brown et al. 2019, arXiv 1811.09621); own code",
    )


def _scores(task: str, batch: Sequence[Params]) -> list[float]:
    """The score of each molecule."""
    (name,) = space().names
    return pmo.evaluate(task)([str(one[name]) for one in batch])
