// Brings the widgets of a page to life where no kernel runs. gan_lib/widgets/page.py writes what it finds:
//   <div class="live" data-live="MODULE.js?v=…" data-state="{…}"> a still picture </div>
// A widget's module is an anywidget (https://anywidget.dev/en/afm/): its `render({ model, el })` fills an element.

/** The state of a widget, with what anywidget modules expect of a model. Without a kernel nothing is ever sent. */
class PageModel {
  #state;
  #listeners = new Map();

  constructor(state) {
    this.#state = state;
  }

  get(name) {
    return this.#state[name];
  }

  set(name, value) {
    if (Object.is(this.#state[name], value)) return;
    this.#state[name] = value;
    for (const event of [`change:${name}`, "change"]) {
      for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(this, value);
    }
  }

  on(events, listener) {
    for (const event of events.split(" ")) {
      if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
      this.#listeners.get(event).add(listener);
    }
  }

  off(events, listener) {
    const names = events ? events.split(" ") : [...this.#listeners.keys()];
    for (const name of names) {
      if (listener) this.#listeners.get(name)?.delete(listener);
      else this.#listeners.delete(name);
    }
  }

  save_changes() {}

  send() {}
}

/** A widget's own part of the page's address: what stands after `#NAME?`. */
function addressOf(name) {
  const prefix = `#${name}?`;
  return {
    read: () => (location.hash.startsWith(prefix) ? location.hash.slice(prefix.length) : ""),
    write: (text) => history.replaceState(null, "", text ? prefix + text : location.pathname + location.search),
    follow: (listener) => addEventListener("hashchange", () => location.hash.startsWith(prefix) && listener()),
  };
}

/** Say something in a sentence under the still: how far the widget is, or why it did not start. */
function tell(place, words) {
  let sentence = place.querySelector(".live-problem");
  if (!sentence) {
    sentence = document.createElement("p");
    sentence.className = "live-problem";
    sentence.setAttribute("role", "status");
    place.append(sentence);
  }
  if (sentence.textContent !== words) sentence.textContent = words;
  return sentence;
}

function confess(place, error) {
  tell(place, `This picture would be alive, but something went wrong: ${error?.message ?? error}`);
  place.dataset.liveState = "failed";
}

const loaded = new Map(); // modules by address: one that is there already is used without waiting for a turn

async function load(address) {
  const module = await import(address);
  loaded.set(address, module);
  return module;
}

async function bringToLife(place, address) {
  const still = [...place.children];
  const el = document.createElement("div");
  place.dataset.liveState = "starting";
  try {
    const { href } = new URL(`widgets/${place.dataset.live}`, import.meta.url);
    const { default: widget } = loaded.get(href) ?? (await load(href));
    const model = new PageModel(JSON.parse(place.dataset.state));
    const { render } = typeof widget === "function" ? await widget() : widget;
    el.hidden = true;
    place.append(el);
    await render({ model, el, address, tell: (words) => still.push(tell(place, words)) });
    for (const child of still) child.remove();
    el.hidden = false;
    place.dataset.liveState = "alive";
    if (address.read()) place.scrollIntoView();
  } catch (error) {
    el.remove();
    confess(place, error);
  }
}

const AHEAD = 400; // pixels below and above the window in which widgets start already

function near(place, ahead = AHEAD) {
  const { top, bottom } = place.getBoundingClientRect();
  return bottom > -ahead && top < innerHeight + ahead;
}

const waiting = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    waiting.unobserve(target);
    bringToLife(target, addresses.get(target));
  }
}, { rootMargin: `${AHEAD}px` });
const addresses = new Map();
const counts = {};

/** Widgets start when they are about to come into view; one that the page's address is about starts at once. */
function watch() {
  for (const place of document.querySelectorAll("[data-live]")) {
    if (addresses.has(place) || (document.readyState === "loading" && !place.nextSibling)) continue; // or not yet whole
    const name = place.dataset.live.split(".")[0];
    counts[name] = (counts[name] ?? 0) + 1;
    const address = addressOf(counts[name] > 1 ? `${name}-${counts[name]}` : name);
    addresses.set(place, address);
    if (address.read() || near(place)) bringToLife(place, address);
    else waiting.observe(place);
  }
}

/** A new address is about one of the widgets: bring it to life, or where it lives already, into view. */
addEventListener("hashchange", () => {
  for (const [place, address] of addresses) {
    if (!address.read()) continue;
    if (place.dataset.liveState === "alive") place.scrollIntoView({ block: "nearest" });
    if (place.dataset.liveState) continue;
    waiting.unobserve(place);
    bringToLife(place, address);
  }
});

// Modules are read while the page still arrives; what is wrong with one, its widget will say.
for (const { href } of document.querySelectorAll("link[rel=modulepreload]")) load(href).catch(() => {});

/** Start what has arrived of the page, frame by frame; the rest when all of it has, before the scripts that wait. */
function watchArriving() {
  watch();
  if (document.readyState === "loading") requestAnimationFrame(watchArriving);
}
watchArriving();
document.addEventListener("readystatechange", watch);
