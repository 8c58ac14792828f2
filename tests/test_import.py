"""Importing the library: quick, lazy, quiet."""

import subprocess
import sys

import pytest

import gan_lib
from gan_lib.memory import keep_freed_memory


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_loads_nothing_heavy():
    loaded = python(
        "import sys, gan_lib; print([n for n in ('torch', 'matplotlib', 'lightning_fabric') if n in sys.modules])"
    )
    assert loaded == "[]"


def test_the_parts_a_notebook_needs_load_no_display_and_no_engine():
    code = (
        "import sys, gan_lib.training, gan_lib.networks, gan_lib.losses\n"
        "print('lightning_fabric' in sys.modules, 'matplotlib' in sys.modules)"
    )
    assert python(code) == "False False"


@pytest.mark.parametrize("name", gan_lib.__all__)
def test_every_public_name_is_there_and_documented(name):
    thing = getattr(gan_lib, name)
    if callable(thing):
        assert len(thing.__doc__.splitlines()[0]) > 15


def test_modules_are_reached_as_attributes_too():
    code = "import gan_lib; print(gan_lib.figures.WIDTH, gan_lib.theory.__name__, gan_lib.data.Faces.__name__)"
    assert python(code) == "7.0 gan_lib.theory Faces"


def test_an_unknown_name_is_a_sentence():
    with pytest.raises(AttributeError, match="gan_lib has no 'GAN'; it has"):
        gan_lib.GAN  # noqa: B018


def test_the_memory_setting_stops_the_page_faults():
    """Counted by the kernel: taking and freeing 60 MB again and again, before and after."""
    if not keep_freed_memory():
        assert sys.platform != "linux" or "glibc" not in str(__import__("platform").libc_ver())
        return
    code = (
        "import resource, torch, sys\nfrom gan_lib.memory import keep_freed_memory\n"
        "if sys.argv[1] == 'keep': keep_freed_memory()\n"
        "for _ in range(40): torch.ones(15_000_000)\n"  # the heap grows to what is needed
        "a = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(10): torch.ones(15_000_000)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - a)"
    )
    faults = [
        int(subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, check=True).stdout)
        for how in ("default", "keep")
    ]
    assert faults[0] > 1000 > faults[1]


def test_the_memory_setting_can_be_declined(monkeypatch):
    monkeypatch.setenv("GAN_LIB_KEEP_MEMORY", "0")
    assert keep_freed_memory() is False
