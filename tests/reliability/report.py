"""The page docs/reliability.md of what the reliability tests measured: `python -m tests.reliability.report XML ...`.

Each XML is a report of pytest's in JUnit's format. Where a test ran in full, its short form is left out.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import gdopt

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
TEXT = Path(__file__).with_name("report.md")


def rows(xml: Path) -> Iterator[dict[str, str]]:
    """What each test of the matrix said of itself, and whether it passed."""
    for case in ElementTree.parse(xml).iter("testcase"):
        said = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
        if "row" in said:
            failed, skipped = (case.find(tag) is not None for tag in ("failure", "skipped"))
            said["passed"] = "no" if failed or case.find("error") is not None else "skipped" if skipped else "yes"
            yield said | {"name": case.get("name", ""), "seconds": case.get("time", "0")}


def table(found: list[dict[str, str]]) -> str:
    """Rows in the order of their numbers."""
    lines = [
        "| | what, and what it must hold | where | size | measured | passed |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for said in sorted(found, key=lambda said: (int(said["row"][1:]), said["promise"], said.get("storage", ""))):
        where = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}.get(said.get("storage", "sqlite"))
        words = (said["row"], said["promise"], where, said.get("size", said["name"]), said.get("measured", ""))
        lines.append(f"| {' | '.join((*map(str, words), said['passed']))} |")
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    every = {said["name"]: said for path in sys.argv[1:] for said in rows(Path(path))}
    found = [said for name, said in every.items() if "short" not in name or name.replace("short", "full") not in every]
    passed = sum(said["passed"] == "yes" for said in found)
    text = TEXT.read_text().replace("{table}", table(found))
    PAGE.write_text(text.replace("{summary}", f"{passed} of {len(found)} passed, gdopt {gdopt.__version__}"))


if __name__ == "__main__":
    main()
