/* Playback of 400 epochs: two subjects × 200, the truth on top, every model at once. */
import { get } from "../api.js";
import { announce, every, h, put } from "../dom.js";
import { clock, percent, ROLES, words } from "../format.js";
import { classLabel, head, note, segments, tag } from "../parts/controls.js";
import { chooseStudy, noStudy, studyChoice } from "../parts/studies.js";
import { strips } from "../parts/strips.js";

const SPEEDS = [1, 4, 10, 40];

export async function show(root, { args, signal, saySource }) {
  const { studies, study } = await chooseStudy(args[0], (one) => one.has_playback, { signal });
  if (!study) return root.append(head("Playback"), noStudy("playback", "playback", args[0], studies));
  const play = await get(`/api/results/${study.study}/playback`, { signal });
  saySource(play.data_source);
  const moments = play.subjects.flatMap((subject, part) => subject.truth.map((_, at) => ({ part, at })));
  let place = 0, speed = 10, playing = false;

  const drawings = play.subjects.map((subject, part) => strips(play, subject, (at) => go(moments.findIndex((one) => one.part === part && one.at === at))));
  const now = h("div"), position = h("output", { class: "num" });
  const slider = h("input", { type: "range", min: 0, max: moments.length - 1, value: 0, "aria-label": "Epoch", on: { input: () => go(Number(slider.value)) } });
  const button = h("button", { type: "button", class: "main", on: { click: () => toggle() } });

  function go(number) {
    place = Math.max(0, Math.min(moments.length - 1, number));
    slider.value = place;
    const { part, at } = moments[place];
    slider.setAttribute("aria-valuetext", `subject ${play.subjects[part].subject_id}, epoch ${at + 1}`);
    put(position, `${place + 1} of ${moments.length}`);
    drawings.forEach((one, number) => one.reveal(number < part ? Infinity : number === part ? at : -1));
    put(now, present(play, play.subjects[part], at));
  }

  function toggle(wanted = !playing) {
    if (wanted && place === moments.length - 1) go(0);
    playing = wanted;
    put(button, playing ? "❚❚ Pause" : "▶ Play");
    announce(playing ? "Playing" : `Paused at ${place + 1}`);
  }

  const keys = { " ": () => toggle(), ArrowRight: () => go(place + 1), ArrowLeft: () => go(place - 1), Home: () => go(0), End: () => go(moments.length - 1), "+": () => faster(1), "-": () => faster(-1) };
  const faster = (by) => { speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(speed) + by))]; put(speeds, speedChoice()); };
  const speedChoice = () => segments({ label: "Epochs per second", options: SPEEDS.map((one) => [one, `${one}/s`]), value: speed, onChange: (value) => { speed = value; } });
  const speeds = h("span", {}, speedChoice());
  document.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.target.closest("select, input, textarea, button, a, [role=slider]") || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  }, { signal });

  root.append(
    head("Playback", studyChoice("playback", studies, study)),
    h("p", { class: "muted" }, `${ROLES[play.role]?.[0] ?? "Predictions"}: ${ROLES[play.role]?.[1] ?? ""}. Shown are ${play.chosen}.`),
    h("div", { class: "row player" }, button, h("button", { type: "button", "aria-label": "One epoch back", on: { click: () => go(place - 1) } }, "‹"), h("button", { type: "button", "aria-label": "One epoch on", on: { click: () => go(place + 1) } }, "›"), slider, position, speeds),
    h("ul", { class: "legend" }, play.classes.map((name, number) => h("li", {}, classLabel(name, number))), h("li", {}, h("span", { class: "wrongmark" }), "differs from the truth")),
    h("div", { class: "playback" }, h("div", { class: "stack" }, play.subjects.map((subject, part) => h("section", {}, h("h2", {}, `Subject ${subject.subject_id}`, " ", h("span", { class: "muted small" }, `${subject.truth.length} epochs, from ${clock(subject.onset_s[0])}`)), drawings[part]))), h("section", { class: "card" }, now)),
    note([h("kbd", {}, "space"), " plays and pauses, ", h("kbd", {}, "←"), " ", h("kbd", {}, "→"), " step, ", h("kbd", {}, "+"), " ", h("kbd", {}, "−"), " change the speed."]));
  toggle(false);
  go(0);
  let last = performance.now();
  every(25, signal, () => {
    const passed = performance.now() - last;
    if (!playing) { last = performance.now(); return; }
    const steps = Math.floor((passed * speed) / 1000);
    if (!steps) return;
    last += (steps * 1000) / speed;
    go(place + steps);
    if (place === moments.length - 1) toggle(false);
  });
}

/** What everyone says of one epoch, and how often each was right so far. */
function present(play, subject, at) {
  const truth = subject.truth[at];
  const line = ({ model, family, causal }) => {
    const said = subject.said[model][at], right = said === truth;
    const hits = subject.said[model].slice(0, at + 1).filter((code, one) => code === subject.truth[one]).length / (at + 1);
    return h("tr", { class: family === "baseline" ? "baseline" : null },
      h("th", { scope: "row" }, words(model), causal ? null : h("span", { class: "muted", title: "It uses what comes after the epoch" }, " †", h("span", { class: "unseen" }, "looks ahead"))),
      h("td", {}, classLabel(play.classes[said], said)),
      h("td", { class: right ? "agree" : "differ" }, right ? "✓" : "✗", h("span", { class: "unseen" }, right ? "agrees" : "differs")),
      h("td", { class: "r" }, subject.confidence[model][at].toFixed(2)),
      h("td", { class: "r" }, percent(hits, 0)));
  };
  const agreed = play.models.filter(({ model }) => subject.said[model][at] === truth).length;
  return [
    h("h2", {}, `Epoch ${at + 1}, ${clock(subject.onset_s[at])}`),
    h("p", { class: "truth" }, "Truth: ", h("b", {}, classLabel(play.classes[truth], truth)), " ", tag(`${agreed} of ${play.models.length} agree`, agreed === play.models.length ? "good" : agreed ? "" : "warn")),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["Model", "Says", "", "Conf.", "Right so far"].map((text, number) => h("th", { scope: "col", class: number > 2 ? "r" : null }, text)))), h("tbody", {}, play.models.map(line)))),
    play.models.every((one) => one.causal) ? null : h("p", { class: "muted small" }, "† looks ahead: it uses what comes after the epoch."),
  ];
}
