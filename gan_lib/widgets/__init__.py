"""Widgets for JupyterLab and for published pages (`pip install "gan-lib[widgets]"`). Imported on first use."""

from importlib import import_module

_HOMES = {
    "ConvolutionExplorer": "convolution",
    "FaceSampler": "sampler",
    "Live": "still",
    "LiveTraining": "training",
    "Playground": "playground",
    "RunScrubber": "scrubber",
    "SmallGames": "games",
    "Still": "still",
    "Upsampling": "upsampling",
}
__all__ = [*_HOMES]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"gan_lib.widgets has no {name!r}; it has {', '.join(__all__)}.")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
