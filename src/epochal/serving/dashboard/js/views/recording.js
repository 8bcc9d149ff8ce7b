/* One recording of a study by the headline model, and its subject's burden of one class over time. */
import { h, put } from "../dom.js";
import { clock, figure, percent, words } from "../format.js";
import { className } from "../colours.js";
import { chart } from "../parts/chart.js";
import { address, choice, classLabel, note } from "../parts/controls.js";
import { table } from "../parts/table.js";
import { timeline } from "../parts/timeline.js";

const BINS = [60, 300, 600, 1800, 3600, 7200];

/** `found`: all recordings of the subject; `row`: the one that is looked at. */
export function recordingView(study, row, found) {
  const { epochs } = found.find((one) => one.recording_id === row.recording_id);
  const codes = (names) => names.map((name) => study.classes.indexOf(name));
  const [truth, said] = [codes(epochs.label), codes(epochs.said)];
  const wrong = truth.map((code, at) => code >= 0 && code !== said[at]);
  const tell = (at) => `truth ${epochs.label[at] ?? "not scored"}, ${words(study.headline ?? "the model")} says ${epochs.said[at]} (${figure(epochs.confidence[at], 2)})`;
  const told = h("p", { class: "num" });
  const say = (at) => put(told, `${clock(epochs.onset_s[at])}: ${tell(at)}`);
  say(0);
  const time = timeline({
    label: `${row.recording_id} over time`,
    epochs: { onsets: epochs.onset_s, length: study.epoch_length_s ?? 30 },
    classes: study.classes,
    tell,
    onSelect: say,
    rows: [
      { kind: "steps", name: "Truth", height: 78, codes: truth },
      { kind: "steps", name: words(study.headline ?? "model"), height: 78, codes: said },
      { kind: "marks", name: "Differ", height: 14, where: wrong },
      { kind: "areas", name: "Probability", height: 56, proba: study.classes.map((name) => epochs.proba[name]) },
    ],
  });
  const review = h("a", { class: "button", href: address("review", ["new"], { study: study.study, recording: row.recording_id }) }, "Review this recording");
  return h("div", { class: "stack" },
    h("div", {}, h("div", { class: "head" }, h("h2", {}, `${row.recording_id}, ${epochs.role[0]} role`), review),
      h("p", { class: "muted" }, `By the headline model, ${words(study.headline ?? "")}, which has not seen it: ${wrong.filter(Boolean).length} of ${truth.filter((code) => code >= 0).length} scored epochs differ.`),
      h("ul", { class: "legend" }, study.classes.map((name, number) => h("li", {}, classLabel(name, number)))), time, told),
    burden(study, row, found));
}

/** How much of the time a class takes, by truth and by model, over the subject's recordings. */
function burden(study, row, found) {
  const place = h("div");
  const start = study.classes.includes("Seizure") ? "Seizure" : study.classes.at(-1);
  const several = found.length > 1;
  const draw = (name) => put(place, several ? byRecording(study, found, name) : overTime(study, found[0].epochs, name));
  draw(start);
  return h("section", {},
    h("div", { class: "head" }, h("h2", {}, `Burden over time, subject ${row.subject_id}`), choice({ label: "Class", options: study.classes, value: start, onChange: draw })),
    place,
    several ? null : note("The share of scored time that the class takes, by the truth and by the model."));
}

function shares(study, { label, said }, name, places) {
  const scored = places.filter((at) => label[at] !== null);
  const part = (names) => (scored.length ? scored.filter((at) => names[at] === name).length / scored.length : null);
  return { truth: part(label), model: part(said), n: scored.length };
}

function overTime(study, epochs, name) {
  const first = epochs.onset_s[0], whole = epochs.onset_s.at(-1) - first;
  const bin = BINS.find((one) => whole / one <= 40) ?? 7200;
  const bins = new Map();
  epochs.onset_s.forEach((onset, at) => {
    const key = Math.floor((onset - first) / bin);
    bins.set(key, [...(bins.get(key) ?? []), at]);
  });
  const rows = [...bins].map(([key, places]) => ({ at: (first + (key + 0.5) * bin) / 3600, ...shares(study, epochs, name, places) }));
  const series = [
    { label: "truth", values: rows.map((one) => one.truth), colour: "text", points: true },
    { label: words(study.headline ?? "model"), values: rows.map((one) => one.model), colour: className(study.classes.indexOf(name)), points: true },
  ];
  return chart({ label: `Share of ${name} in bins of ${bin / 60} minutes`, x: rows.map((one) => one.at), series, height: 220, xLabel: "Hours from the recording's start", yLabel: `Share of ${name}`, yRange: [0, 1] });
}

function byRecording(study, found, name) {
  const rows = found.map((one) => ({ recording: one.recording_id, ...shares(study, one.epochs, name, one.epochs.epoch.map((_, at) => at)) }));
  const total = rows.reduce((sum, one) => ({ n: sum.n + one.n, truth: sum.truth + one.n * (one.truth ?? 0), model: sum.model + one.n * (one.model ?? 0) }), { n: 0, truth: 0, model: 0 });
  const series = [
    { label: "truth", values: rows.map((one) => one.truth), colour: "text", points: true },
    { label: words(study.headline ?? "model"), values: rows.map((one) => one.model), colour: className(study.classes.indexOf(name)), points: true, dash: [5, 3] },
  ];
  const columns = [
    { key: "recording", label: "Recording", head: true },
    { key: "truth", label: "Truth", right: true, show: percent },
    { key: "model", label: "Model", right: true, show: percent },
    { key: "n", label: "Scored epochs", right: true },
  ];
  return h("div", { class: "split" },
    chart({ label: `Share of ${name} in each recording`, x: rows.map((_, at) => at + 1), series, height: 240, whole: true, xLabel: "Recording, in the order of their names", yLabel: `Share of ${name}`, yRange: [0, 1], withTable: false }),
    h("div", {}, h("p", {}, `Over all: ${percent(total.truth / total.n)} by the truth, ${percent(total.model / total.n)} by the model.`), table({ caption: `Share of ${name}`, columns, rows, tall: rows.length > 8 }), note("This study does not say how much time lies between recordings; they stand in the order of their names.")));
}
