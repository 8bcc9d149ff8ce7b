/* The signals of a stretch, one row per channel, the epoch in question marked. */
import { get } from "../api.js";
import { colour } from "../colours.js";
import { h, put } from "../dom.js";
import { clock, figure } from "../format.js";
import { note } from "./controls.js";

const TALL = 64;

/**
 * A panel over an address that gives signals (`…/signals`); `show(onset, length)` asks for an epoch
 * with as much beside it on both sides as `beside` says, in epochs. `of` is added to the query.
 */
export function signalsPanel(address, { signal, beside = 0.5, of = {} }) {
  const place = h("div", { class: "signals" });
  const root = h("section", { "aria-label": "Signals" }, place);
  let asked = 0, view = null, marked = [0, 0];

  root.show = async (onset, length) => {
    const mine = (asked += 1);
    const query = new URLSearchParams({ ...of, first_s: Math.max(0, onset - beside * length), last_s: onset + length * (1 + beside), max_points: 3000 });
    try {
      const found = await get(`${address}?${query}`, { signal });
      if (mine !== asked) return; // a later epoch was asked for meanwhile
      [view, marked] = [found, [onset, onset + length]];
      draw();
    } catch (error) {
      if (error.name !== "AbortError" && mine === asked) put(place, note(`No signals: ${error.message}.`));
    }
  };

  function draw() {
    const rows = view.channels.map((channel) => {
      const canvas = h("canvas", { role: "img", "aria-label": told(channel) });
      canvas.style.height = `${TALL}px`;
      return { channel, canvas, element: h("div", { class: "signal" }, h("div", { class: "name" }, channel.channel, h("br"), h("span", { class: "muted num" }, scaleOf(channel))), canvas) };
    });
    put(place, rows.map((row) => row.element), h("p", { class: "muted small num signal-foot" }, `${clock(view.first_s)} to ${clock(Math.min(view.last_s, view.duration_s))}`, view.others.length ? ` · not shown: ${view.others.join(", ")}` : ""));
    for (const row of rows) paint(row.canvas, row.channel, view, marked);
  }

  new ResizeObserver(() => { if (view && place.firstChild) for (const [at, canvas] of [...place.querySelectorAll("canvas")].entries()) paint(canvas, view.channels[at], view, marked); }).observe(place);
  document.addEventListener("themechange", () => view && root.isConnected && draw());
  return root;
}

const known = (values) => values.filter((value) => value !== null);

/** The range that holds almost all samples: one artefact must not flatten the rest. */
function rangeOf(values) {
  const sorted = known(values).sort((one, two) => one - two);
  if (!sorted.length) return [-1, 1];
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const [low, high] = [at(0.002), at(0.998)];
  const room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

function scaleOf(channel) {
  const [low, high] = rangeOf(channel.values);
  const digits = high - low < 1 ? 2 : high - low < 20 ? 1 : 0;
  return `${figure(high - low, digits)} ${channel.unit || ""}`;
}

function told(channel) {
  const values = known(channel.values);
  if (!values.length) return `${channel.channel}: no samples here`;
  return `${channel.channel}: from ${figure(Math.min(...values), 1)} to ${figure(Math.max(...values), 1)} ${channel.unit}`;
}

function paint(canvas, channel, view, [from, to]) {
  const width = canvas.clientWidth, ratio = devicePixelRatio || 1;
  if (!width) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = TALL * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const x = (seconds) => (width * (seconds - view.first_s)) / (view.last_s - view.first_s);
  const [low, high] = rangeOf(channel.values);
  const y = (value) => Math.max(0, Math.min(TALL, TALL - (TALL * (value - low)) / (high - low)));
  context.fillStyle = colour("accent-soft");
  context.fillRect(x(from), 0, x(to) - x(from), TALL);
  context.strokeStyle = colour("text");
  context.lineWidth = 0.9;
  context.lineJoin = "round";
  context.beginPath();
  let pen = false;
  channel.values.forEach((value, at) => {
    if (value === null) { pen = false; return; }
    const place = [x(channel.first_s + at * channel.step_s), y(value)];
    if (pen) context.lineTo(...place);
    else context.moveTo(...place);
    pen = true;
  });
  context.stroke();
}
