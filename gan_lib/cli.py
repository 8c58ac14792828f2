"""The command line: prepare faces, train, sample, measure, export, see the doctor."""

import argparse
import sys
from dataclasses import replace
from os.path import expanduser
from pathlib import Path

STOPPED = 130  # what a shell expects after Ctrl-C


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; a foreseeable error is one sentence on stderr."""
    parsed = make_parser().parse_args(arguments)
    try:
        return parsed.run(parsed) or 0
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return STOPPED
    except (ValueError, ArithmeticError, OSError, ImportError) as error:
        print(f"gan_lib: {error}", file=sys.stderr)
        return 1


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m gan_lib",
        description="Teach a network to draw faces, and let it draw.",
        epilog="Each command has a --help of its own.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_prepare(commands)
    _add_train(commands)
    _add_sample(commands)
    _add_measure(commands)
    _add_export(commands)
    _add_doctor(commands)
    return parser


def _add_prepare(commands) -> None:
    from .data.prepare import add_prepare_arguments, prepare_command

    parser = commands.add_parser("prepare", help="turn CelebA, a folder of photos or drawn faces into an array")
    add_prepare_arguments(parser)
    parser.set_defaults(run=prepare_command)


def _add_train(commands) -> None:
    parser = commands.add_parser(
        "train",
        help="train a GAN by a recipe",
        description="Train a GAN by a recipe, print the report's line for every step, and save as it goes. "
        "Ctrl-C stops after the step in hand and saves; --resume goes on from there.",
    )
    parser.add_argument("--recipe", default="report", metavar="NAME", help="which recipe (default: report)")
    parser.add_argument(
        "--faces", default="drawn", metavar="SOURCE",
        help='the CelebA zip, a prepared folder, a folder of photos, or "drawn" (the default; "drawn:20000" '
        "for 20,000 of them)",
    )  # fmt: skip
    parser.add_argument("--first", type=_number, metavar="N", help="use only the first N faces")
    parser.add_argument("--out", type=expanduser, required=True, metavar="FOLDER", help="where the run is written")
    parser.add_argument("--steps", type=int, metavar="N", help="steps to take (default: the recipe's)")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images a batch (default: the recipe's)")
    parser.add_argument("--seed", type=int, metavar="N", help="of everything random (default: the recipe's)")
    parser.add_argument("--resume", action="store_true", help="go on with the run that --out holds")
    parser.add_argument(
        "--grids", type=_number, default=100, metavar="N", help="steps between sample grids (default: 100)"
    )
    parser.add_argument(
        "--checkpoints", type=_number, default=500, metavar="N", help="steps between checkpoints (default: 500)"
    )
    parser.add_argument("--device", default="auto", metavar="NAME", help='"cpu", "cuda" or "auto" (the default)')
    parser.set_defaults(run=train_command)


def _add_sample(commands) -> None:
    parser = commands.add_parser(
        "sample",
        help="draw faces with a trained generator",
        description="Draw faces with a trained generator and save them as one PNG.",
    )
    _add_source(parser)
    parser.add_argument(
        "--out", type=expanduser, default="faces.png", metavar="FILE", help="the picture (default: faces.png)"
    )
    parser.add_argument("--count", type=_number, default=64, metavar="N", help="how many (default: 64)")
    parser.add_argument("--columns", type=_number, default=8, metavar="N", help="faces in a row (default: 8)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which faces (default: 0)")
    parser.set_defaults(run=sample_command)


def _add_measure(commands) -> None:
    parser = commands.add_parser(
        "measure",
        help="say how good the faces of a trained generator are",
        description="Measure the faces of a trained generator, beside real faces held out (the floor) and noise "
        "(the ceiling), and print a table.",
    )
    _add_source(parser)
    parser.add_argument(
        "--faces", metavar="SOURCE",
        help='real faces: the CelebA zip, a prepared folder, a folder of photos, or "drawn" (default: what the '
        "face encoder saw in CelebA's first 9,000, which comes with the library; 1,000 of them held out)",
    )  # fmt: skip
    parser.add_argument(
        "--first", type=_number, metavar="N",
        help="it was trained on the first N faces; the others are held out (default: all but the last ninth)",
    )  # fmt: skip
    parser.add_argument(
        "--samples", type=_number, metavar="N", help="faces to draw (default: as many as held out)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is random (default: 0)")
    parser.add_argument(
        "--inception", type=expanduser, nargs="?", const="", metavar="WEIGHTS",
        help="look through Inception, as papers do, instead of the face encoder; without a path to its weights "
        "they are downloaded",
    )  # fmt: skip
    parser.add_argument("--out", type=expanduser, metavar="FILE", help="write the figures to this JSON file too")
    parser.set_defaults(run=measure_command)


def _add_export(commands) -> None:
    parser = commands.add_parser(
        "export",
        help="write a trained generator as an ONNX file",
        description="Write a trained generator as an ONNX file, for programs without Python and for browsers. "
        "It takes latents of shape (N, latent_size), standard normal, and gives images of shape (N, 3, 64, 64).",
    )
    _add_source(parser)
    parser.add_argument(
        "--out", type=expanduser, default="faces.onnx", metavar="FILE", help="the file (default: faces.onnx)"
    )
    parser.add_argument("--batch", type=_number, metavar="N", help="faces at a time (default: any number)")
    parser.set_defaults(run=export_command)


def _add_doctor(commands) -> None:
    parser = commands.add_parser(
        "doctor",
        help="say what is wrong with a run",
        description="Say what is wrong with a run, in sentences, from its metrics and newest samples.",
    )
    parser.add_argument("run_folder", type=expanduser, metavar="RUN_FOLDER", help="the folder of a run")
    parser.add_argument(
        "--faces", metavar="SOURCE", help="the faces it was trained on, as in train, to compare the samples with"
    )
    parser.set_defaults(run=doctor_command)


def _number(text: str) -> int:
    """How many of something, as it is typed."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 1 up")
    return int(text)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", type=expanduser, dest="source", default="faces", metavar="SOURCE",
        help="a checkpoint, the folder of a run, or the name of a pretrained generator (default: faces)",
    )  # fmt: skip


