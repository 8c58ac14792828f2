"""A generator as an ONNX file, which runs wherever there is an ONNX runtime, without Python or PyTorch.

This needs `pip install "gan-lib[onnx]"`.
"""

import copy
import logging
import os
import re
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from .latent import latent_size_of

OPSET = 18  # the exporter's own; every runtime since 2023 reads it, the ones for browsers included
NO_LIMIT = 2**31  # fold constants of any size: whatever depends on weights alone is computed once, here


class ExportError(ValueError):
    """A generator that cannot be exported; the sentence says why and what to do."""


def export_onnx(
    generator: nn.Module, path: str | Path, batch: int | Literal["dynamic"] = "dynamic", terms: str = ""
) -> None:
    """Write a generator to an ONNX file, in evaluation mode and float32.

    The file's input is `latents`, of shape (batch, latent_size), standard normal; its output is `images`, of
    shape (batch, 3, S, S) in [-1, 1]. Its metadata hold `latent_size` and the terms. It appears whole or not at
    all, and holds no path or source line of the machine that wrote it.

    Parameters
    ----------
    generator : nn.Module
        With a `latent_size`; left as it is.
    path : path
        The file to write.
    batch : int or "dynamic", default="dynamic"
        How many faces at a time the file draws; by default any number.
    terms : str, optional
        On which terms the weights may be used, written into the metadata.

    Raises
    ------
    ExportError
        When packages are missing, or the generator holds an operation that ONNX lacks.
    ValueError
        When `batch` is neither a number above zero nor "dynamic".
    TypeError
        When the generator has no `latent_size`.
    OSError
        When the file cannot be written; what was there before is unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> from gan_lib import export_onnx, pretrained
    >>> export_onnx(pretrained("report-celeba9k"), "faces.onnx")
    >>> session = onnxruntime.InferenceSession("faces.onnx")
    >>> session.run(["images"], {"latents": np.random.randn(2, 4096).astype("float32")})[0].shape
    (2, 3, 64, 64)
    """
    path = Path(path)
    if batch != "dynamic" and not (isinstance(batch, int) and batch > 0):
        raise ValueError(f'batch is {batch!r}; give a whole number above zero, or "dynamic".')
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent} to write {path.name} into; make it first.")
    latent_size = latent_size_of(generator)
    require_packages()
    program = _program(generator, batch)
    _tidy(program.model)
    program.model.metadata_props.update(latent_size=str(latent_size), terms=terms)
    _write(program, path)


def require_packages() -> None:
    """Raise `ExportError` with what to install, unless ONNX's packages are there."""
    missing = [name for name in ("onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ExportError(f'{" and ".join(missing)} missing: pip install "gan-lib[onnx]" to export to ONNX.')


def _program(generator: nn.Module, batch: int | str) -> torch.onnx.ONNXProgram:
    network = copy.deepcopy(generator).cpu().float().eval()
    dynamic = batch == "dynamic"
    example = torch.zeros(2 if dynamic else batch, generator.latent_size)  # a dynamic one must not be 1
    try:
        with _quiet():
            return torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["latents"],
                output_names=["images"],
                dynamic_shapes=({0: torch.export.Dim("batch")},) if dynamic else None,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ExportError(
            f"{type(generator).__name__} cannot be written as ONNX: {reason} Use plain operations in its forward."
        ) from error


@contextmanager
def _quiet():
    """Keep PyTorch from reporting on the exporter's own deprecations and on packages that are not needed."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _tidy(model) -> None:
    """Compute what depends on weights alone, and drop the notes that name files of this machine."""
    from onnxscript.optimizer import optimize_ir

    optimize_ir(model, input_size_limit=NO_LIMIT, output_size_limit=NO_LIMIT)
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    for node in model.graph:
        node.metadata_props.clear()
        for value in (*node.inputs, *node.outputs):
            if value is not None:
                value.metadata_props.clear()


def _write(program, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.part")
    try:
        program.save(temporary, external_data=False)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def terms_of(card: str) -> str:
    """The paragraph under "Terms" in the card of a pretrained generator, in one line."""
    section = re.search(r"^## Terms\n(.*?)(?=^## |\Z)", card, re.M | re.S)
    return " ".join(section[1].split()) if section else ""
