// A worker that draws faces: it fetches the weights, once for the whole book, and then answers
// { draw: id, settings, faces } with { drawn: id, size, pixels }. A kernel of Python answers the same questions.
import { Generator, readSafetensors } from "./generator.js";
import { latentOf, latentsFromSeed, moved } from "./latents.js";

const ROWS = 64; // of noise to a seed, so that face i stays itself whatever the number of faces
let generator, known, noise = { seed: null };

/** Read a response's body, telling after each piece how much of it is there. */
async function received(response, size) {
  const pieces = [], reader = response.body.getReader();
  let length = 0;
  for (let piece; !(piece = await reader.read()).done;) {
    pieces.push(piece.value);
    length += piece.value.length;
    postMessage({ share: Math.min(1, length / size) });
  }
  return new Blob(pieces).arrayBuffer();
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Fetch the weights and see that they are those which the page was built with. */
async function fetched({ url, size, sha256: expected }, cache) {
  const response = await fetch(url, { cache }).catch(() => {
    throw new Error("the weights of the generator cannot be reached");
  });
  if (!response.ok) throw new Error(`the weights of the generator are not there (${response.status})`);
  const bytes = await received(response, size);
  if (bytes.byteLength !== size) {
    throw new Error(`of the weights of the generator ${bytes.byteLength} bytes came where ${size} were expected`);
  }
  // A page that is neither encrypted nor local has no crypto.subtle; there the size must do.
  if (self.crypto?.subtle && (await sha256(bytes)) !== expected) {
    throw new Error("the weights of the generator are not those that belong to this page");
  }
  return bytes;
}

async function load(wanted) {
  const bytes = await fetched(wanted, "force-cache").catch(() => fetched(wanted, "reload"));
  generator = new Generator(readSafetensors(bytes));
  known = wanted;
  postMessage({ ready: true, fast: generator.fast });
}

function latent(settings, face) {
  const { seed, count, psi, direction, shift, shifts } = settings, size = generator.latentSize;
  if (noise.seed !== seed) noise = { seed, values: latentsFromSeed(seed, ROWS, size) };
  const { names, arrows } = known, named = names.map((name, i) => [shifts[name], arrows[i]]);
  return moved(latentOf(noise.values, size, count, face), psi, names.length ? named : [[shift, arrows[direction - 1]]]);
}

function draw(id, settings, faces) {
  const pictures = faces.map((face) => generator.draw(latent(settings, face))), each = pictures[0].length;
  const pixels = new Uint8ClampedArray(each * pictures.length);
  pictures.forEach((picture, i) => pixels.set(picture, i * each));
  postMessage({ drawn: id, size: generator.size, pixels }, [pixels.buffer]);
}

self.onmessage = ({ data }) => {
  if (data.load) load(data.load).catch(({ message }) => postMessage({ failed: message }));
  else draw(data.draw, data.settings, data.faces);
};
