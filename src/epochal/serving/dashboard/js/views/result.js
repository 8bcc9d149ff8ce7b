/* The results of a scored recording: labels and probabilities over time, signals of any epoch. */
import { download, get, hasKey } from "../api.js";
import { h, put } from "../dom.js";
import { clock, count, figure, lasting, percent, when, words } from "../format.js";
import { address, bar, choice, classLabel, note, tag } from "../parts/controls.js";
import { classVar } from "../colours.js";
import { signalsPanel } from "../parts/signals.js";
import { table } from "../parts/table.js";
import { hasRules, ruleColumns, rulesOf, ruleTags } from "./rules.js";
import { timeline } from "../parts/timeline.js";

export async function result(root, id, { signal, saySource }) {
  const at = `/api/jobs/${encodeURIComponent(id)}`;
  const [found, job] = await Promise.all([get(`${at}/result?format=json`, { signal }), get(at, { signal })]).catch((error) => {
    throw [404, 422].includes(error.status) ? new Error(`no result of the name '${id}'; results are deleted when their job expires`) : error;
  });
  saySource(found.data_source);
  const place = h("div", { class: "stack" });
  const names = found.recordings.map((one) => one.summary.recording_id);
  root.append(
    h("div", { class: "head" }, h("h1", {}, found.file), downloads(id, found), h("a", { href: "#/score" }, "Score another")),
    names.length > 1 ? choice({ label: "Recording", options: names, value: names[0], onChange: (name) => draw(name) }) : "",
    place);
  const draw = (name) => put(place, one(job, found.recordings.find((each) => each.summary.recording_id === name), signal));
  draw(names[0]);
}

function downloads(id, found) {
  const at = (format) => `/api/jobs/${id}/result?format=${format}`;
  const save = (format, text) => h("button", { type: "button", on: { click: () => download(at(format), `${found.file}.${format}`) } }, text);
  const report = hasKey() ? save("report", "Report") : h("a", { class: "button", href: at("report"), target: "_blank", rel: "noopener" }, "Report");
  return h("div", { class: "row" }, found.recordings.length === 1 ? report : null, save("csv", "CSV"), save("json", "JSON"), found.recordings.length === 1 ? save("edf", "EDF+") : null);
}

function one(job, { summary, epochs, alerts }, signal) {
  const { id } = job;
  const classes = Object.keys(summary.epochs_per_class);
  const length = summary.epoch_length_s;
  const codes = epochs.map((row) => classes.indexOf(row.label));
  const tell = (at) => (codes[at] < 0 ? "not scored" : `${epochs[at].label}, ${percent(epochs[at].confidence, 0)}`) + (epochs[at].flags ? `, flagged ${flagsOf(epochs[at]).join(", ")}` : "");
  const recording_id = summary.recording_id; // a job may have several
  const panel = signalsPanel(`/api/jobs/${id}/signals`, { signal, of: { recording_id } });
  const about = h("div", { "aria-live": "polite" });
  const onsets = epochs.map((row) => row.onset_s);
  const select = (at) => {
    put(about, epochCard(epochs[at], classes));
    panel.show(onsets[at], length);
  };
  const rows = [
    { kind: "steps", name: "Hypnogram", height: 96, codes },
    { kind: "areas", name: "Probability\nof each class", height: 62, proba: classes.map((name) => epochs.map((row) => row[`proba_${name}`])) },
    { kind: "marks", name: "Flagged", height: 12, where: epochs.map((row) => Boolean(row.flags)) },
    ...(hasRules(epochs) ? [{ kind: "marks", name: "Abstained", height: 12, where: epochs.map((row) => row.abstain) }] : []),
  ];
  const time = h("div");
  const drawTime = (more) => put(time, timeline({ label: "Epochs over time", epochs: { onsets, length }, classes, rows: [...rows, ...more], tell, onSelect: select }));
  drawTime([]);
  spectrogram(id, recording_id, signal).then((row) => row && drawTime([row])).catch(() => {});
  setTimeout(() => select(0));
  return h("div", { class: "stack" },
    h("p", {}, tag(summary.study), " ", tag(`model ${words(summary.model)}`), " ", tag(summary.causal ? "causal" : "looks ahead"), " ", tag(`${count(summary.n_epochs)} epochs of ${figure(length, 0)} s`), " ", summary.n_flagged ? tag(`${count(summary.n_flagged)} flagged`, "warn") : tag("none flagged", "good"), " ", drift(summary), " ",
      h("a", { class: "button", href: address("review", ["new"], { job: id, recording: recording_id }) }, "Review")),
    remarks(summary),
    h("section", {}, h("ul", { class: "legend" }, classes.map((name, number) => h("li", {}, classLabel(name, number)))), time),
    h("section", {}, about, panel),
    rulesOf(summary, alerts, classes),
    h("div", { class: "split" }, minutes(summary, classes, length), allEpochs(epochs, classes)),
    note(job.expires_at ? `The upload was deleted once it was scored. Its signals and results are deleted at ${when(job.expires_at)}.` : ""));
}

