/* The leaderboard: κ with its interval, what is causal, what is real, baselines beside the models. */
import { h, svg } from "../dom.js";
import { count, figure, ROLES, words } from "../format.js";
import { table } from "../parts/table.js";
import { address, bar, classLabel, tag } from "../parts/controls.js";
import { classVar } from "../colours.js";

const FIGURES = [
  ["accuracy", "Accuracy", "Share of epochs that are right"],
  ["balanced_accuracy", "Balanced", "Mean recall over the classes that occur"],
  ["macro_f1", "Macro-F1", "Mean F1 over the study's classes"],
  ["log_loss", "Log loss", "Mean −log of the true class's probability; lower is better"],
  ["ece", "ECE", "Expected calibration error; lower is better"],
  ["kl_divergence", "KL", "Mean KL(votes ‖ prediction); lower is better"],
];

export function leaderboard({ study, board, role }) {
  const rows = board.filter((row) => row.role === role);
  const span = spanOf(rows);
  const name = (value, row) => [h("a", { href: address("models", [study.study, "classes"], { model: value, role: role === "oof" ? "" : role }) }, words(value)), value === study.headline ? [" ", tag("headline", "strong", "Speaks for the study: the best κ out of fold")] : null];
  const columns = [
    { key: "model", label: "Model", head: true, show: name },
    { key: "family", label: "Family" },
    { key: "kappa", label: "κ (95 % by subject)", right: true, title: "Agreement beyond chance, and its interval over resampled subjects", show: (value, row) => interval(value, row, span) },
    ...FIGURES.filter(([key]) => rows.some((row) => row[key] !== null && row[key] !== undefined)).map(([key, label, title]) => ({ key, label, title, right: true, show: (value) => figure(value) })),
    { key: "causal", label: "Causal", title: "Whether no prediction uses anything after its epoch", show: (value) => (value === true || value === "True" ? tag("causal", "good") : tag("looks ahead")) },
    { key: "data_source", label: "Data", show: (value) => tag(value, value === "real" ? "" : "warn") },
    { key: "n_subjects", label: "Subjects", right: true, show: count },
    { key: "n_epochs", label: "Epochs", right: true, show: count },
  ];
  const rowProps = (row) => ({ class: row.family === "baseline" ? "baseline" : null });
  return h("div", { class: "stack" },
    table({ caption: `${ROLES[role][0]}: ${ROLES[role][1]}. Grey rows are baselines.`, columns, rows, sort: ["kappa", true], rowProps }),
    h("section", {}, h("h2", {}, "F1 of each class"), byClass(study, rows, rowProps)));
}

function byClass(study, rows, rowProps) {
  const columns = [
    { key: "model", label: "Model", head: true, show: words },
    ...study.classes.map((name, number) => ({ key: `f1_${name}`, label: name, right: true, show: (value) => [figure(value, 2), bar(value, classVar(number))] })),
  ];
  return h("div", {}, h("ul", { class: "legend" }, study.classes.map((name, number) => h("li", {}, classLabel(name, number)))), table({ columns, rows, sort: ["model", false], rowProps }));
}

/** From the least to the greatest end of the models' intervals; baselines may lie below. */
function spanOf(rows) {
  const models = rows.filter((row) => row.family !== "baseline");
  const ends = (models.length ? models : rows).flatMap((row) => [row.kappa_low ?? row.kappa, row.kappa_high ?? row.kappa]);
  const room = 0.08 * (Math.max(...ends) - Math.min(...ends)) || 0.05;
  return [Math.min(...ends) - room, Math.max(...ends) + room];
}

/** A number with its interval drawn beside it. */
function interval(value, row, [low, high]) {
  const place = (at) => 90 * ((at - low) / (high - low));
  const told = row.kappa_low === null ? figure(value) : `${figure(value)} (${figure(row.kappa_low, 2)}–${figure(row.kappa_high, 2)})`;
  const line = row.kappa_low === null ? null : svg("line", { x1: place(row.kappa_low), x2: place(row.kappa_high), y1: 6, y2: 6 });
  if (value < low) return [told, svg("svg", { class: "range", width: 90, height: 12, "aria-hidden": "true" }, svg("text", { x: 0, y: 10 }, "‹"))];
  return [told, svg("svg", { class: "range", width: 90, height: 12, "aria-hidden": "true" }, line, svg("circle", { cx: place(value), cy: 6, r: 3 }))];
}
