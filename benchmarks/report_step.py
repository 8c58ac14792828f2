"""One training step of the report's networks, batch 256: Keras-GAN's way, plain PyTorch, and gan_lib.

    pip install -e . tensorflow-cpu
    python benchmarks/report_step.py [--steps 15] [--only NAME …]

Every contender runs in a process of its own (what one does to its memory must not help another), one
after another, then all once more in the other order; the figure is the median over both. Each checks that
every network in it moves: under Keras 3 the unchanged Keras-GAN code never trains D.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

WARM = 3  # steps before the clock counts
BATCH = 256


def time_steps(step, steps):
    """Seconds of each of `steps` calls, after a few to warm up."""
    seconds = []
    for _ in range(WARM + steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds[WARM:]


def noise_images(count):
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (count, 3, 64, 64), dtype=np.uint8)


def ours(steps, precision="auto", path="subpixel", keep_memory=True):
    """gan_lib's own `train`, with one of its means switched off where asked."""
    os.environ["GAN_LIB_KEEP_MEMORY"] = "1" if keep_memory else "0"
    from dataclasses import replace

    from gan_lib import RECIPES, TrainingState, train
    from gan_lib.data import Faces

    recipe = replace(RECIPES["report"], steps=WARM + steps, precision=precision)
    state = TrainingState(recipe)
    for layer in (state.generator.conv1, state.generator.conv2):
        layer.path = path
    before = [p.detach().clone() for p in (state.generator.dense.weight, state.discriminator.dense1.weight)]
    run = train(recipe, Faces(noise_images(1000)), state)
    seconds = time_steps(lambda: next(run), steps)
    after = (state.generator.dense.weight, state.discriminator.dense1.weight)
    assert all((a != b).any() for a, b in zip(after, before, strict=True)), "a network does not move"
    return seconds


def plain_pytorch(steps, channels_last=False):
    """The report's step as a PyTorch tutorial writes it: interpolate, conv2d, BCE, Adam, float32."""
    import torch
    from torch import nn

    layout = torch.channels_last if channels_last else torch.contiguous_format
    up = nn.Upsample(scale_factor=2)
    G = nn.Sequential(
        nn.Linear(4096, 4096), nn.LeakyReLU(0.2), nn.BatchNorm1d(4096), nn.Unflatten(1, (16, 16, 16)),
        up, nn.Conv2d(16, 128, 5, padding=2), nn.LeakyReLU(0.2), nn.BatchNorm2d(128),
        up, nn.Conv2d(128, 3, 5, padding=2), nn.Tanh(),
    ).to(memory_format=layout)  # fmt: skip
    D = nn.Sequential(
        nn.Flatten(), nn.Linear(12288, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256), nn.LeakyReLU(0.2),
        nn.Linear(256, 1),
    )  # fmt: skip
    g_optimizer, d_optimizer = (torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (G, D))
    loss = nn.BCEWithLogitsLoss()
    images = torch.from_numpy(noise_images(1000))
    half, one, zero = BATCH // 2, torch.ones(BATCH, 1), torch.zeros(BATCH // 2, 1)

    def step():
        real = images[torch.randint(1000, (half,))].float() / 127.5 - 1
        D.zero_grad()
        fake = G(torch.randn(half, 4096))
        (loss(D(real), one[:half]) + loss(D(fake.detach()), zero)).backward()
        d_optimizer.step()
        G.zero_grad()
        loss(D(G(torch.randn(BATCH, 4096))), one).backward()
        g_optimizer.step()

    before = [G[0].weight.detach().clone(), D[1].weight.detach().clone()]
    seconds = time_steps(step, steps)
    assert (G[0].weight != before[0]).any() and (D[1].weight != before[1]).any(), "a network does not move"
    return seconds


def keras_networks():
    from keras import Sequential, layers

    leaky = {"negative_slope": 0.2}
    # fmt: off
    generator = Sequential([
        layers.Input((4096,)),
        layers.Dense(4096), layers.LeakyReLU(**leaky), layers.BatchNormalization(momentum=0.8),
        layers.Reshape((16, 16, 16)),
        layers.UpSampling2D(), layers.Conv2D(128, 5, padding="same"),
        layers.LeakyReLU(**leaky), layers.BatchNormalization(momentum=0.8),
        layers.UpSampling2D(), layers.Conv2D(3, 5, padding="same"), layers.Activation("tanh"),
    ])
    discriminator = Sequential([
        layers.Input((64, 64, 3)), layers.Flatten(),
        layers.Dense(512), layers.LeakyReLU(**leaky),
        layers.Dense(256), layers.LeakyReLU(**leaky),
        layers.Dense(1, activation="sigmoid", dtype="float32"),
    ])
    # fmt: on
    assert generator.count_params() == 16_859_139 and discriminator.count_params() == 6_423_553
    return generator, discriminator


