"""`gdopt demo molecules` as a script: molecules of a published score, from molecules without labels.

python examples/molecules.py [FOLDER] [--smiles FILE] [--filters] [--budget N] [--steps N] [--candidates N] [--seed N]
"""

import argparse
import sys
from pathlib import Path

import gdopt
from gdopt.molecules.filters import Makeable
from gdopt.molecules.report import picture, table
from gdopt.molecules.scores import alerts, synthetic_accessibility
from gdopt.molecules.smiles import nci
from gdopt_problems import pmo

START, BATCH = 50, 25

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("out", nargs="?", type=Path, default=Path("molecules"))
parser.add_argument("--smiles", type=Path, help="a file with a SMILES in each line; NCI's molecules if left out")
parser.add_argument("--filters", action="store_true", help="only what is easy to make and has no structural alerts")
parser.add_argument("--budget", type=int, default=300)
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--candidates", type=int, default=1200)
parser.add_argument("--seed", type=int, default=0)
given = parser.parse_args()
given.out.mkdir(exist_ok=True)
measure = pmo.evaluate("osimertinib_mpo")  # SMILES -> scores from 0 to 1; yours would be a model or a laboratory

# 1. The prior of unlabelled real molecules, and a comparison of its draws with them.
space = gdopt.MoleculeSpace.from_smiles(given.smiles or nci(), skip=True)
kept = given.out / "prior.safetensors"
if kept.exists():
    prior = gdopt.MaskedPrior.load(kept)
else:
    prior = gdopt.MaskedPrior.fit(
        space,
        steps=given.steps,
        progress=lambda step, steps, loss: sys.stdout.write(f"step {step} of {steps}: {loss:.3f} nats a token\n"),
    )
    prior.save(kept)
check = prior.check(100)
check.plot(given.out / "prior-check.png")
sys.stdout.write(f"{check}\n")

# 2. The closed loop: molecules of the corpus, then batches in which pieces of the best are masked and drawn again.
study = gdopt.Study(
    space,
    direction="maximize",
    algorithm=gdopt.MaskedDiffusion(
        prior=prior,
        candidates=given.candidates,
        design_filter=Makeable(accessibility=4.0, alerts=False) if given.filters else None,
    ),
    storage=given.out / "study.gdopt",
    seed=given.seed,
)
while (told := len(study.state.done)) < given.budget:
    trials = study.pending or study.ask(min(BATCH if told else START, given.budget - told))
    values = measure([trial.params["smiles"] for trial in trials])
    study.tell({trial.id: value for trial, value in zip(trials, values, strict=True)})
    last, best = study.rounds[-1], study.best
    smiles = best.params["smiles"]
    sys.stdout.write(
        f"round {last.number}: best {best.value:.3f}, median {last.median:.3f}; {smiles}, "
        f"accessibility {synthetic_accessibility(smiles):.1f}, {', '.join(alerts(smiles)) or 'no alerts'}\n"
    )

# 3. The results: a row for each molecule with a chemist's criteria, and the best beside the best of the corpus.
rows = table(study.to_frame(), prior.corpus)
rows.to_csv(given.out / "results.csv", index=False)
study.plot(given.out / "progress.png")
top = rows.nlargest(4, "value")
known = sorted(zip(prior.corpus, measure(prior.corpus), strict=True), key=lambda pair: -pair[1])[:4]
picture([("found", list(zip(top.smiles, top.value, strict=True))), ("corpus", known)], given.out / "molecules.png")
