// Figures, drawn by hand: the best so far by trial, or the front of two objectives; and parameters with their values as
// parallel coordinates.

import { digits, element, shape } from "./dom.js";

const HEIGHT = 260;
const EDGE = { left: 56, right: 16, top: 14, bottom: 34 };
const TICKS = 5;
// Pixels between a name of an axis and the next one's, which is lower, and of a letter.
const LOWER = 15;
const LETTER = 7.5;
// A share of the height above and below what is drawn.
const ROOM = 0.05;
// More axes, and more lines, are no picture.
const AXES = 12;
const LINES = 400;
const SHADES = 5;

/** The best so far, the values and the failures, by trial. */
export function drawProgress(where, standing, trials) {
  const done = trials.filter((t) => t.value !== null);
  if (!done.length) return empty(where, "Nothing is measured yet.");
  const width = Math.max(where.clientWidth, 280);
  const x = scale(0, Math.max(trials.length - 1, 1), EDGE.left, width - EDGE.right);
  const [least, most] = extent(done.map((t) => t.value));
  const [low, high] = [least - ROOM * (most - least), most + ROOM * (most - least)];
  const y = scale(low, high, HEIGHT - EDGE.bottom, EDGE.top);
  const drawing = picture(width, progressInWords(standing, done));
  for (const tick of ticks(low, high)) {
    drawing.append(
      shape("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
      shape("text", { x: EDGE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, digits(tick)),
    );
  }
  for (const tick of ticks(0, trials.length - 1).filter(Number.isInteger)) {
    drawing.append(shape("text", { x: x(tick), y: HEIGHT - EDGE.bottom + 18, "text-anchor": "middle" }, String(tick)));
  }
  drawing.append(
    shape("text", { x: (EDGE.left + width - EDGE.right) / 2, y: HEIGHT - 1, "text-anchor": "middle" }, "trial"),
    ...trials.filter((t) => t.status === "failed").map((t) => cross(x(t.id), HEIGHT - EDGE.bottom)),
    ...done.map((t) => shape("circle", { class: "point", cx: x(t.id), cy: y(t.value), r: 3.5 }, tip(t, standing))),
    shape("path", { class: "so-far", d: steps(standing, trials, x, y) }),
  );
  where.replaceChildren(
    drawing, key(["best", "best so far"], ["point", standing.objective], ["lost", "failed"]),
  );
}

/** Trials by the first two of several objectives, those on the front in front. */
export function drawFront(where, standing, trials) {
  const [first, second] = standing.objectives;
  const at = (t) => [t.value, t.outcomes[second.name]?.[0] ?? null];
  const done = trials.filter((t) => !at(t).includes(null));
  if (!done.length) return empty(where, "No trial has all objectives yet.");
  const width = Math.max(where.clientWidth, 280);
  const [left, right] = padded(extent(done.map((t) => at(t)[0])));
  const [low, high] = padded(extent(done.map((t) => at(t)[1])));
  const x = scale(left, right, EDGE.left, width - EDGE.right);
  const y = scale(low, high, HEIGHT - EDGE.bottom, EDGE.top);
  const words = `${second.name} against ${first.name} of ${done.length} trials; ${standing.front.length} are on the front.`;
  const drawing = picture(width, words);
  for (const tick of ticks(low, high)) {
    drawing.append(
      shape("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
      shape("text", { x: EDGE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, digits(tick)),
    );
  }
  for (const tick of ticks(left, right)) {
    drawing.append(shape("text", { x: x(tick), y: HEIGHT - EDGE.bottom + 18, "text-anchor": "middle" }, digits(tick)));
  }
  const front = new Set(standing.front);
  const dot = (t, of, r) => shape("circle", { class: of, cx: x(at(t)[0]), cy: y(at(t)[1]), r }, shape("title", {}, `trial ${t.id}: ${first.name} ${digits(at(t)[0])}, ${second.name} ${digits(at(t)[1])}`));
  drawing.append(
    shape("text", { x: (EDGE.left + width - EDGE.right) / 2, y: HEIGHT - 1, "text-anchor": "middle" }, `${second.name} against ${first.name}`),
    ...done.filter((t) => !front.has(t.id)).map((t) => dot(t, "point", 3.5)),
    ...done.filter((t) => front.has(t.id)).map((t) => dot(t, "front", 5)),
  );
  where.replaceChildren(drawing, key(["best", "on the front"], ["point", "dominated"]));
}

const padded = ([low, high]) => [low - ROOM * (high - low), high + ROOM * (high - low)];

/** Each trial as a line through its parameters to its value. */
export function drawSpace(where, standing, trials) {
  const numeric = standing.parameters.filter((p) => ["real", "integer", "choice"].includes(p.kind));
  if (!numeric.length) return empty(where, "These parameters have no axes; the table below has them.");
  const done = trials.filter((t) => t.value !== null);
  const open = trials.filter((t) => t.status === "pending");
  if (!done.length && !open.length) return empty(where, "Nothing is asked for yet.");
  const [low, high] = done.length ? extent(done.map((t) => t.value)) : [0, 1];
  const axes = [
    ...numeric.slice(0, AXES).map((p) => ({ ...axisOf(p), of: (t) => t.params[p.name] ?? null })),
    { name: standing.objective, low: digits(low), high: digits(high), at: scale(low, high, 1, 0), of: (t) => t.value },
  ];
  const width = Math.max(where.clientWidth, 280);
  const x = scale(0, axes.length - 1, 36, width - 36);
  const y = (share) => EDGE.top + 10 + share * (HEIGHT - EDGE.top - EDGE.bottom - 18 - LOWER);
  const drawing = picture(width, `${done.length} trials with values and ${open.length} pending ones, by parameter; the table below has the numbers.`);
  const line = (t) => axes.flatMap((axis, i) => (axis.of(t) === null ? [] : [`${x(i)},${y(axis.at(axis.of(t)))}`])).join(" ");
  const better = (t) => (standing.direction === "maximize" ? 1 : -1) * t.value;
  const sorted = [...done].sort((a, b) => better(a) - better(b)).slice(-LINES);
  const worth = scale(standing.direction === "maximize" ? low : high, standing.direction === "maximize" ? high : low, 0, 1);
  drawing.append(
    ...open.slice(-LINES).map((t) => shape("polyline", { class: "open", points: line(t) }, tip(t, standing))),
    ...sorted.map((t) => {
      const shade = Math.min(SHADES - 1, Math.floor(worth(t.value) * SHADES));
      return shape("polyline", { class: `way v${shade}`, points: line(t) }, tip(t, standing));
    }),
  );
  if (standing.best) drawing.append(shape("polyline", { class: "way best", points: line(standing.best) }));
  axes.forEach((axis, i) => drawing.append(...uprights(axis, x(i), y, i, axes.length, x(1) - x(0))));
  where.replaceChildren(drawing, key(["best", "best"], ["high", "good"], ["low", "poor"], ["open", "pending"]));
  if (numeric.length > AXES) {
    where.append(element("p", { class: "hint" }, `The first ${AXES} of ${numeric.length} parameters.`));
  }
}

function axisOf(p) {
  if (p.kind === "choice") {
    const top = Math.max(p.levels.length - 1, 1);
    return { name: p.name, levels: p.levels, at: (value) => 1 - p.levels.indexOf(value) / top };
  }
  const seen = p.log ? Math.log : (value) => value;
  const share = scale(seen(p.low), seen(p.high), 1, 0);
  const name = p.unit ? `${p.name} [${p.unit}]` : p.name;
  return { name, low: digits(p.low), high: digits(p.high), at: (value) => share(seen(value)) };
}

function uprights(axis, x, y, number, count, apart) {
  const anchor = number === count - 1 ? "end" : number ? "middle" : "start";
  const at = number === count - 1 ? x + 30 : number ? x : x - 30;
  const ends = axis.levels ? [axis.levels.at(-1), axis.levels[0]] : [axis.high, axis.low];
  // Every other name is lower, so that long ones do not run into each other.
  const low = HEIGHT - 1 - (number % 2 ? 0 : LOWER);
  return [
    shape("line", { class: "axis", x1: x, x2: x, y1: y(0), y2: y(1) }),
    shape("text", { x: at, y: y(0) - 8, "text-anchor": anchor }, short(ends[0], apart)),
    shape("text", { x: at, y: y(1) + 16, "text-anchor": anchor }, short(ends[1], apart)),
    shape("text", { x: at, y: low, "text-anchor": anchor, "font-weight": 600 }, short(axis.name, 1.3 * apart)),
  ];
}

/** As much of a text as there are pixels for. */
const short = (text, pixels) => {
  const most = Math.max(3, Math.floor(pixels / LETTER));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
};

function picture(width, words) {
  const title = shape("title", {}, words);
  return shape("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: "img", "aria-label": words }, title);
}

function progressInWords(standing, done) {
  const best = standing.best === null ? "none satisfies the limits" : `the best is ${digits(standing.best.value)}`;
  return `${standing.objective} of ${done.length} trials by their order; ${best}.`;
}

function tip(t, standing) {
  const value = t.value === null ? t.status : `${standing.objective} ${digits(t.value)}`;
  return shape("title", {}, `trial ${t.id}: ${value}`);
}

function cross(x, y) {
  return shape("path", { class: "lost", d: `M${x - 4} ${y - 4} l8 8 m0 -8 l-8 8` });
}

/** The best value of those that satisfy the limits, trial by trial, as a path of steps. */
function steps(standing, trials, x, y) {
  const better = standing.direction === "maximize" ? (a, b) => a > b : (a, b) => a < b;
  let best = null;
  let path = "";
  for (const t of trials) {
    if (t.value !== null && t.satisfied === true && (best === null || better(t.value, best))) {
      path += best === null ? `M${x(t.id)} ${y(t.value)}` : `H${x(t.id)} V${y(t.value)}`;
      best = t.value;
    }
  }
  return best === null ? "" : `${path} H${x(trials.length - 1)}`;
}

function scale(low, high, from, to) {
  return (value) => (high === low ? (from + to) / 2 : from + ((value - low) / (high - low)) * (to - from));
}

function extent(values) {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  return high === low ? [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2] : [low, high];
}

/** Round numbers between two, some five of them: steps of 1, 2 or 5 times a power of ten. */
function ticks(low, high) {
  const rough = (high - low) / TICKS || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

function key(...words) {
  return element("p", { class: "key", "aria-hidden": "true" }, ...words.map(([of, text]) => element("span", { class: `k-${of}` }, text)));
}

function empty(where, words) {
  where.replaceChildren(element("p", { class: "hint" }, words));
}
