"""The benefit of molecular properties beside fragments for the surrogate, in replayed runs.

python docs/measure_descriptors.py FOLDER, where `gdopt bench run pmo_osimertinib_mpo,pmo_perindopril_mpo --out FOLDER`
has put its records. For each run and number of results n the script prints the rank correlation of the next hundred
values with the predictions of a surrogate of the first n, for fragments alone (`gdopt.surrogates.tanimoto`) and with
properties (`gdopt.surrogates.molecules`), and the CPU seconds of both fits.
"""

import json
import sys
import time
from pathlib import Path

import torch
from scipy.stats import spearmanr
from torch import Tensor

from gdopt.molecules.fingerprints import counts
from gdopt.molecules.scores import DESCRIPTORS, descriptors
from gdopt.surrogates import tanimoto
from gdopt.surrogates.base import SurrogateFactory
from gdopt.surrogates.molecules import Described
from gdopt.surrogates.outcome_transforms import power

KNOWN, NEXT = (150, 300, 600), 100


def replayed(fit: SurrogateFactory, z: Tensor, values: Tensor, n: int) -> tuple[float, float]:
    """The rank correlation of the next values with their predictions, and the CPU seconds of the fit."""
    warped = power(values[:n])
    order = warped.argsort(descending=True)
    began = time.process_time()
    surrogate = fit(z[:n][order], warped[order], None)
    seconds = time.process_time() - began
    later = slice(n, n + NEXT)
    return float(spearmanr(surrogate.mean(z[later]).numpy(), values[later].numpy()).statistic), seconds


def main() -> None:
    """Print a line for each run and number of results."""
    print("| run | results | fragments | with properties | CPU-s |\n| --- | --- | --- | --- | --- |")  # noqa: T201
    for path in sorted(Path(sys.argv[1]).glob("records/pmo_*/*/*.json")):
        record = json.loads(path.read_text())
        smiles = [params["smiles"] for params in record["params"]]
        values = torch.tensor(record["values"], dtype=torch.float64)
        fragments = counts(smiles)
        both = torch.cat([fragments, torch.from_numpy(descriptors(smiles))], 1)
        for n in (n for n in KNOWN if n + NEXT <= len(values)):
            alone, quick = replayed(tanimoto.fit, fragments, values, n)
            with_properties, slow = replayed(Described(len(DESCRIPTORS)).fit, both, values, n)
            run = f"{record['problem']} {record['method']} {record['seed']}"
            print(f"| {run} | {n} | {alone:.2f} | {with_properties:.2f} | {quick:.1f}, {slow:.1f} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
