/* One recording over time: rows of labels, probabilities, pictures and marks over one axis. */
import { h } from "../dom.js";
import { clock } from "../format.js";
import { drawAreas, drawAxis, drawLine, drawMarks, drawPicture, drawSteps, drawStrip } from "./painting.js";

const LANES = 42; // where the names of a hypnogram's lanes stand
const PAINTERS = { steps: drawSteps, strip: drawStrip, areas: drawAreas, picture: drawPicture, marks: drawMarks, line: drawLine };

/**
 * `epochs`: {onsets, length}; `rows`: {kind, name, height, …what its painter draws};
 * `tell(i)` says an epoch in words; `onSelect(i)` is called when one is chosen, by mouse or keys.
 */
export function timeline({ label, epochs, classes = [], rows, tell, onSelect = () => {}, selected = 0, began = null }) {
  const start = Math.min(epochs.onsets[0], ...rows.filter((row) => row.first !== undefined).map((row) => row.first));
  const end = Math.max(epochs.onsets.at(-1) + epochs.length, ...rows.filter((row) => row.last !== undefined).map((row) => row.last));
  const cursor = h("i");
  const over = h("div", { class: "over", role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 0, "aria-valuemax": epochs.onsets.length - 1 }, cursor);
  const root = h("div", { class: "timeline" });
  const inset = rows.some((row) => row.kind === "steps") ? LANES : 0;
  const painted = [...rows, { kind: "axis", name: "", height: 18 }].map((row, place) => track(row, place));
  root.append(...painted.flatMap(({ name, holder }) => [name, holder]), over);
  over.style.gridRow = `1 / span ${painted.length}`;
  let at = Math.min(selected, epochs.onsets.length - 1);

  function track(row, place) {
    const canvas = h("canvas", { height: row.height });
    canvas.style.height = `${row.height}px`;
    const name = h("div", { class: "name" }, String(row.name).split("\n").flatMap((part, n) => (n ? [h("br"), part] : [part])));
    const holder = h("div", { class: "track" }, canvas);
    name.style.gridRow = holder.style.gridRow = String(place + 1);
    return { row, canvas, name, holder };
  }

  function paint() {
    const width = over.clientWidth;
    if (!width) return;
    for (const { row, canvas } of painted) {
      const ratio = devicePixelRatio || 1;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(row.height * ratio);
      const context = canvas.getContext("2d");
      context.scale(ratio, ratio);
      const scene = { context, width, height: row.height, epochs, classes, began, inset, x: (seconds) => inset + ((width - inset) * (seconds - start)) / (end - start), start, end };
      if (row.kind === "axis") drawAxis(scene);
      else PAINTERS[row.kind](scene, row);
    }
    move();
  }

  function move() {
    const share = (over.clientWidth - inset) / (end - start);
    cursor.style.left = `${inset + share * (epochs.onsets[at] - start)}px`;
    cursor.style.setProperty("--w", `${Math.max(2, share * epochs.length)}px`);
    over.setAttribute("aria-valuenow", at);
    over.setAttribute("aria-valuetext", `${clock(epochs.onsets[at])}: ${tell(at)}`);
    over.title = `${clock(epochs.onsets[at])}: ${tell(at)}`;
  }

  function choose(number, quietly = false) {
    at = Math.max(0, Math.min(epochs.onsets.length - 1, number));
    move();
    if (!quietly) onSelect(at);
  }

  const nearest = (event) => {
    const seconds = start + ((end - start) * (event.clientX - over.getBoundingClientRect().left - inset)) / (over.clientWidth - inset);
    const after = epochs.onsets.findIndex((onset) => onset > seconds);
    return Math.max(0, (after < 0 ? epochs.onsets.length : after) - 1);
  };
  over.addEventListener("pointerdown", (event) => { choose(nearest(event)); over.setPointerCapture(event.pointerId); });
  over.addEventListener("pointermove", (event) => { if (event.buttons & 1) choose(nearest(event)); });
  over.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, PageDown: 20, PageUp: -20, Home: -1e9, End: 1e9 };
    if (!(event.key in steps) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    choose(at + steps[event.key]);
  });
  new ResizeObserver(paint).observe(over);
  document.addEventListener("themechange", () => root.isConnected && paint());
  root.select = (number) => choose(number, true);
  root.repaint = paint;
  return root;
}
