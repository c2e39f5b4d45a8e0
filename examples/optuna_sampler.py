"""gdopt as an Optuna sampler: a failed trial, derivatives, a database and a stop in the middle.

python examples/optuna_sampler.py [FOLDER]
"""

import sys
from pathlib import Path

import optuna

from gdopt.adapters.optuna import GdoptSampler

storage = f"sqlite:///{Path(sys.argv[1] if len(sys.argv) > 1 else '.') / 'study.db'}"


def impurity(trial):
    """Your simulator or program; NaN for a failure."""
    temperature = trial.suggest_float("temperature", 20, 120)
    cycles = trial.suggest_int("cycles", 1, 8)
    base = trial.suggest_categorical("base", ["KOAc", "K3PO4", "Cs2CO3"])
    if temperature > 115:
        return float("nan")
    off = (temperature - 85) / 40
    trial.set_user_attr("gdopt:gradient", {"temperature": 2 * off / 40})  # those that you have, if any
    return off**2 + abs(cycles - 5) / 10 + (base != "Cs2CO3") / 5


optuna.logging.set_verbosity(optuna.logging.WARNING)
for _ in range(2):  # the second goes on as if it were the first
    study = optuna.create_study(
        study_name="suzuki", storage=storage, load_if_exists=True, sampler=GdoptSampler(), direction="minimize"
    )
    study.optimize(impurity, n_trials=10)

best = study.best_trial
sys.stdout.write(f"best of {len(study.trials)}: {best.value:.3f} in trial {best.number}, {best.params}\n")
