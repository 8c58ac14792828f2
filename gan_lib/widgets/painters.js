// Who draws the faces: a worker in the published page, the kernel in JupyterLab. Both take the same questions.

/** Keep the questions that wait for an answer; `ask` sends one. */
class Painter {
  #waiting = new Map();
  #last = Math.floor(Math.random() * 2 ** 48); // two views of a widget hear the answers to each other's questions

  /** `atOnce` is the number of faces worth asking for together. */
  constructor(ask, atOnce, end) {
    Object.assign(this, { ask, atOnce, end });
  }

  /** Draw faces: a promise of { size, pixels }, the pictures one after the other. */
  draw(settings, faces) {
    const id = ++this.#last;
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed });
      this.ask({ draw: id, settings, faces });
    });
  }

  answer({ drawn, size, problem }, pixels) {
    const { done, failed } = this.#waiting.get(drawn) ?? {};
    this.#waiting.delete(drawn);
    if (problem) failed?.(new Error(problem));
    else done?.({ size, pixels });
  }
}

/** A worker with the weights that the page names; `tell` is given a sentence while they come. */
export function workerPainter(model, tell) {
  const [worker, { file, ...weights }] = ["worker", "weights"].map((name) => model.get(name));
  const here = (name) => new URL(name, import.meta.url).href, thread = new Worker(here(worker));
  const painter = new Painter((question) => thread.postMessage(question), 1, () => thread.terminate());
  const wanted = { ...weights, url: here(`../weights/${file}`), names: model.get("names"), arrows: model.get("arrows") };
  const megabytes = (weights.size / 1e6).toFixed(1);
  return new Promise((done, failed) => {
    thread.onmessage = ({ data }) => {
      if (data.drawn) painter.answer(data, data.pixels);
      else if (data.ready) done(Object.assign(painter, { fast: data.fast }));
      else if (data.failed) failed(new Error(data.failed));
      else tell?.(`The generator is on its way: ${10 * Math.floor(10 * data.share)} % of ${megabytes} MB.`);
    };
    thread.onerror = (event) => failed(new Error(event.message ?? "the worker that draws the faces did not start"));
    thread.postMessage({ load: wanted });
  }).catch((error) => {
    thread.terminate();
    throw error;
  });
}

/** The kernel, which draws many faces as fast as one. */
export function kernelPainter(model) {
  const painter = new Painter((question) => model.send(question), 64, () => model.off("msg:custom", hear));
  const hear = (message, buffers) => {
    if (!message?.drawn) return;
    const bytes = buffers?.[0];
    painter.answer(message, bytes && new Uint8ClampedArray(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  };
  model.on("msg:custom", hear);
  return painter;
}
