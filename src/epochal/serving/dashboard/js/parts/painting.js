/* How the rows of a timeline are painted. */
import { classColour, colour, orderOf } from "../colours.js";
import { clock } from "../format.js";

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];

/** Runs of equal codes as [first, last, code]; a hole in time ends a run. */
function bouts(codes, { onsets, length }) {
  const found = [];
  codes.forEach((code, at) => {
    const last = found.at(-1);
    if (last && last[2] === code && onsets[at] - onsets[at - 1] <= length * 1.01) last[1] = at;
    else found.push([at, at, code]);
  });
  return found.filter(([, , code]) => code !== null && code >= 0);
}

const endOf = ({ onsets, length }, at) => Math.min(onsets[at] + length, onsets[at + 1] ?? Infinity);

/** A hypnogram: `codes` by epoch, a lane for each class. */
export function drawSteps({ context, x, height, width, inset, epochs, classes }, { codes }) {
  const order = orderOf(classes);
  const lane = (height - 8) / classes.length;
  const y = (code) => 4 + lane * (order.indexOf(code) + 0.5);
  const [line, text] = [colour("line"), colour("muted")];
  context.font = "10px system-ui";
  context.textBaseline = "middle";
  for (const code of order) {
    context.fillStyle = line;
    context.fillRect(inset, y(code), width - inset, 1);
  }
  const runs = bouts(codes, epochs);
  context.strokeStyle = text;
  context.lineWidth = 1;
  runs.forEach(([first, , code], at) => {
    const before = runs[at - 1];
    if (!before || epochs.onsets[first] - endOf(epochs, before[1]) > 1) return;
    context.beginPath();
    context.moveTo(x(epochs.onsets[first]), y(before[2]));
    context.lineTo(x(epochs.onsets[first]), y(code));
    context.stroke();
  });
  const inks = classes.map((_, code) => classColour(code));
  const thick = Math.max(3, Math.min(6, lane * 0.45));
  for (const [first, last, code] of runs) {
    context.fillStyle = inks[code];
    context.fillRect(x(epochs.onsets[first]), y(code) - thick / 2, Math.max(1, x(endOf(epochs, last)) - x(epochs.onsets[first])), thick);
  }
  nameLanes(context, classes, order, { y, inset });
}

function nameLanes(context, classes, order, { y, inset }) {
  context.fillStyle = colour("muted");
  context.textAlign = "right";
  for (const code of order) context.fillText(classes[code], inset - 5, y(code), inset - 6);
  context.textAlign = "left";
}

/** Labels as one band of colours. */
export function drawStrip({ context, x, height, epochs, classes }, { codes }) {
  const inks = classes.map((_, code) => classColour(code));
  for (const [first, last, code] of bouts(codes, epochs)) {
    const left = Math.floor(x(epochs.onsets[first]));
    context.fillStyle = inks[code];
    context.fillRect(left, 0, Math.max(1, Math.ceil(x(endOf(epochs, last))) - left), height);
  }
}

/** A hypnodensity: `proba[class][epoch]`, stacked from the bottom in the classes' order. */
export function drawAreas({ context, x, height, epochs, classes }, { proba }) {
  const order = orderOf(classes).reverse();
  const inks = classes.map((_, code) => classColour(code));
  epochs.onsets.forEach((onset, at) => {
    const left = Math.floor(x(onset)), wide = Math.max(1, Math.ceil(x(endOf(epochs, at))) - left);
    let bottom = height;
    for (const code of order) {
      const tall = (proba[code][at] ?? 0) * height;
      context.fillStyle = inks[code];
      context.fillRect(left, bottom - tall, wide, tall);
      bottom -= tall;
    }
  });
}

/** A spectrogram: bytes of levels, the highest frequency first. */
export function drawPicture({ context, x, height }, { view, first, last }) {
  if (!view.n_columns) return;
  const levels = Uint8Array.from(atob(view.levels), (one) => one.charCodeAt(0));
  const image = new ImageData(view.n_columns, view.n_rows);
  const inks = view.colours.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  levels.forEach((level, at) => level && image.data.set([...inks[level - 1], 255], 4 * at));
  const small = new OffscreenCanvas(view.n_columns, view.n_rows);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, x(first), 0, x(last) - x(first), height);
}

/** Marks where something is so: `where[epoch]` true, in a colour. */
export function drawMarks({ context, x, height, epochs }, { where, ink = "warn" }) {
  context.fillStyle = ink === "warn" ? colour("class-4") : colour(ink);
  where.forEach((so, at) => {
    if (so) context.fillRect(x(epochs.onsets[at]), 2, Math.max(1.5, x(endOf(epochs, at)) - x(epochs.onsets[at])), height - 4);
  });
}

/** A curve of one value per epoch, from `low` to `high`. */
export function drawLine({ context, x, height, epochs }, { values, low = 0, high = 1, ink = "accent" }) {
  context.strokeStyle = colour(ink);
  context.lineWidth = 1.4;
  context.beginPath();
  values.forEach((value, at) => {
    if (value === null) return;
    const place = [x(epochs.onsets[at] + epochs.length / 2), height - 2 - ((height - 4) * (value - low)) / (high - low)];
    if (at && values[at - 1] !== null) context.lineTo(...place);
    else context.moveTo(...place);
  });
  context.stroke();
}

/** Moments under all rows, as hours and minutes from the recording's start. */
export function drawAxis({ context, x, start, end, width, height }) {
  const step = STEPS_S.find((one) => (end - start) / one <= Math.max(3, width / 75)) ?? 86400;
  context.fillStyle = colour("muted");
  context.font = "11px system-ui";
  context.textBaseline = "bottom";
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) {
    context.fillRect(x(at), 0, 1, 3);
    const text = step < 60 ? clock(at).slice(2) : clock(at).slice(0, -3);
    const wide = context.measureText(text).width;
    context.fillText(text, Math.max(0, Math.min(width - wide, x(at) - wide / 2)), height);
  }
}

