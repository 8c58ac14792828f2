"""Commands, pins and colours of the book."""

import re
import subprocess
import sys
from importlib.metadata import distribution, distributions
from pathlib import Path

import matplotlib
import nbformat
import pytest
from matplotlib.colors import to_rgb
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
STYLE = matplotlib.rc_params_from_file(ROOT / "book" / "matplotlibrc", use_default_template=False)
PIN = re.compile(r"^([\w.-]+)==(\S+)$", flags=re.MULTILINE)
PINS = {canonicalize_name(name): version for name, version in PIN.findall((ROOT / "constraints.txt").read_text())}
DRIVERS = re.compile(r"^(nvidia-|cuda-|triton$)")  # follow torch, exist on Linux only
SYSTEMS = {"appnope", "colorama", "pywin32", "pywinpty"}  # wanted by macOS or Windows alone


def needed(name, extras=(), seen=None):
    """Every distribution that `name[extras]` asks for, with what these ask for in turn."""
    seen = {} if seen is None else seen
    if extras and set(extras) <= seen.get(name, set()):
        return seen
    if not extras and name in seen:
        return seen
    seen[name] = seen.get(name, set()) | set(extras)
    for line in distribution(name).requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            child = canonicalize_name(requirement.name)
            if not DRIVERS.match(child) and child not in SYSTEMS:
                needed(child, tuple(requirement.extras), seen)
    return seen


def luminance(colour):
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio of the Web Content Accessibility Guidelines, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_everything_that_gets_installed_is_pinned():
    assert sorted(set(needed("gan-lib", ("test",))) - set(PINS) - {"gan-lib"}) == []


def test_the_installed_versions_are_the_pinned_ones():
    installed = {canonicalize_name(found.metadata["Name"]): found.version for found in distributions()}
    wanted = {name: PINS[name] for name in needed("gan-lib", ("test",)) if name in PINS}
    assert {name: installed[name].split("+")[0] for name in wanted} == wanted


def test_make_help_lists_every_command():
    makefile = (ROOT / "Makefile").read_text()
    commands = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)[1].split()
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"book", "lab", "test"} <= set(commands)
    assert re.findall(r"^  make (\w+)", shown, flags=re.MULTILINE) == commands


def test_make_says_which_python_it_needs(tmp_path):
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\ncase "$1" in --version) echo "Python 3.9.1";; *) exit 1;; esac\n')
    old.chmod(0o755)
    made = subprocess.run(
        ["make", "book", f"PYTHON={old}", f"VENV={tmp_path}/venv"], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode != 0
    assert "is Python 3.9.1, but the book needs Python 3.11, 3.12 or 3.13" in made.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("page", ["#ffffff", "#121212"], ids=["light", "dark"])
def test_figures_can_be_read_in_both_themes(page):
    for key in ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"):
        assert contrast(STYLE[key], page) >= 4.3
    for colour in STYLE["axes.prop_cycle"].by_key()["color"]:
        assert contrast(colour, page) >= 3  # the bound for graphics
    assert STYLE["figure.facecolor"] == STYLE["axes.facecolor"] == "none"


@pytest.mark.parametrize(
    ("stored", "verdict"), [("<object object at 0x7f12ab34cd56> 2", 0), ("<object object at 0x7f12ab34cd56> 3", 1)]
)
def test_a_number_that_does_not_reproduce_is_found(tmp_path, stored, verdict):
    cell = nbformat.v4.new_code_cell(
        "print(object(), 1 + 1)",
        execution_count=1,
        outputs=[nbformat.v4.new_output("stream", name="stdout", text=f"{stored}\n")],
    )
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "sum.ipynb")
    sanitize = ROOT / "tests" / "nbval-sanitize.cfg"
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "--nbval-sanitize-with"]
    ran = subprocess.run(
        [*command, sanitize, tmp_path / "sum.ipynb"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == verdict, ran.stdout
