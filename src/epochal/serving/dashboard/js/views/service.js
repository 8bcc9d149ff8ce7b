/* The service as it runs: latency, throughput, queue, drift, alerts, and its bundles. */
import { get, text } from "../api.js";
import { every, h, put } from "../dom.js";
import { bytes, clock, count, figure, lasting, milliseconds, percent, when, words } from "../format.js";
import { chart } from "../parts/chart.js";
import { head, note, tag } from "../parts/controls.js";
import { buckets, parse, quantile, total, value } from "../parts/prometheus.js";
import { table } from "../parts/table.js";
import { bundlesSection } from "./bundles.js";

const EVERY_S = 2, KEPT = 150, WINDOW = 15; // scrapes: five minutes are drawn, half a minute is the figure
const REQUESTS = "epochal_request_seconds";
const OWN = /^\/(metrics|dashboard|api\/(alerts|results|reviews|bundles?|models)|health|ready|$)/; // what the dashboard asks for itself
const served = (labels) => labels.method !== "WEBSOCKET" && !OWN.test(labels.route ?? "");

export async function show(root, { signal, saySource }) {
  const [bundles, health] = await Promise.all([get("/api/bundles", { signal }), get("/health", { signal })]);
  const sources = new Set(bundles.map((one) => one.data_source));
  saySource(sources.size === 1 ? [...sources][0] : sources.size ? "real/simulated" : null);
  const scrapes = [];
  const tiles = h("dl", { class: "tiles" }), trouble = h("div"), drift = h("div"), alerts = h("div"), routes = h("div");
  const rate = live("Requests per second", "Requests per second", [["requests", "accent"], ["errors (5xx, 429)", "class-4"]]);
  const latency = live("Latency of requests in milliseconds", "Milliseconds", [["p50", "class-1"], ["p95", "class-4"]]);

  async function scrape() {
    const samples = parse(await text("/metrics", { signal, headers: { Accept: "text/plain" } }));
    scrapes.push(reduce(samples));
    if (scrapes.length > KEPT) scrapes.shift();
    put(tiles, figures(scrapes, samples, health));
    drawCurves(scrapes, rate, latency);
    put(drift, driftOf(samples, bundles));
    put(routes, byRoute(samples));
  }

  async function look() {
    try {
      await scrape();
      put(alerts, alertsOf(await get("/api/alerts?limit=50", { signal })));
      put(trouble);
    } catch (error) {
      if (error.name !== "AbortError") put(trouble, h("p", { class: "failed", role: "alert" }, `The service does not tell its measures: ${error.message}.`));
    }
  }

  root.append(
    head("Service", h("span", { class: "muted small" }, `Epochal ${health.version}`)), trouble, tiles,
    h("div", { class: "split" }, h("section", {}, h("h2", {}, "Throughput"), rate), h("section", {}, h("h2", {}, "Latency"), latency)),
    h("div", { class: "split" }, h("section", {}, h("h2", {}, "Drift"), drift), h("section", {}, h("h2", {}, "Alerts"), alerts)),
    h("section", {}, h("h2", {}, "Bundles"), bundlesSection(bundles, signal)),
    h("section", {}, h("h2", {}, "Requests since the service began"), routes),
    note(["Read every two seconds from ", h("code", {}, "/metrics"), ", which Prometheus reads too. What this dashboard itself asks for does not count in the figures above."]));
  await look();
  every(1000 * EVERY_S, signal, look);
}

/** A live chart: empty lines that later scrapes fill. */
function live(label, yLabel, lines) {
  const series = lines.map(([name, colour]) => ({ label: name, values: [], colour, width: 1.6 }));
  const made = chart({ label, x: [], series, height: 190, xLabel: "Seconds ago", yLabel, digits: 1, xRange: [-EVERY_S * KEPT, 0], yRange: (_, low, high) => [0, Math.max(1, (high ?? 1) * 1.1)] });
  made.fill = (x, lists) => made.update(x, series.map((one, at) => ({ ...one, values: lists[at] })));
  return made;
}

const reduce = (samples) => ({
  at: performance.now() / 1000,
  n: total(samples, `${REQUESTS}_count`, served),
  errors: total(samples, `${REQUESTS}_count`, (labels) => served(labels) && (labels.status >= "500" || labels.status === "429")),
  spread: buckets(samples, REQUESTS, served),
});

function drawCurves(scrapes, rate, latency) {
  const last = scrapes.at(-1).at;
  const pairs = scrapes.slice(1).map((one, at) => [one, scrapes[at]]);
  const x = pairs.map(([one]) => one.at - last);
  const per = (name) => pairs.map(([one, before]) => (one[name] - before[name]) / (one.at - before.at));
  const at = (share) => pairs.map(([one, before]) => 1000 * (quantile(one.spread, before.spread, share) ?? NaN)).map((ms) => (Number.isFinite(ms) ? ms : null));
  rate.fill(x, [per("n"), per("errors")]);
  latency.fill(x, [at(0.5), at(0.95)]);
}

