// Latents: from a seed, the same as PyTorch's; from one to the next along an arc; moved along directions.

const STATE = 624, MIDDLE = 397; // of the Mersenne Twister

/** Random 32-bit numbers of a seed, as PyTorch's generator on the CPU gives them (Matsumoto and Nishimura 1998). */
export function twister(seed) {
  const state = new Uint32Array(STATE);
  state[0] = seed;
  for (let i = 1; i < STATE; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let at = STATE;
  function turn() {
    for (let i = 0; i < STATE; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % STATE] & 0x7fffffff);
      state[i] = state[(i + MIDDLE) % STATE] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  }
  return () => {
    if (at === STATE) turn();
    let y = state[at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/**
 * Standard normal noise, `count` rows of `size` numbers: `gan_lib.training.latents_from_seed(seed, count, size)`.
 * `torch.randn` fills with uniform numbers of 24 bits and then turns each sixteen, eight with eight, into normal ones
 * (Box and Muller 1958). So it does from sixteen numbers on; count × size must be a multiple of that.
 */
export function latentsFromSeed(seed, count, size) {
  const random = twister(seed), noise = new Float32Array(count * size);
  for (let i = 0; i < noise.length; i++) noise[i] = (random() & 0xffffff) / 0x1000000;
  for (let i = 0; i < noise.length; i += 16) {
    for (let j = i; j < i + 8; j++) {
      const radius = Math.sqrt(-2 * Math.log(1 - noise[j])), angle = 2 * Math.PI * noise[j + 8];
      noise[j] = radius * Math.cos(angle);
      noise[j + 8] = radius * Math.sin(angle);
    }
  }
  return noise;
}

const length = (v) => Math.hypot(...v);

/** From `start` to `end` along the arc between them, `t` from 0 to 1: `gan_lib.slerp`. */
export function slerp(start, end, t) {
  const [a, b] = [length(start), length(end)], long = a + t * (b - a);
  const apart = (sign) => length(start.map((v, i) => v / a + sign * end[i] / b));
  const angle = 2 * Math.atan2(apart(-1), apart(1)), sine = Math.sin(angle);
  if (sine < 1e-6) return start.slice(); // the same place, or no shortest way
  const [from, to] = [Math.sin((1 - t) * angle) / sine / a, Math.sin(t * angle) / sine / b];
  return start.map((v, i) => long * (from * v + to * end[i]));
}

/** The latent of a face: a number between two whole ones is a place on the way, and after the last comes the first. */
export function latentOf(noise, size, count, face) {
  const first = Math.floor(face), row = (i) => noise.slice(i % count * size, (i % count + 1) * size);
  return face === first ? row(first) : slerp(row(first), row(first + 1), face - first);
}

/** A latent shrunk by ψ and then moved: `moves` are pairs of how far and along which direction. */
export function moved(latent, psi, moves) {
  const result = latent.map((v) => psi * v);
  for (const [far, direction] of moves) {
    if (far) for (let i = 0; i < result.length; i++) result[i] += far * direction[i];
  }
  return result;
}