def keras_gan(steps):
    """Keras-GAN's loop: `predict`, two `train_on_batch` for D, one for G through the frozen D."""
    import numpy as np
    from keras import Sequential
    from keras.optimizers import Adam

    generator, discriminator = keras_networks()
    discriminator.compile(loss="binary_crossentropy", optimizer=Adam(2e-4, 0.5), metrics=["accuracy"])
    discriminator.trainable = False
    combined = Sequential([generator, discriminator])
    combined.compile(loss="binary_crossentropy", optimizer=Adam(2e-4, 0.5))
    images = noise_images(1000).transpose(0, 2, 3, 1)
    half, one, zero = BATCH // 2, np.ones((BATCH, 1)), np.zeros((BATCH // 2, 1))

    def step():
        discriminator.trainable = True  # without this line Keras 3 leaves D as it is
        real = images[np.random.randint(0, 1000, half)] / 127.5 - 1.0
        fake = generator.predict(np.random.normal(0, 1, (half, 4096)), verbose=0)
        discriminator.train_on_batch(real, one[:half])
        discriminator.train_on_batch(fake, zero)
        discriminator.trainable = False
        combined.train_on_batch(np.random.normal(0, 1, (BATCH, 4096)), one)

    before = [generator.get_weights()[0], discriminator.get_weights()[0]]
    seconds = time_steps(step, steps)
    after = [generator.get_weights()[0], discriminator.get_weights()[0]]
    assert all((a != b).any() for a, b in zip(after, before, strict=True)), "a network does not move"
    return seconds


def keras_compiled(steps, policy="float32"):
    """The same step as one compiled `tf.function`, in float32 or mixed bfloat16."""
    import keras
    import tensorflow as tf

    keras.mixed_precision.set_global_policy(policy)
    generator, discriminator = keras_networks()
    g_optimizer, d_optimizer = (keras.optimizers.Adam(2e-4, 0.5) for _ in range(2))
    entropy = keras.losses.BinaryCrossentropy()
    images = tf.constant(noise_images(1000).transpose(0, 2, 3, 1))
    half = BATCH // 2
    labels = tf.concat([tf.ones((half, 1)), tf.zeros((half, 1))], 0)

    @tf.function
    def step():
        real = tf.cast(tf.gather(images, tf.random.uniform((half,), 0, 1000, tf.int32)), tf.float32) / 127.5 - 1
        fake = tf.cast(generator(tf.random.normal((half, 4096)), training=False), tf.float32)
        with tf.GradientTape() as tape:
            loss = entropy(labels, discriminator(tf.concat([real, fake], 0), training=True))
        weights = discriminator.trainable_variables
        d_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            faces = generator(tf.random.normal((BATCH, 4096)), training=True)
            loss = entropy(tf.ones((BATCH, 1)), discriminator(faces))
        weights = generator.trainable_variables
        g_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    before = [generator.get_weights()[0], discriminator.get_weights()[0]]
    seconds = time_steps(lambda: step().numpy(), steps)
    after = [generator.get_weights()[0], discriminator.get_weights()[0]]
    assert all((a != b).any() for a, b in zip(after, before, strict=True)), "a network does not move"
    return seconds


CONTENDERS = {
    "PyTorch, as a tutorial writes it": plain_pytorch,
    "PyTorch, channels last": lambda steps: plain_pytorch(steps, channels_last=True),
    "Keras-GAN's way": keras_gan,
    "Keras, compiled step": keras_compiled,
    "Keras, compiled step, mixed bf16": lambda steps: keras_compiled(steps, "mixed_bfloat16"),
    "gan_lib, plain path, float32, memory given back": lambda n: ours(n, "32-true", "plain", False),
    "gan_lib, sub-pixel path, float32, memory given back": lambda n: ours(n, "32-true", "subpixel", False),
    "gan_lib, sub-pixel path, float32": lambda n: ours(n, "32-true"),
    "gan_lib, sub-pixel path, auto (bf16), memory given back": lambda n: ours(n, "auto", "subpixel", False),
    "gan_lib": ours,
}


def run_apart(name, steps):
    """Time one contender in a process of its own."""
    command = [sys.executable, __file__, "--child", name, "--steps", str(steps)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    result = subprocess.run(command, capture_output=True, text=True, env=quiet)
    if result.returncode:
        raise SystemExit(f"{name} failed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--only", nargs="*", choices=CONTENDERS, metavar="NAME")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(CONTENDERS[options.child](options.steps)))
        return
    names = options.only or list(CONTENDERS)
    seconds = {name: [] for name in names}
    for name in names + names[::-1]:
        seconds[name] += run_apart(name, options.steps)
        print(".", end="", flush=True, file=sys.stderr)
    print(f"\nmedian of {2 * options.steps} steps of batch {BATCH}, {os.cpu_count()} CPU cores")
    for name, values in seconds.items():
        low, high = min(values), max(values)
        print(f"{statistics.median(values):7.2f} s   ({low:.2f} to {high:.2f})   {name}")


if __name__ == "__main__":
    main()
