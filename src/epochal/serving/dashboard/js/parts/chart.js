/* Lines over numbers, by uPlot: follows the page's width and colours, and has its table beside it. */
import uPlot from "../../vendor/uPlot.esm.js";
import { colour } from "../colours.js";
import { h, put } from "../dom.js";
import { figure } from "../format.js";

/**
 * `x`: numbers; `series`: {label, values, colour (a CSS variable's name), dash, width, points, band}.
 * `band`: [low, high] values around a series. `label` says what is drawn to those who cannot see it.
 */
export function chart({ label, x, series, height = 260, xLabel = "", yLabel = "", xRange, yRange, digits = 3, square = false, whole = false, withTable = true }) {
  const place = h("div", { class: `chart${series.length > 10 ? " crowded" : ""}`, role: "img", "aria-label": label });
  const root = h("div", {}, place, withTable && tableOf(label, xLabel, digits, () => [x, series]));
  let plot = null;

  function draw() {
    const width = place.clientWidth;
    if (!width || !place.isConnected) return;
    plot?.destroy();
    const tall = square ? Math.min(width, height) + 30 : height;
    const options = { width: square ? Math.min(width, tall) : width, height: tall, ...styled() };
    plot = new uPlot(options, columns(), place);
  }

  function styled() {
    const [text, line] = [colour("muted"), colour("line")];
    const axis = (name) => ({ stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui", labelFont: "12px system-ui", label: name, labelSize: 18, labelGap: 0, values: (_, splits) => splits.map(short) });
    const scales = { x: { time: false, ...(xRange ? { range: xRange } : {}) }, y: { ...(yRange ? { range: yRange } : {}) } };
    return {
      scales,
      axes: [{ ...axis(xLabel), size: 34, ...(whole ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] } : {}) }, { ...axis(yLabel), size: 52 }],
      legend: { live: true, markers: { dash: (made, at) => (made.series[at].dash ? "dashed" : "solid") } },
      cursor: { drag: { x: false, y: false }, points: { size: 5 } },
      ...lines(digits),
    };
  }

  function lines(precision) {
    const made = [{ label: xLabel || "x", value: (_, value) => figure(value, Number.isInteger(value) ? 0 : 2) }];
    const bands = [];
    for (const one of series) {
      const ink = colour(one.colour ?? "accent");
      if (one.band) bands.push({ series: [made.length + 2, made.length + 1], fill: faint(ink) });
      made.push({ label: one.label, stroke: ink, width: one.width ?? 1.8, dash: one.dash, points: { show: one.points ?? false, size: 5, fill: ink }, spanGaps: true, value: (_, value) => figure(value, precision) });
      if (one.band) made.push(...["low", "high"].map((side) => ({ label: `${one.label}, ${side}`, stroke: "transparent", width: 0, class: "band", points: { show: false }, value: (_, value) => figure(value, precision) })));
    }
    return { series: made, bands };
  }

  const columns = () => [x, ...series.flatMap((one) => (one.band ? [one.values, ...one.band] : [one.values]))];

  root.update = (values, lists) => {
    x = values;
    const same = lists.length === series.length && lists.every((one, at) => one.label === series[at].label);
    series = lists;
    if (plot && same) plot.setData(columns());
    else draw();
  };
  const watch = new ResizeObserver(() => {
    if (!plot || Math.abs(plot.width - (square ? Math.min(place.clientWidth, height + 30) : place.clientWidth)) > 1) draw();
  });
  watch.observe(place);
  document.addEventListener("themechange", () => place.isConnected && draw());
  return root;
}

/** A number beside an axis: as short as it can be said. */
const short = (value) => (value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(0) : String(Number(value.toPrecision(4))));

/** A colour that what lies behind it shines through. */
const faint = (ink) => ink.replace(/^rgba?\(([^)]+)\)$/, (_, rgb) => `rgba(${rgb.split(/[ ,]+/).slice(0, 3).join(", ")}, 0.15)`);

/** The numbers of a chart, made when somebody opens them. */
function tableOf(label, xLabel, digits, given) {
  const inner = h("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": `Numbers: ${label}` });
  const details = h("details", { class: "data" }, h("summary", {}, "Numbers"), inner);
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    const [x, series] = given();
    const head = h("tr", {}, [xLabel || "x", ...series.map((one) => one.label)].map((name) => h("th", { scope: "col" }, name)));
    const rows = x.map((value, at) => h("tr", {}, h("td", {}, figure(value, Number.isInteger(value) ? 0 : 3)), series.map((one) => h("td", {}, figure(one.values[at], digits)))));
    put(inner, h("table", {}, h("thead", {}, head), h("tbody", {}, rows)));
  });
  return details;
}
