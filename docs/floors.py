"""Draws the floors and rooms of Muster as one picture, from the import contracts of pyproject.toml.

`python docs/floors.py` writes docs/images/floors.svg; a test compares the file with what this
draws, so the picture cannot say anything that the import linter does not hold.
"""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURE: Final = ROOT / "docs" / "images" / "floors.svg"
WIDTH: Final = 920
MARGIN: Final = 20
BOX: Final = 34  # height of an app without rooms
GAP: Final = 10
ROOM: Final = 26
HEAD: Final = 24  # the name above an app's rooms

Floor = list[str]


def contracts() -> list[dict[str, Any]]:
    """The import contracts of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text()
    found: list[dict[str, Any]] = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    return found


def floors_of(layers: list[str]) -> list[Floor]:
    """Layers as import-linter writes them, top first; each is a list of names."""
    return [[name.strip(" ()") for name in layer.replace(":", "|").split("|")] for layer in layers]


def read() -> tuple[list[Floor], dict[str, list[Floor]]]:
    """The floors of the house, and for an app with rooms the floors inside it."""
    apps: list[Floor] = []
    rooms: dict[str, list[Floor]] = {}
    for contract in contracts():
        if contract["type"] != "layers":
            continue
        if "containers" in contract:
            for container in contract["containers"]:
                rooms[container] = floors_of(contract["layers"])
        else:
            apps = floors_of(contract["layers"])
    return apps, rooms


def height_of(name: str, rooms: dict[str, list[Floor]]) -> int:
    """The height of an app's box."""
    inner = rooms.get(name)
    return HEAD + len(inner) * (ROOM + GAP) + GAP if inner else BOX


def box(x: float, y: float, width: float, height: float, name: str, kind: str) -> str:
    """A box with its name: in the middle, or at the top where rooms stand below it."""
    middle = y + (HEAD / 2 + 6 if kind == "house" else height / 2)
    return (
        f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"'
        f' rx="5"/><text x="{x + width / 2:.0f}" y="{middle:.0f}">{escape(name)}</text>'
    )


def row(names: Floor, x: float, y: float, width: float, height: float, kind: str) -> list[str]:
    """The boxes of one floor, side by side."""
    each = (width - GAP * (len(names) - 1)) / len(names)
    return [
        box(x + index * (each + GAP), y, each, height, name, kind)
        for index, name in enumerate(names)
    ]


def draw() -> str:
    """The picture, as SVG."""
    apps, rooms = read()
    parts: list[str] = []
    y = float(MARGIN)
    inside = WIDTH - 2 * MARGIN
    for floor in apps:
        height = max(height_of(name, rooms) for name in floor)
        house = [name for name in floor if name in rooms]
        parts += row(floor, MARGIN, y, inside, height, "house" if house else "app")
        for name in house:
            inner_y = y + HEAD + GAP
            for inner in rooms[name]:
                parts += row(inner, MARGIN + GAP, inner_y, inside - 2 * GAP, ROOM, "room")
                inner_y += ROOM + GAP
        y += height + GAP
    y += 12
    parts.append(f'<text x="{WIDTH / 2:.0f}" y="{y:.0f}">imports lead down only</text>')
    style = (
        "text{font:14px system-ui,sans-serif;text-anchor:middle;dominant-baseline:middle;"
        "fill:#1f3935}rect{stroke:#2f6f64;stroke-width:1}.app{fill:#e4f2ee}.house{fill:#f4faf8}"
        ".room{fill:#cfe8e1}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + MARGIN:.0f}"'
        ' role="img" aria-label="Floors and rooms of Muster">\n'
        f"<style>{style}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(draw())
