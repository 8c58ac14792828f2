// The buttons of the theme without inline handlers, which a content security policy forbids.
const presses = { toggleFullScreen: () => toggleFullScreen(), "window.print": () => print() };

for (const button of document.querySelectorAll("[data-press]")) {
  button.addEventListener("click", presses[button.dataset.press]);
}

/**
 * On pages with live widgets the theme's scripts and that for formulas, which are long, run when the widgets in view are alive, or
 * after two seconds. (live.js may never run: from `file:` addresses browsers load no modules.)
 */
async function loadTheRest() {
  await new Promise((done) => (window.requestIdleCallback ? requestIdleCallback(done, { timeout: 500 }) : setTimeout(done, 100)));
  const inView = [...document.querySelectorAll("[data-live]")].filter((place) => {
    const { top, bottom } = place.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  });
  const settled = (place) => ["alive", "failed"].includes(place.dataset.liveState);
  for (const start = performance.now(); performance.now() - start < 2000 && !inView.every(settled);) {
    await new Promise((done) => setTimeout(done, 20));
  }
  for (const link of document.querySelectorAll("link[data-later]")) {
    const script = document.createElement("script");
    script.async = false; // one after the other, as they stand in the page
    script.src = link.href;
    link.replaceWith(script);
  }
}
loadTheRest();

/** The contents at the right follow the reader: the theme marks where he is, which on a long page may be out of view. */
function followInContents() {
  const list = document.querySelector(".bd-sidebar-secondary");
  if (!list) return;
  new MutationObserver(() => {
    const here = [...list.querySelectorAll("a.active")].at(-1)?.getBoundingClientRect(), box = list.getBoundingClientRect();
    if (here && (here.top < box.top || here.bottom > box.bottom)) list.scrollTop += here.top - box.top - box.height / 2;
  }).observe(list, { attributes: true, attributeFilter: ["class"], subtree: true });
}
followInContents();
