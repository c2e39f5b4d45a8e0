"""The picture of docs/howto/service.md: the page of a study of a cross-coupling, in Chromium.

python docs/picture_service.py [FILE [WIDTH [HEIGHT]]]
"""

import math
import shutil
import sys
import threading
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import gdopt
from gdopt.service.app import create_app
from gdopt.service.run import listening, server
from gdopt.space.parameters import Params

# Few colours, for a small file that looks the same.
COLORS = 64
OUT = Path(__file__).parent / "images" / "service.png"
SPACE = gdopt.Space(
    [
        gdopt.Real("temperature", 20, 120, unit="degC"),
        gdopt.Real("catalyst", 0.1, 10, log_scale=True, unit="mol%"),
        gdopt.Real("time", 1, 24, unit="h"),
        gdopt.Choice("base", ["KOAc", "Cs2CO3", "Et3N"]),
    ]
)


def measured(params: Params) -> float:
    """A yield in percent with its best at 85 degrees, 2 mol% and Cs2CO3."""
    gap = ((params["temperature"] - 85) / 45) ** 2 + math.log10(params["catalyst"] / 2) ** 2 / 0.8
    return round(92 * math.exp(-gap) * (1.0 if params["base"] == "Cs2CO3" else 0.75) + params["time"] / 4, 1)


def study() -> gdopt.Study:
    """Some rounds of the study, with failed and pending trials."""
    made = gdopt.Study(SPACE, direction="maximize", objective="yield", algorithm=gdopt.GuidedDiffusion(candidates=512))
    for number in range(6):
        trials = made.ask(6, worker=("ann", "robot 2")[number % 2])
        broken = [t.id for t in trials if t.params["temperature"] > 117]
        made.tell({t.id: measured(t.params) for t in trials if t.id not in broken})
        made.fail(*broken, reason="the solvent boiled")
    made.ask(4, worker="ann", lease=8 * 3600)
    return made


def main(out: Path = OUT, width: int = 1280, height: int = 1180) -> None:
    """Serve the study and take the picture."""
    running = server(create_app(study(), "picture", name="coupling.db"))
    with listening("127.0.0.1", 0) as bound, sync_playwright() as playwright:
        thread = threading.Thread(target=running.run, args=([bound],))
        thread.start()
        while not running.started:
            time.sleep(0.01)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"http://127.0.0.1:{bound.getsockname()[1]}/#token=picture")
        page.get_by_role("row").nth(5).wait_for()
        page.screenshot(path=out)
        Image.open(out).quantize(COLORS).save(out, optimize=True)
        browser.close()
        running.should_exit = True
        thread.join()


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*map(Path, given[:1]), *map(int, given[1:]))
