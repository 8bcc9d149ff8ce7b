/* The frame: which view the address names, light and dark, what is said of the data. */
import { announce, h, memory, put } from "./dom.js";

const VIEWS = {
  models: ["Models", () => import("./views/models.js")],
  training: ["Training", () => import("./views/training.js")],
  playback: ["Playback", () => import("./views/playback.js")],
  score: ["Score", () => import("./views/score.js")],
  review: ["Review", () => import("./views/review.js")],
  service: ["Service", () => import("./views/service.js")],
};
const main = document.getElementById("main");
let leaving = new AbortController();
let lastView = null;

/** What an address names: #/models/demo/classes?role=test. */
function parse(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  const [view, ...args] = path.split("/").filter(Boolean).map(decoded);
  return { view: view in VIEWS ? view : "models", args, query: new URLSearchParams(query) };
}

/** What somebody typed may be no encoding at all: then it names nothing, and is taken as it is. */
function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { view, args, query } = parse(location.hash);
  const [title, load] = VIEWS[view];
  mark(view, title);
  saySource(null);
  const root = h("div", { class: "stack", data: { view } });
  if (view !== lastView) put(main, h("p", { class: "muted" }, "Loading…"));
  try {
    const module = await load();
    await module.show(root, { args, query, signal, saySource });
    if (signal.aborted) return;
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    put(root, h("h1", {}, title), h("p", { class: "failed", role: "alert" }, `That did not work: ${error.message}.`));
  }
  put(main, root);
  root.dataset.ready = "true";
  if (view !== lastView) arrive(title, lastView !== null);
  lastView = view;
}

function mark(view, title) {
  document.title = `${title} · Epochal`;
  for (const link of document.querySelectorAll(".top nav a")) {
    if (link.hash === `#/${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function arrive(title, wasElsewhere) {
  announce(`${title} view`);
  scrollTo(0, 0);
  if (wasElsewhere) main.focus({ preventScroll: true });
}

/** Say what the figures of the view stand on: real, simulated, or both. */
function saySource(source) {
  const badge = document.getElementById("source");
  badge.hidden = !source;
  badge.classList.toggle("simulated", Boolean(source?.includes("simulated")));
  badge.textContent = { real: "Real data", simulated: "Simulated data" }[source] ?? `${source} data`;
}

const THEMES = { "": "◐ System", light: "○ Light", dark: "● Dark" };
const button = document.getElementById("theme");

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  memory.set("theme", theme);
  button.textContent = THEMES[theme];
  button.setAttribute("aria-label", `Colours: ${THEMES[theme].slice(2)}. Change`);
  document.dispatchEvent(new Event("themechange"));
}

button.addEventListener("click", () => {
  const names = Object.keys(THEMES);
  setTheme(names[(names.indexOf(document.documentElement.dataset.theme ?? "") + 1) % names.length]);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("themechange")));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names a view, not a place within it
  main.focus();
});
addEventListener("hashchange", show);
setTheme(document.documentElement.dataset.theme ?? "");
show();
