// Two games of two numbers, and three ways to take turns: what gan_lib/theory.py has, in plain arithmetic.
// A game is a field: from (θ, ψ) to where the generator's number θ and the discriminator's ψ want to go.

const logistic = (v) => 1 / (1 + Math.exp(-v));

/** The fields by name; each takes γ, the weight of R1, which the bilinear game has no use for. */
export const FIELDS = {
  "bilinear": () => ([theta, psi]) => [-psi, theta],
  "dirac": (gamma) => ([theta, psi]) => [
    psi * logistic(psi * theta), -theta * logistic(psi * theta) - gamma * psi],
  "dirac-non-saturating": (gamma) => ([theta, psi]) => [
    psi * logistic(-psi * theta), -theta * logistic(psi * theta) - gamma * psi],
};

const moved = ([theta, psi], rate, [dTheta, dPsi]) => [theta + rate * dTheta, psi + rate * dPsi];

/** One step of both players, by who moves when. */
export const TURNS = {
  simultaneous: (field, w, rate) => moved(w, rate, field(w)),
  alternating: (field, [theta, psi], rate) => {
    const answered = psi + rate * field([theta, psi])[1];
    return [theta + rate * field([theta, answered])[0], answered];
  },
  extragradient: (field, w, rate) => moved(w, rate, field(moved(w, rate, field(w)))),
};

/** Every position of a game from `start` on, start included; it ends early far outside. */
export function trajectory(field, start, rate, steps, turns) {
  const path = [start];
  for (let i = 0; i < steps && Math.hypot(...path.at(-1)) < 1e3; i++) path.push(TURNS[turns](field, path.at(-1), rate));
  return path;
}

/** Size of the larger eigenvalue of one step around (0, 0), from its Jacobian by central differences. */
export function largestEigenvalue(field, rate, turns) {
  const h = 1e-4, column = (at) => {
    const [up, down] = [1, -1].map((sign) => TURNS[turns](field, at.map((v) => sign * h * v), rate));
    return [(up[0] - down[0]) / (2 * h), (up[1] - down[1]) / (2 * h)];
  };
  const [[a, c], [b, d]] = [column([1, 0]), column([0, 1])], half = (a + d) / 2, determinant = a * d - b * c;
  const root = half * half - determinant;
  return root < 0 ? Math.sqrt(determinant) : Math.max(Math.abs(half + Math.sqrt(root)), Math.abs(half - Math.sqrt(root)));
}
