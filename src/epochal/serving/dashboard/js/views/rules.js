/* What the bundle's and the operator's rules make of a recording: answers, burden, alerts. */
import { h } from "../dom.js";
import { clock, count, figure, lasting, percent } from "../format.js";
import { bar, classLabel, note } from "../parts/controls.js";
import { classVar } from "../colours.js";
import { table } from "../parts/table.js";

/** Sections for what an answer has; none for what the bundle has no rules for. */
export const rulesOf = ({ answers, burden }, alerts, classes) => [
  answers ? h("section", {}, h("h2", {}, "How far to trust it"), answerTiles(answers)) : null,
  burden ? h("section", {}, h("h2", {}, "Burden"), burdenOf(burden, classes)) : null,
  alerts?.length ? h("section", {}, h("h2", {}, "Alerts"), alertTable(alerts)) : null,
];

const tile = (name, shown, small) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, shown, h("small", {}, small)));

const answerTiles = (answers) =>
  h("dl", { class: "tiles" },
    tile("Answered", percent(answers.answered_share), answers.abstain_below === null ? "nothing is sure enough" : `confidence of ${figure(answers.abstain_below, 2)} or more`),
    tile("Error allowed", percent(answers.wanted_error), "among those answered"),
    tile("Prediction sets", figure(answers.mean_set_size, 2), `classes on average, to hold the true one in ${percent(answers.wanted_coverage, 0)}`),
    tile("Of one class", percent(answers.single_share), "of the sets"),
    tile("Rules fitted on", count(answers.fitted_on_subjects), "subjects, out of fold"));

function burdenOf(burden, classes) {
  const { alarms } = burden;
  return [
    h("dl", { class: "tiles" },
      tile("Scored", lasting(60 * burden.scored_minutes), `an epoch each ${figure(burden.epoch_step_s, 0)} s`),
      alarms ? tile(`${alarms.class} alarms`, count(alarms.n), `${figure(alarms.per_hour, 2)} per hour`) : null),
    alarms ? note(alarms.note, "warn") : null,
    byHour(burden, classes)];
}

function byHour(burden, classes) {
  const rows = [{ ...burden, hour: -1 }, ...burden.by_hour].map((part) => ({ hour: part.hour, scored: part.scored_minutes, ...part.minutes_per_hour }));
  const columns = [
    { key: "hour", label: "Hour", head: true, show: (value) => (value < 0 ? "All" : `${value}–${value + 1}`) },
    { key: "scored", label: "Scored minutes", right: true, show: (value) => figure(value, 1) },
    ...classes.map((name, number) => ({ key: name, label: name, right: true, show: (value) => [figure(value, 1), bar(value / 60, classVar(number))] })),
  ];
  return table({ caption: "Minutes of each hour, of what was scored", columns, rows, tall: rows.length > 12 });
}

function alertTable(alerts) {
  const columns = [
    { key: "rule", label: "Rule", head: true, wrap: true },
    { key: "onset_s", label: "At", show: clock },
    { key: "duration_s", label: "For", show: lasting },
    { key: "peak_probability", label: "Peak", right: true, show: (value) => percent(value, 0) },
    { key: "false_alarms", label: "False alarms", wrap: true },
  ];
  return table({ caption: "By the operator's rules", columns, rows: alerts, tall: alerts.length > 12 });
}

/** Columns of the table of all epochs, where its rows have them. */
export const ruleColumns = (epochs) =>
  hasRules(epochs) ? [
    { key: "prediction_set", label: "Cannot be ruled out", show: (value) => setOf(value) },
    { key: "abstain", label: "Answer", show: (value) => (value ? "abstains" : "answers") },
  ] : [];

export const hasRules = (epochs) => epochs.length > 0 && "abstain" in epochs[0];

export const setOf = (value) => (value ? value.split(";").join(", ") : "–");

/** What the rules say of one epoch, beside its label. */
export const ruleTags = (row) =>
  "abstain" in row ? h("span", { class: "muted" }, `Cannot be ruled out: ${setOf(row.prediction_set)}.${row.abstain ? " Too unsure to answer: abstains." : ""}`) : null;
