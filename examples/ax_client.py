"""gdopt in Ax's ask-tell loop: batches of five, a failed trial, and a stop in the middle.

python examples/ax_client.py [FOLDER]
"""

import sys
from pathlib import Path

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

import gdopt.adapters.ax  # also before a client is loaded: it registers gdopt in Ax's storage

snapshot = Path(sys.argv[1] if len(sys.argv) > 1 else ".") / "client.json"


def impurity(params):
    """Your laboratory, simulator or program; None for a failure."""
    if params["temperature"] > 115:
        return None
    off = (params["temperature"] - 85) / 40
    return off**2 + abs(params["cycles"] - 5) / 10 + (params["base"] != "Cs2CO3") / 5


client = Client()
client.configure_experiment(
    name="suzuki",
    parameters=[
        RangeParameterConfig("temperature", (20, 120), "float"),
        RangeParameterConfig("equivalents", (1e-2, 1), "float", scaling="log"),
        RangeParameterConfig("cycles", (1, 8), "int"),
        ChoiceParameterConfig("base", ["KOAc", "K3PO4", "Cs2CO3"], "str", is_ordered=False),
    ],
)
client.configure_optimization(objective="-impurity")  # the minus minimizes
client.set_generation_strategy(gdopt.adapters.ax.strategy(seed=0, batch=5))

for _ in range(4):
    for index, params in client.get_next_trials(max_trials=5).items():
        value = impurity(params)
        if value is None:
            client.mark_trial_failed(index)
        else:
            client.complete_trial(index, {"impurity": (value, 0.01)})
    client.save_to_json_file(str(snapshot))
    client = Client.load_from_json_file(str(snapshot))  # goes on as if it had not been stopped

params, values, index, _ = client.get_best_parameterization(use_model_predictions=False)
sys.stdout.write(f"best of {len(client.summarize())}: {values['impurity'][0]:.3f} in trial {index}, {params}\n")
