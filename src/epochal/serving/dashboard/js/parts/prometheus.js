/* The text format of Prometheus, as far as this dashboard needs it. */

/** Samples by name: [{labels, value}]. */
export function parse(text) {
  const samples = new Map();
  for (const line of text.split("\n")) {
    const found = /^([a-zA-Z_:][\w:]*)(\{(.*)\})? (\S+)/.exec(line);
    if (!found || line.startsWith("#")) continue;
    const [, name, , inner = "", value] = found;
    if (!samples.has(name)) samples.set(name, []);
    samples.get(name).push({ labels: labelsOf(inner), value: numberOf(value) });
  }
  return samples;
}

function labelsOf(text) {
  const labels = {};
  for (const [, name, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name] = value.replace(/\\(.)/g, (_, one) => (one === "n" ? "\n" : one));
  return labels;
}

const numberOf = (text) => ({ "+Inf": Infinity, "-Inf": -Infinity }[text] ?? Number(text));

/** The sum of a name's samples that are as wanted. */
export const total = (samples, name, wanted = () => true) =>
  (samples.get(name) ?? []).filter((one) => wanted(one.labels)).reduce((sum, one) => sum + one.value, 0);

/** A single value, null where it is not told. */
export const value = (samples, name) => samples.get(name)?.[0]?.value ?? null;

/** Counts of a histogram by upper edge, over all samples that are as wanted. */
export function buckets(samples, name, wanted = () => true) {
  const counts = new Map();
  for (const { labels, value: number } of samples.get(`${name}_bucket`) ?? []) {
    if (!wanted(labels)) continue;
    const edge = numberOf(labels.le);
    counts.set(edge, (counts.get(edge) ?? 0) + number);
  }
  return [...counts].sort(([one], [two]) => one - two);
}

/** A quantile between two scrapes, linear within its bucket; null where nothing came between. */
export function quantile(now, before, share) {
  const earlier = new Map(before ?? []);
  const grown = now.map(([edge, number]) => [edge, number - (earlier.get(edge) ?? 0)]);
  const all = grown.at(-1)?.[1] ?? 0;
  if (!all) return null;
  let [low, below] = [0, 0];
  for (const [edge, number] of grown) {
    if (number >= share * all) return Number.isFinite(edge) ? low + ((edge - low) * (share * all - below)) / (number - below || 1) : low;
    [low, below] = [edge, number];
  }
  return low;
}
