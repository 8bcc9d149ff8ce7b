/* Colours come from the project's own palette, in colours.css; a class keeps its colour everywhere. */
const root = document.documentElement;
const N_COLOURS = Number(getComputedStyle(root).getPropertyValue("--n-class-colours")) || 7;

/** The name of a class's colour, by its number in the study. */
export const className = (number) => `class-${number % N_COLOURS}`;

/** The same as CSS. */
export const classVar = (number) => `var(--${className(number)})`;

/** A variable's value now, for canvases: in the page's light or dark. */
export function colour(name) {
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  probe.style.color = `var(--${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export const classColour = (number) => colour(className(number));

/** From the top of a hypnogram down: REM below wake, as scorers draw it; others as listed. */
export function orderOf(classes) {
  const topDown = ["W", "REM", "N1", "N2", "NREM", "N3"];
  const numbers = classes.map((_, number) => number);
  if (!classes.every((name) => topDown.includes(name))) return numbers;
  return numbers.sort((one, two) => topDown.indexOf(classes[one]) - topDown.indexOf(classes[two]));
}