def train_command(options: argparse.Namespace) -> int:
    """`python -m gan_lib train`."""
    from tqdm import tqdm

    from .checkpoints import checkpoints_in, resume
    from .data import load_faces
    from .runs import record_run
    from .training import TrainingState, train

    recipe, device = _recipe(options), _device(options.device)
    if checkpoints_in(options.out) and not options.resume:
        raise ValueError(
            f"{options.out} holds a run already; add --resume to go on with it, or choose another --out."
        )
    faces = load_faces(options.faces)
    if options.first is not None:
        faces = faces[: options.first]
    state = resume(options.out, recipe, device) if options.resume else TrainingState(recipe, device)
    grids = [*range(0, recipe.steps, options.grids), recipe.steps, *_epoch_starts(recipe)]
    run = train(recipe, faces, state, options.out, options.checkpoints)
    with tqdm(total=recipe.steps, initial=state.step, unit="step", dynamic_ncols=True) as bar:
        for record in record_run(run, state, faces, options.out, grids):
            bar.write(str(record))
            bar.update()
    done = "The run is complete" if state.step >= recipe.steps else "Stopped, and saved; --resume goes on"
    print(f"{done}: step {state.step} of {recipe.steps}, in {options.out}.")
    return 0 if state.step >= recipe.steps else STOPPED


def _recipe(options: argparse.Namespace):
    from .training import RECIPES

    if options.recipe not in RECIPES:
        raise ValueError(f"There is no recipe {options.recipe!r}; choose one of {', '.join(RECIPES)}.")
    given = {"steps": options.steps, "batch_size": options.batch_size, "seed": options.seed}
    return replace(RECIPES[options.recipe], **{name: v for name, v in given.items() if v is not None})


def _device(name: str) -> str:
    """The device of that name, if there is one."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError):  # a name that PyTorch does not know; a PyTorch without GPUs
        raise ValueError(
            f"There is no device {name!r} here; give cpu, cuda where there is one, or auto."
        ) from None
    return name


def _epoch_starts(recipe) -> list[int]:
    """The steps at which the report shows its samples: the start of each epoch."""
    return list(range(0, recipe.steps, recipe.epoch_steps)) if recipe.epoch_steps else []


def sample_command(options: argparse.Namespace) -> None:
    """`python -m gan_lib sample`."""
    from .runs import grid_image
    from .training import latents_from_seed, sample

    generator = _generator(options.source)
    faces = sample(generator, latents_from_seed(options.seed, options.count, generator.latent_size))
    grid_image(faces, min(options.columns, options.count)).save(options.out)
    print(f"{options.count} faces of seed {options.seed} are in {options.out}.")


def _generator(source: str):
    from .checkpoints import load_checkpoint
    from .weights import pretrained, pretrained_names

    if source not in pretrained_names() and not Path(source).exists():
        raise ValueError(
            f"There is no pretrained generator {source!r}, nor a file or folder of that name; "
            f"choose one of {', '.join(pretrained_names())}, or give a checkpoint or a run's folder."
        )
    return pretrained(source) if _is_pretrained(source) else load_checkpoint(source).sampler


def _is_pretrained(source: str) -> bool:
    """Whether a name means a pretrained generator: a folder of that name counts only if it holds a run."""
    from .checkpoints import checkpoints_in
    from .weights import pretrained_names

    return not Path(source).exists() or (source in pretrained_names() and not checkpoints_in(source))


def export_command(options: argparse.Namespace) -> None:
    """`python -m gan_lib export`."""
    from .export import export_onnx, terms_of
    from .weights import pretrained_card

    generator = _generator(options.source)
    terms = terms_of(pretrained_card(options.source)) if _is_pretrained(options.source) else ""
    export_onnx(generator, options.out, "dynamic" if options.batch is None else options.batch, terms)
    size = Path(options.out).stat().st_size / 1e6
    print(f"The generator of {options.source} is in {options.out}, {size:.1f} MB.{terms and ' Terms: ' + terms}")


def measure_command(options: argparse.Namespace) -> None:
    """`python -m gan_lib measure`."""
    from .metrics import celeba_reference, inception, measure
    from .runs import write_json

    if options.faces:
        real, held_out = _real_faces(options)
    elif options.first is not None or options.inception is not None:
        raise ValueError("--first and --inception need the images of real faces; give them with --faces.")
    else:
        real, held_out = celeba_reference(), None
    extractor = None if options.inception is None else inception(options.inception or None)
    report = measure(
        _generator(options.source), real, held_out, options.samples, extractor, seed=options.seed, progress=True
    )
    print(report)
    if options.out:
        write_json(Path(options.out), report.to_dict())


def _real_faces(options: argparse.Namespace):
    """Faces for training, faces held out."""
    from .data import load_faces

    faces = load_faces(options.faces)
    first = len(faces) - len(faces) // 9 if options.first is None else options.first
    if not 0 < first < len(faces):
        raise ValueError(f"--first is {first} of {len(faces):,} faces; leave some that are held out.")
    return faces[:first], faces[first:]


def doctor_command(options: argparse.Namespace) -> None:
    """`python -m gan_lib doctor`."""
    from .data import load_faces
    from .doctor import diagnose_folder

    print(diagnose_folder(options.run_folder, load_faces(options.faces) if options.faces else None))
