"""A run for test_checkpoints.py to kill: trains on noise, saves every second step, says each step."""

import sys

import numpy as np

from gan_lib import Recipe, resume, train
from gan_lib.data import Faces

folder, steps = sys.argv[1], int(sys.argv[2])
recipe = Recipe(latent_size=8, batch_size=8, steps=steps, precision="32-true", ema_half_life=64)
pixels = np.random.default_rng(0).integers(0, 256, (20, 3, 64, 64), dtype=np.uint8)
state = resume(folder, recipe)
print("from", state.step, flush=True)
for record in train(recipe, Faces(pixels), state, folder, checkpoint_every=2):
    print(record.step, flush=True)
