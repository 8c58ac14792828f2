"""A small library that teaches a network to draw faces, and lets it draw.

    from gan_lib import RECIPES, TrainingState, drawn_faces, train

    state = TrainingState(RECIPES["report"])
    for record in train(RECIPES["report"], drawn_faces(8_000), state):
        print(record)

Names are imported when they are first used, so that `import gan_lib` is quick.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "data": (
        "Faces", "DataError", "celeba_faces", "drawn_faces", "folder_faces", "load_faces", "open_faces",
        "to_float", "to_uint8",
    ),
    "layers": ("UpsampleConv2d", "subpixel_weight"),
    "augmentation": ("augment",),
    "networks": (
        "NETWORKS", "ConvDiscriminator", "ModernDiscriminator", "ModernGenerator", "PlainGenerator",
        "ReportDiscriminator", "ReportGenerator",
    ),
    "networks.report": ("keras_summary",),
    "losses": ("OBJECTIVES", "Objective", "r1_penalty", "r2_penalty", "wgan_gp_penalty"),
    "training": (
        "LADDER", "RECIPES", "NotFiniteError", "Recipe", "Record", "TrainingState", "discriminator_step",
        "generator_step", "latents_from_seed", "sample", "train",
    ),
    "checkpoints": ("CheckpointError", "load_checkpoint", "resume", "save_checkpoint"),
    "runs": ("read_metrics", "record_run", "save_grid"),
    "doctor": ("Finding", "Findings", "diagnose", "diagnose_folder"),
    "latent": (
        "attribute_directions", "attribute_scores", "conditional", "entanglement", "follow", "ganspace", "lerp",
        "load_directions", "save_directions", "sefa", "slerp", "truncate", "walk",
    ),
    "export": ("ExportError", "export_onnx"),
    "weights": (
        "face_encoder", "load_generator", "pretrained", "pretrained_card", "pretrained_directions",
        "pretrained_names", "save_generator",
    ),
    "metrics": (
        "Measure", "Reference", "Report", "attribute_frequencies", "celeba_reference", "detector_rate",
        "face_features", "frechet_distance", "kernel_distance", "load_reference", "make_reference", "measure",
        "nearest_neighbours", "precision_recall", "save_reference",
    ),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = {*(home for home in _HOMES if "." not in home), "figures", "theory", "toy", "widgets"}

__all__ = ["__version__", *_HOME_OF]


def __getattr__(name: str):
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name not in _HOME_OF:
        raise AttributeError(f"gan_lib has no {name!r}; it has {', '.join(sorted(_HOME_OF))}.")
    return getattr(import_module(f".{_HOME_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