async function spectrogram(id, recording_id, signal) {
  const view = await get(`/api/jobs/${id}/spectrogram?${new URLSearchParams({ recording_id })}`, { signal });
  if (!view.n_columns) return null;
  return { kind: "picture", name: `${view.channel}\n${view.low_hz}–${view.high_hz} Hz`, height: 84, view, first: view.first_s, last: view.last_s };
}

function drift(summary) {
  const verdict = summary.drift;
  if (!verdict || verdict.drift === null || verdict.drift === undefined) return null;
  if (verdict.drift) return tag(`drift: ${words(verdict.likely_fault ?? "unlike the training data")}`, "warn");
  const unlike = verdict.confidence?.unlike ?? [];
  return unlike.length ? tag("labels unlike the training subjects'", "warn", unlike.join(", ")) : tag("like the training data", "good");
}

function remarks(summary) {
  const replaced = Object.entries(summary.substitutions ?? {}).map(([wanted, stood]) => `${stood} stands in for ${wanted}.`);
  const seen = summary.in_sample === true ? ["Training saw this recording: these figures say nothing of how well others are scored."] : [];
  const unlike = summary.drift?.confidence?.unlike ?? [];
  const odd = unlike.length ? [`Unlike whole recordings of the training subjects while they were left out: ${unlike.join(", ")}.`] : [];
  return h("div", {}, [...seen, ...odd].map((text) => note(text, "warn")), replaced.map((text) => note(text, "warn")), summary.problems.map((text) => note(text)), summary.caveats.map((text) => note(text)));
}

const flagsOf = (row) => (row.flags ? row.flags.split(";").map(words) : []);

function epochCard(row, classes) {
  return h("div", { class: "row epoch" },
    h("h2", {}, `Epoch ${row.epoch}`), h("span", { class: "muted num" }, clock(row.onset_s)),
    row.label ? classLabel(row.label, classes.indexOf(row.label)) : h("span", { class: "muted" }, "not scored"),
    h("span", { class: "probas" }, classes.map((name, number) => h("span", { class: "proba" }, `${name} ${percent(row[`proba_${name}`], 0)}`, bar(row[`proba_${name}`], classVar(number))))),
    flagsOf(row).map((flag) => tag(flag, "warn")), ruleTags(row));
}

function minutes(summary, classes, length) {
  const rows = classes.map((name, number) => ({ class: name, number, epochs: summary.epochs_per_class[name], share: summary.n_epochs ? summary.epochs_per_class[name] / summary.n_epochs : null }));
  const columns = [
    { key: "class", label: "Class", head: true, show: (value, row) => classLabel(value, row.number) },
    { key: "epochs", label: "Epochs", right: true, show: count },
    { key: "share", label: "Share", right: true, show: (value, row) => [percent(value), bar(value, classVar(row.number))] },
    ...(length >= 10 ? [{ key: "time", label: "About", right: true, sort: false, show: (_, row) => lasting(row.epochs * (summary.epoch_step_s ?? length)) }] : []),
  ];
  return table({ caption: "How much of each class", columns, rows });
}

function allEpochs(epochs, classes) {
  const details = h("details", { class: "data" }, h("summary", {}, "All epochs as a table"));
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    const columns = [
      { key: "epoch", label: "Epoch", right: true, head: true },
      { key: "onset_s", label: "From", show: clock },
      { key: "label", label: "Label", show: (value) => (value ? classLabel(value, classes.indexOf(value)) : "–") },
      { key: "confidence", label: "Confidence", right: true, show: (value) => figure(value, 2) },
      ...ruleColumns(epochs),
      { key: "flags", label: "Flags", wrap: true, show: (value) => words(value || "") },
    ];
    details.append(table({ caption: "Epochs", columns, rows: epochs, tall: true }));
  });
  return details;
}
