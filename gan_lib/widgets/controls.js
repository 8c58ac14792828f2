// Labelled controls: each is a `field` to put on the page and `show(value)`, which puts a value on view.
import { make } from "./dom.js";

const home = Math.random().toString(36).slice(2, 8); // labels name their control, and this file may be there several times
let count = 0;

/** A control under its label. */
function labelled(words, control) {
  control.id = `gan-${home}-${++count}`;
  return make("div", { class: "gan-field" }, make("label", { for: control.id }, words), control);
}

/** A range whose value stands, in words, beside its label; `said` of a position gives the words and the value. */
function range(words, bounds, said, onChange) {
  const input = make("input", { type: "range", ...bounds }), number = make("span", { class: "gan-number" });
  const say = (text) => { number.textContent = input.ariaValueText = text; };
  input.addEventListener("input", () => {
    const [text, value] = said(Number(input.value));
    say(text);
    onChange(value);
  });
  const field = labelled(words, input);
  field.firstChild.append(" ", number);
  return { field, input, say };
}

/** A slider; `write` says how its number is shown. */
export function slider(words, [min, max, step], onChange, write = String) {
  const { field, input, say } = range(words, { min, max, step }, (value) => [write(value), value], onChange);
  return { field, show: (value) => { input.value = value; say(write(value)); } };
}

/** A slider over a list of values, which also shows a value that is not in the list. */
export function stops(words, values, onChange) {
  const bounds = { min: 0, max: values.length - 1, step: 1 };
  const { field, input, say } = range(words, bounds, (at) => [String(values[at]), values[at]], onChange);
  const closer = (value) => (best, v, i) => (Math.abs(v - value) < Math.abs(values[best] - value) ? i : best);
  return { field, show: (value) => { input.value = values.reduce(closer(value), 0); say(String(value)); } };
}

/** A list to choose from, which also takes a value that is not in the list. */
export function choice(words, options, onChange) {
  const select = make("select", { onchange: () => onChange(select.value) });
  const offer = (value, name) => select.append(make("option", { value }, name));
  for (const [value, name] of Object.entries(options)) offer(value, name);
  const show = (value) => {
    if (![...select.options].some((option) => option.value === String(value))) offer(value, String(value));
    select.value = String(value);
  };
  return { field: labelled(words, select), show };
}

/** A field for a whole number; what is typed is brought within its bounds, and what is none is put back. */
export function wholeNumber(words, [min, max], onChange) {
  const input = make("input", { type: "number", min, max, step: 1, inputmode: "numeric" });
  let shown = min;
  const show = (value) => { input.value = shown = value; };
  input.addEventListener("change", () => {
    const typed = Math.round(input.valueAsNumber);
    if (Number.isNaN(typed)) show(shown);
    else onChange(Math.min(max, Math.max(min, typed)));
  });
  return { field: labelled(words, input), show };
}
