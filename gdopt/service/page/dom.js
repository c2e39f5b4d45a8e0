// Elements, made without HTML: what comes from a study is text and stays text.

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; a child that is no element is text. */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same in an SVG. */
export function shape(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Text that is set only if it is another one: a live region says it once. */
export function say(where, text, wrong = false) {
  if (where.textContent !== text) where.textContent = text;
  where.classList.toggle("error", wrong);
}

/** A number with six digits, as short as it can be written. */
export function digits(value) {
  return value === null ? "" : String(Number(value.toPrecision(6)));
}

/** A value of a parameter; a dash where it does not count. */
export function shown(value) {
  if (value === undefined) return "–";
  return typeof value === "number" ? digits(value) : String(value);
}

/** A number and a noun, such as "1 trial" or "3 trials". */
export function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** The value and the standard error of an outcome of a trial, null where they are not known. */
export function valueOf(standing, trial, name) {
  return name === standing.objective ? [trial.value, trial.sem] : trial.outcomes[name] ?? [null, null];
}

/** The parameters in one line. */
export function inline(params) {
  return Object.entries(params).map(([name, value]) => `${name} = ${shown(value)}`).join(", ");
}
