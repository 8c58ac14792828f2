// The buttons of the theme without inline handlers, which a content security policy forbids.
const presses = { toggleFullScreen: () => toggleFullScreen(), "window.print": () => print() };

for (const button of document.querySelectorAll("[data-press]")) {
  button.addEventListener("click", presses[button.dataset.press]);
}
