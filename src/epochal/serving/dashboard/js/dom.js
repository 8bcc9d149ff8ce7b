/* Elements without markup in strings: nothing that a file or a user names is ever parsed. */
const SVG = "http://www.w3.org/2000/svg";

/** Make an element. `on` holds listeners, `vars` CSS variables, `data` data attributes. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** Make an SVG element. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (name === "vars") for (const [key, set] of Object.entries(value)) element.style.setProperty(key, set);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

/** Append children: elements, texts, lists of them; null and false are nothing. */
export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Replace all that an element holds. */
export function put(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

/** Say something to those who listen to the page. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}

/** Call a function again and again until the signal; not while the page is hidden. */
export function every(milliseconds, signal, act) {
  let timer = null;
  const again = async () => {
    if (signal.aborted) return;
    if (!document.hidden) await act();
    if (!signal.aborted) timer = setTimeout(again, milliseconds);
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  again();
}

/** Keep a small thing between visits, where the browser lets us. */
export const memory = {
  get(name, otherwise = "") {
    try { return localStorage.getItem(`epochal-${name}`) ?? otherwise; } catch { return otherwise; }
  },
  set(name, value) {
    try { localStorage.setItem(`epochal-${name}`, value); } catch { /* forbidden: forget it */ }
  },
};
