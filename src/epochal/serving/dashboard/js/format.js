/* Numbers, times and words as they are shown. */
export const NONE = "–";

export const figure = (value, digits = 3) =>
  value === null || value === undefined || Number.isNaN(value) ? NONE : Number(value).toFixed(digits);

export const percent = (value, digits = 1) =>
  value === null || value === undefined || Number.isNaN(value) ? NONE : `${(100 * value).toFixed(digits)} %`;

export const count = (value) =>
  value === null || value === undefined ? NONE : Math.round(value).toLocaleString("en").replaceAll(",", "\u2009");

/** Seconds as h:mm:ss. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  const whole = Math.round(seconds);
  const part = (value) => String(value).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${part(Math.floor(whole / 60) % 60)}:${part(whole % 60)}`;
}

/** A length of time in words: 8 h 12 min, 45 s. */
export function lasting(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 90) return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function milliseconds(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  return seconds < 1 ? `${(1000 * seconds).toFixed(seconds < 0.01 ? 1 : 0)} ms` : `${seconds.toFixed(2)} s`;
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let place = 0;
  while (value >= 1024 && place < 3) { value /= 1024; place += 1; }
  return `${value.toFixed(place && value < 100 ? 1 : 0)} ${units[place]}`;
}

export const when = (iso) => new Date(iso).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** Names as they are in files, made readable. */
export const words = (name) => String(name).replaceAll("_", " ");

export const ROLES = {
  oof: ["Out of fold", "by models that did not see the fold"],
  val: ["Validation", "held-out subjects of the validation part, by the refit"],
  test: ["Test", "held-out subjects, by the refit"],
};
