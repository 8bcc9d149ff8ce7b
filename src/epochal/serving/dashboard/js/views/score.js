/* Drop a recording: it is scored in the background, and its results are looked at here. */
import { get, upload } from "../api.js";
import { announce, every, h, put } from "../dom.js";
import { bytes, words } from "../format.js";
import { address, choice, empty, head, note, tag } from "../parts/controls.js";
import { result } from "./result.js";

const OVER = ["done", "failed", "expired"];
const mine = new Map(); // what this tab has sent: {file, size, sent, job, error}

/** What this tab sent before it was loaded anew; the service keeps other people's jobs too. */
function recall() {
  try {
    for (const one of JSON.parse(sessionStorage.getItem("epochal-jobs") ?? "[]")) mine.set(one.id, { file: one.file, size: one.size, sent: 1, job: { id: one.id, status: "waiting" }, error: null });
  } catch { /* storage may be forbidden */ }
}

function remember() {
  const jobs = [...mine.values()].filter((one) => one.job).map((one) => ({ id: one.job.id, file: one.file, size: one.size }));
  try { sessionStorage.setItem("epochal-jobs", JSON.stringify(jobs.slice(-20))); } catch { /* as above */ }
}

export async function show(root, given) {
  if (given.args[0]) return result(root, given.args[0], given);
  const { signal, saySource } = given;
  const bundles = await get("/api/bundles", { signal });
  if (!bundles.length) return root.append(head("Score a recording"), empty("This service has no bundle to score with."));
  const list = h("div", { class: "stack" });
  if (!mine.size) recall();
  const form = { bundle: bundles.length > 1 ? "" : bundles[0].name, substitute: false, simulated: false };
  const sources = new Set(bundles.map((one) => one.data_source));
  saySource(sources.size === 1 ? [...sources][0] : "real/simulated");

  const input = h("input", { type: "file", multiple: true, id: "file", class: "unseen", on: { change: () => take(input.files) } });
  const zone = h("label", { class: "drop", for: "file" }, input,
    h("strong", {}, "Drop recordings here, or choose files"),
    h("span", { class: "muted" }, "EDF, BDF, MAT, H5, CSV, parquet; several files of one recording, or an E4 folder, as one zip"));
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("ready"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("ready"));
  zone.addEventListener("drop", (event) => { event.preventDefault(); zone.classList.remove("ready"); take(event.dataTransfer.files); });

  function take(files) {
    for (const file of files) send(file, form, draw);
    input.value = "";
    draw();
  }

  const draw = () => put(list, mine.size ? h("h2", {}, "Sent from this tab") : null, [...mine.values()].reverse().map(line));
  root.append(
    head("Score a recording"),
    h("div", { class: "row foot" },
      choice({ label: "Bundle", options: [...(bundles.length > 1 ? [["", "the one that matches"]] : []), ...bundles.map((one) => [one.name, `${one.name} (${words(one.study)}, trained on ${one.data_source} data)`])], value: form.bundle, onChange: (value) => { form.bundle = value; } }),
      check("Let another derivation stand in for a missing channel", (value) => { form.substitute = value; }),
      check("The files are simulated", (value) => { form.simulated = value; })),
    zone, list,
    note("Files stay on this service. The upload is deleted once it was scored; its signals and results are kept so that you can look at them, until the job expires. What the bundles are for, and what they learnt from, is in the Service view."));
  draw();
  every(700, signal, async () => {
    const open = [...mine.values()].filter((one) => one.job && !OVER.includes(one.job.status));
    for (const one of open) {
      try {
        one.job = await get(`/api/jobs/${one.job.id}`, { signal });
      } catch (error) {
        if (error.name === "AbortError") return;
        one.job = { ...one.job, status: error.status === 404 ? "expired" : "failed" };
        one.error = error.status === 404 ? null : error.message;
      }
      if (OVER.includes(one.job.status)) announce(`${one.file}: ${one.job.status}`);
    }
    if (open.length) draw();
  });
}

const check = (text, act) => {
  const box = h("input", { type: "checkbox", on: { change: () => act(box.checked) } });
  return h("label", { class: "check" }, box, text);
};

async function send(file, { bundle, substitute, simulated }, draw) {
  const entry = { file: file.name, size: file.size, sent: 0, job: null, error: null };
  mine.set(Symbol(file.name), entry);
  const query = new URLSearchParams(Object.entries({ bundle, substitute: substitute || "", simulated: simulated || "", keep_signals: true }).filter(([, value]) => value));
  const body = new FormData();
  body.append("file", file);
  try {
    entry.job = await upload(`/api/jobs?${query}`, body, { onProgress: (share) => { entry.sent = share; draw(); } });
    remember();
  } catch (error) {
    entry.error = error.message;
  }
  draw();
}

function line(entry) {
  const { file, size, sent, job, error } = entry;
  const status = error || job?.status === "failed" ? "failed" : job?.status ?? "sending";
  const share = job ? shareOf(job) : sent;
  return h("article", { class: "card job" },
    h("div", { class: "row" }, h("strong", {}, file), h("span", { class: "muted" }, bytes(size)), tag(status, status === "done" ? "good" : status === "failed" ? "warn" : ""),
      status === "done" ? h("a", { class: "button", href: address("score", [job.id]) }, "Look at it") : null),
    OVER.includes(status) ? null : h("progress", { value: String(share), max: 1, "aria-label": `${file}: ${status}` }),
    error || job?.error ? h("p", { class: "failed", role: "alert" }, error ?? reason(job.error)) : null);
}

const reason = (error) => (error?.bundles ? undecided(error.bundles) : typeof error === "string" ? error : error?.detail ?? "it failed");

/** Why the service could not choose a bundle by itself, and what the reader can do here. */
function undecided(bundles) {
  const named = Object.entries(bundles), fit = named.filter(([, said]) => said === "matches").map(([name]) => name);
  if (fit.length) return `More than one bundle matches this file: ${fit.join(", ")}. Choose one in the list “Bundle” and send it again.`;
  return `No bundle is sure to match this file (${named.map(([name, said]) => `${name}: ${said}`).join("; ")}). Where you know which one is for it, choose it in the list “Bundle” and send it again.`;
}

const shareOf = (job) => (job.percent ?? 0) / 100;

