/* The studies that have results, and the control that chooses among them. */
import { get } from "../api.js";
import { h } from "../dom.js";
import { memory } from "../dom.js";
import { words } from "../format.js";
import { address, choice, empty } from "./controls.js";

/** Return the studies of which `has` is true, and the one that is named, else was last looked at. */
export async function chooseStudy(name, has = () => true, options = {}) {
  const studies = (await get("/api/results", options)).filter(has);
  const last = memory.get("study");
  const named = (wanted) => studies.find((one) => one.study === wanted);
  const study = (name ? named(name) : named(last) ?? studies[0]) ?? null; // never another than was asked for
  if (study) memory.set("study", study.study);
  return { studies, study };
}

export const studyChoice = (view, studies, study, rest = []) =>
  choice({ label: "Study", options: studies.map((one) => [one.study, words(one.study)]), value: study.study, onChange: (name) => { location.hash = address(view, [name, ...rest]); } });

const code = (text) => h("code", {}, text);
const RUN = ["Run a study, such as ", code("make demo"), " or ", code("epochal run --env demo")];

/** What stands there when there is no study to show: none of the name that the address has, or none at all. */
export const noStudy = (view, what, name, studies) =>
  studies.length ? empty(h("p", {}, `There is no study '${name}' with a ${what} in the service's results folder.`), h("p", {}, "There are: ", studies.map((one, at) => [at ? ", " : "", h("a", { href: address(view, [one.study]) }, words(one.study))]), ".")) : nothingYet(what);

const nothingYet = (what) =>
  empty(h("p", {}, `No ${what} yet in the service's results folder.`), h("p", {}, RUN, ", and point ", code("EPOCHAL_SERVE_RESULTS_FOLDER"), " at its ", code("data"), " folder."));