function figures(scrapes, samples, health) {
  const now = scrapes.at(-1), before = scrapes[Math.max(0, scrapes.length - 1 - WINDOW)];
  const spread = now === before ? [] : before.spread;
  const passed = now.at - before.at;
  const since = now === before || now.n === before.n ? "since it began" : "last half minute";
  const past = now.n === before.n ? [] : spread;
  const tile = (name, shown, small) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, shown, small ? h("small", {}, small) : null));
  const places = value(samples, "epochal_queue_places");
  const jobs = (samples.get("epochal_jobs") ?? []).filter((one) => one.value).map((one) => `${one.value} ${one.labels.state}`);
  return [
    tile("Requests", passed ? `${figure((now.n - before.n) / passed, 1)}/s` : "–", `${count(now.n)} in all`),
    tile("Latency, median", milliseconds(quantile(now.spread, past, 0.5)), since),
    tile("Latency, 95 %", milliseconds(quantile(now.spread, past, 0.95)), since),
    tile("Errors", count(now.errors), "5xx and 429"),
    tile("Queue", `${count(value(samples, "epochal_queue_requests") ?? 0)} of ${count(places)}`, "under way or waiting"),
    tile("Epochs labelled", count(total(samples, "epochal_epochs_total")), `${count(total(samples, "epochal_flagged_epochs_total"))} flags`),
    tile("Jobs", jobs.length ? jobs.join(", ") : "none", `${count(value(samples, "epochal_open_streams") ?? 0)} streams`),
    tile("Memory", bytes(value(samples, "process_resident_memory_bytes") ?? 0), `up ${lasting(health.uptime_s + now.at - scrapes[0].at)}`),
  ];
}

function driftOf(samples, bundles) {
  const of = (name, bundle) => (samples.get(name) ?? []).find((one) => one.labels.bundle === bundle)?.value ?? null;
  const rows = bundles.map(({ name }) => ({ name, drift: of("epochal_drift", name), score: of("epochal_drift_score", name), limit: of("epochal_drift_limit", name), n: total(samples, "epochal_epochs_total", (labels) => labels.bundle === name) }));
  const columns = [
    { key: "name", label: "Bundle", head: true },
    { key: "drift", label: "Latest recording", show: (value) => (value === null ? tag("none yet") : value ? tag("drifts", "warn") : tag("like the training data", "good")) },
    { key: "score", label: "Score", right: true, show: (value) => figure(value, 2) },
    { key: "limit", label: "Limit", right: true, show: (value) => figure(value, 2) },
    { key: "n", label: "Epochs", right: true, show: count },
  ];
  return table({ caption: "How unlike the training subjects what was scored last is", columns, rows });
}

function alertsOf({ rules, alerts }) {
  if (!rules.length) return note("The operator has set no rules (EPOCHAL_SERVE_ALERTS).");
  const columns = [
    { key: "raised_at", label: "Raised", show: when },
    { key: "rule", label: "Rule", wrap: true },
    { key: "onset_s", label: "At", show: clock },
    { key: "duration_s", label: "For", show: lasting },
    { key: "peak_probability", label: "Peak", right: true, show: (value) => percent(value, 0) },
    { key: "data_source", label: "Data", show: (value) => tag(value, value === "real" ? "" : "warn") },
    { key: "false_alarms", label: "False alarms", wrap: true },
  ];
  return [h("p", { class: "muted" }, `Rules: ${rules.map(ruleWords).join("; ")}.`), alerts.length ? table({ caption: "The latest first", columns, rows: alerts, tall: alerts.length > 8 }) : note("No alert was raised since the service began.")];
}

/** What a rule asks for, in the words that its alerts have. */
const ruleWords = ({ label, probability, for_s, bundles }) =>
  `${label} ≥ ${probability} for ≥ ${for_s} s${bundles.length ? ` (of ${bundles.join(", ")})` : ""}`;

function byRoute(samples) {
  const routes = [...new Set((samples.get(`${REQUESTS}_count`) ?? []).map((one) => one.labels.route))];
  const rows = routes.map((route) => {
    const own = (labels) => labels.route === route;
    const spread = buckets(samples, REQUESTS, own);
    return { route, n: total(samples, `${REQUESTS}_count`, own), bad: total(samples, `${REQUESTS}_count`, (labels) => own(labels) && labels.status >= "400"), p50: quantile(spread, [], 0.5), p95: quantile(spread, [], 0.95) };
  });
  const columns = [
    { key: "route", label: "Route", head: true, show: words },
    { key: "n", label: "Requests", right: true, show: count },
    { key: "bad", label: "4xx, 5xx", right: true, show: count },
    { key: "p50", label: "Median", right: true, show: milliseconds },
    { key: "p95", label: "95 %", right: true, show: milliseconds },
  ];
  return h("details", { class: "data" }, h("summary", {}, `${routes.length} routes`), table({ columns, rows, sort: ["n", true] }));
}
