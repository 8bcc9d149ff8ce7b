/* Small controls: choices, tabs, tags, and the head of a view. */
import { h } from "../dom.js";
import { ROLES, words } from "../format.js";
import { classVar } from "../colours.js";

/** A labelled list to choose from: `options` are [value, text] or values. */
export function choice({ label, options, value, onChange }) {
  const items = options.map((one) => (Array.isArray(one) ? one : [one, words(one)]));
  const select = h("select", { on: { change: () => onChange(select.value) } }, items.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  return h("label", { class: "field" }, label, select);
}

/** A few choices side by side. */
export function segments({ label, options, value, onChange }) {
  const buttons = options.map(([key, text, title]) => h("button", { type: "button", title, "aria-pressed": String(key === value), data: { key }, on: { click: () => pick(key) } }, text));
  function pick(key) {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.key === String(key)));
    onChange(key);
  }
  return h("div", { class: "segments", role: "group", "aria-label": label }, buttons);
}

/** Links between the parts of a view; the one at hand is named as current. */
export const tabs = (label, items, current) =>
  h("nav", { class: "tabs", "aria-label": label }, items.map(([key, text, href]) => h("a", { href, "aria-current": key === current ? "true" : null }, text)));

export const tag = (text, kind = "", title = null) => h("span", { class: `tag ${kind}`.trim(), title }, text);

/** A class with its colour. */
export const classLabel = (name, number) =>
  h("span", {}, h("span", { class: "swatch", vars: { "--c": classVar(number) } }), name);

/** A share as a bar; its number stands beside it. */
export const bar = (value, css = null) =>
  value === null || value === undefined ? null : h("span", { class: "bar", "aria-hidden": "true", vars: { "--v": Math.max(0, Math.min(1, value)), ...(css ? { "--c": css } : {}) } }, h("i"));

export const head = (title, ...beside) => h("div", { class: "head" }, h("h1", {}, title), beside);

export const note = (text, kind = "") => h("p", { class: `note ${kind}`.trim() }, text);

export const empty = (...children) => h("div", { class: "empty" }, children);

/** The roles that a table has, as a control. */
export function roleChoice(rows, value, onChange) {
  const held = ["oof", "test", "val"].filter((role) => rows.some((row) => row.role === role));
  return segments({ label: "Which predictions", options: held.map((role) => [role, ...ROLES[role]]), value, onChange });
}

/** The address of this view with another part or query. */
export function address(view, args, query = {}) {
  const kept = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  return `#/${[view, ...args].map(encodeURIComponent).join("/")}${kept.size ? `?${kept}` : ""}`;
}

/** Change the address's query without drawing the view anew. */
export function noteQuery(changes) {
  const [path, query] = location.hash.split("?");
  const kept = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) value ? kept.set(name, value) : kept.delete(name);
  history.replaceState(null, "", `${path}${kept.size ? `?${kept}` : ""}`);
}
