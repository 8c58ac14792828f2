// Small helpers that every widget's page part uses.

/** Make an element: attributes, `on…` listeners, and children (elements or text). */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** Call back when the page's or JupyterLab's theme changes; gives a function that ends it. */
export function onTheme(callback) {
  const observer = new MutationObserver(callback);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  return () => observer.disconnect();
}

/** Call back when the main button, a finger or a pen goes down on an element, and as it then moves. */
export function onDrag(element, callback) {
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    callback(event);
  });
  element.addEventListener("pointermove", (event) => element.hasPointerCapture(event.pointerId) && callback(event));
}

/** The colours that the style sheet gives a widget, by name: `colours(el).real`. */
export function colours(element) {
  const style = getComputedStyle(element);
  const named = (name) => style.getPropertyValue(`--${name}`).trim();
  return { real: named("real"), fake: named("fake"), third: named("third"), ink: style.color, muted: named("muted") };
}

/** Red, green, blue of a colour written as #rrggbb. */
export function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

const places = new WeakMap(); // measured once: to ask again makes the browser lay out the page

/** Call back when an element's canvases have other places on the screen or other dots there; gives what ends it. */
export function onResize(element, canvases, callback) {
  const resized = () => {
    for (const canvas of canvases) places.delete(canvas);
    callback();
  };
  const observer = new ResizeObserver(resized);
  observer.observe(element);
  let dots = window.devicePixelRatio;
  const zoomed = () => {
    if (dots === window.devicePixelRatio) return;
    dots = window.devicePixelRatio;
    resized();
  };
  window.addEventListener("resize", zoomed);
  return () => {
    observer.disconnect();
    window.removeEventListener("resize", zoomed);
  };
}

/** Give a canvas as many dots as its place on the screen has, and a context that measures in CSS pixels. */
export function fitCanvas(canvas) {
  if (!places.has(canvas)) places.set(canvas, canvas.getBoundingClientRect());
  const { width, height } = places.get(canvas);
  const scale = Math.min(2, window.devicePixelRatio || 1);
  const [columns, rows] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
