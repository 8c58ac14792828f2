"""Make the reference that comes with the library: what the face encoder sees in CelebA's first 9,000 faces.

    python benchmarks/celeba_reference.py --faces img_align_celeba.zip --first 8000

To be run again whenever the face encoder changes: a reference of another encoder is refused. Written is
gan_lib/pretrained/encoders/celeba9k-features.safetensors, and to stdout the figures of its card.
"""

import argparse
import json
from pathlib import Path

from gan_lib import celeba_faces, make_reference, save_reference
from gan_lib.weights import ENCODERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", required=True, help="CelebA's zip")
    parser.add_argument("--first", type=int, default=8000, help="faces for training; the others are held out")
    parser.add_argument("--out", type=Path, default=ENCODERS / "celeba9k-features.safetensors")
    options = parser.parse_args()
    faces = celeba_faces(options.faces)[:9000]
    reference = make_reference(faces[: options.first], faces[options.first :], progress=True)
    save_reference(reference, options.out)
    figures = {
        "faces": len(reference.real.features),
        "held_out": len(reference.held_out.features),
        "face_found": float(reference.held_out.found.mean()),
        "mean_of_features": float(reference.real.features.mean(0).norm()),
        "bytes": options.out.stat().st_size,
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
