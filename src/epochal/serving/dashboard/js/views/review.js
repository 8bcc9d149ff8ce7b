/* Which recording to review: one that was just scored, one of a study, or one begun before. */
import { get, post } from "../api.js";
import { append, h, put } from "../dom.js";
import { count, percent, when, words } from "../format.js";
import { address, bar, choice, empty, head, note, tag } from "../parts/controls.js";
import { objects, table } from "../parts/table.js";
import { desk } from "./desk.js";

export async function show(root, given) {
  const { args, query, signal } = given;
  if (args[0] === "new") return begin(query, signal);
  if (args[0]) return desk(root, args[0], given);
  const [reviews, studies] = await Promise.all([get("/api/reviews", { signal }), get("/api/results", { signal })]);
  const sources = new Set([...reviews.map((one) => one.card.data_source), ...studies.filter((one) => one.has_epochs).map((one) => one.data_source)]);
  if (sources.size) given.saySource(sources.size === 1 ? [...sources][0] : "real/simulated");
  append(root, [
    head("Review", h("a", { class: "button", href: "#/score" }, "Score a recording first")),
    h("p", { class: "muted" }, "The least certain epochs come first. On real nights, the first tenth holds more than three times its share of errors. Every change is kept with who made it and when."),
    reviews.length ? begun(reviews) : empty("No review was begun yet."),
    await ofStudies(studies.filter((one) => one.has_epochs), signal)]);
}

async function begin(query, signal) {
  const origin = query.get("job") ? { kind: "job", name: query.get("job") } : { kind: "study", name: query.get("study") };
  const body = { ...origin, recording_id: query.get("recording") };
  const { card } = await post("/api/reviews", body, { signal });
  location.replace(address("review", [card.id]));
}

function begun(reviews) {
  const rows = reviews.map(({ card, ...numbers }) => ({ ...card, ...numbers, share: numbers.n_epochs ? numbers.n_reviewed / numbers.n_epochs : 0 }));
  const columns = [
    { key: "recording_id", label: "Recording", head: true, show: (value, row) => h("a", { href: address("review", [row.id]) }, value) },
    { key: "model", label: "Scored by", show: words },
    { key: "n_reviewed", label: "Looked at", right: true, show: (value, row) => [`${count(value)} of ${count(row.n_epochs)}`, bar(row.share)] },
    { key: "n_changed", label: "Changed", right: true, show: count },
    { key: "data_source", label: "Data", show: (value) => tag(value, value === "real" ? "" : "warn") },
    { key: "made_at", label: "Begun", show: when },
  ];
  return table({ caption: "Reviews that were begun", columns, rows, sort: ["made_at", true] });
}

async function ofStudies(studies, signal) {
  if (!studies.length) return null;
  const place = h("div");
  const draw = async (name) => {
    const study = studies.find((one) => one.study === name);
    const rows = objects(await get(`/api/results/${name}/tables/results_by_recording`, { signal })).filter((row) => row.model === study.headline);
    const unseen = [...new Map([...rows].sort((one, two) => "ovt".indexOf(one.role[0]) - "ovt".indexOf(two.role[0])).map((row) => [row.recording_id, row])).values()];
    const columns = [
      { key: "recording_id", label: "Recording", head: true, show: (value) => h("a", { href: address("review", ["new"], { study: name, recording: value }) }, value) },
      { key: "role", label: "Role" },
      { key: "mean_confidence", label: "Mean confidence", right: true, show: (value) => [percent(value), bar(value)] },
      { key: "n_epochs", label: "Scored epochs", right: true, show: count },
    ];
    put(place, unseen.length ? table({ caption: `Recordings of ${words(name)}, the least certain first`, columns, rows: unseen, sort: ["mean_confidence", false], tall: unseen.length > 12 }) : note("This study's run has not written results_by_recording.csv."));
  };
  await draw(studies[0].study).catch((error) => put(place, note(error.message)));
  return h("section", {}, h("div", { class: "head" }, h("h2", {}, "Begin with a study's recording"), choice({ label: "Study", options: studies.map((one) => one.study), value: studies[0].study, onChange: draw })), place);
}
