// Figures, drawn by hand: the best so far by trial, or of several objectives the front and the hypervolume; and
// parameters with their values as parallel coordinates.

import { counted, digits, element, shape, valueOf } from "./dom.js";

const HEIGHT = 260;
const EDGE = { left: 56, right: 16, top: 26, bottom: 34 };
const TICKS = 5;
const TICK_DIGITS = 4;
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
  const up = { name: aim(standing.objectives[0]), ends: padded(extent(done.map((t) => t.value))) };
  const { drawing, x, y } = plane(where, progressInWords(standing, done), byTrial(trials), up);
  drawing.append(
    ...failures(trials, x),
    ...done.map((t) => shape("circle", { class: kept(t) ? "point" : "broken", cx: x(t.id), cy: y(t.value), r: 3.5 }, tip(t, standing))),
    shape("path", { class: "so-far", d: steps(trials, standing.best_so_far, x, y) }),
  );
  where.replaceChildren(drawing, key(["best", "best so far"], ["point", "trials"], ...beyond(standing), ["lost", "failed"]));
}

/** The hypervolume of several objectives and the failures, by trial. */
export function drawHypervolume(where, standing, trials) {
  if (!standing.front.length) return empty(where, "No trial is on a front yet.");
  const words = `Hypervolume by trial; it is ${digits(standing.hypervolume)} now.`;
  const up = { name: "hypervolume", ends: padded(extent([0, standing.hypervolume])) };
  const { drawing, x, y } = plane(where, words, byTrial(trials), up);
  drawing.append(
    ...failures(trials, x),
    shape("path", { class: "so-far", d: steps(trials, standing.hypervolumes, x, y) }),
  );
  where.replaceChildren(drawing, key(["best", "all trials so far"], ["lost", "failed"]));
}

/** Trials by the first two of several objectives, those on the front in front; of two the border of what they dominate. */
export function drawFront(where, standing, trials) {
  const [first, second] = standing.objectives;
  const at = (t) => [measured(first, t, standing), measured(second, t, standing)];
  const done = trials.filter((t) => standing.objectives.every((one) => measured(one, t, standing) !== null));
  if (!done.length) return empty(where, "No trial has all objectives yet.");
  const words = `${second.name} against ${first.name} of ${counted(done.length, "trial")}; on the front: ${standing.front.length}.`;
  const [across, up] = [first, second].map((one, i) => ({ name: aim(one), ends: padded(extent(done.map((t) => at(t)[i]))) }));
  const { drawing, x, y } = plane(where, words, across, up);
  const front = new Set(standing.front);
  const said = (t) => standing.objectives.map((one) => `${one.name} ${digits(measured(one, t, standing))}`).join(", ");
  const dot = (of, r) => (t) =>
    shape("circle", { class: of, cx: x(at(t)[0]), cy: y(at(t)[1]), r }, shape("title", {}, `trial ${t.id}: ${said(t)}`));
  const best = done.filter((t) => front.has(t.id));
  if (standing.objectives.length === 2) drawing.append(shape("path", { class: "border", d: border(best, at, first, x, y) }));
  drawing.append(
    ...done.filter((t) => !kept(t)).map(dot("broken", 3.5)),
    ...done.filter((t) => kept(t) && !front.has(t.id)).map(dot("point", 3.5)),
    ...best.map(dot("front", 5)),
  );
  where.replaceChildren(drawing, key(["front", "on the front"], ["point", "dominated"], ...beyond(standing)));
  if (standing.objectives.length > 2) {
    where.append(element("p", { class: "hint" }, `The first two of ${standing.objectives.length} objectives.`));
  }
}

/** What two objectives' front dominates ends here: steps from one trial to the next. */
function border(best, at, first, x, y) {
  const worstFirst = [...best].sort((a, b) => (first.direction === "maximize" ? 1 : -1) * (at(a)[0] - at(b)[0]));
  return worstFirst.map((t, i) => (i ? `V${y(at(t)[1])} H${x(at(t)[0])}` : `M${x(at(t)[0])} ${y(at(t)[1])}`)).join(" ");
}

/** A picture with scales for `across` and `up`, each with its name and ends. */
function plane(where, words, across, up) {
  const width = Math.max(where.clientWidth, 280);
  const x = scale(...across.ends, EDGE.left, width - EDGE.right);
  const y = scale(...up.ends, HEIGHT - EDGE.bottom, EDGE.top);
  const drawing = picture(width, words);
  for (const tick of ticks(...up.ends)) {
    drawing.append(
      shape("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(tick), y2: y(tick) }),
      shape("text", { x: EDGE.left - 8, y: y(tick) + 4, "text-anchor": "end" }, tickText(tick)),
    );
  }
  for (const tick of ticks(...across.ends).filter((one) => !across.whole || Number.isInteger(one))) {
    drawing.append(shape("text", { x: x(tick), y: HEIGHT - EDGE.bottom + 18, "text-anchor": "middle" }, tickText(tick)));
  }
  drawing.append(
    shape("text", { x: (EDGE.left + width - EDGE.right) / 2, y: HEIGHT - 1, "text-anchor": "middle" }, across.name),
    shape("text", { x: 0, y: 12 }, up.name),
  );
  return { drawing, x, y };
}

const byTrial = (trials) => ({ name: "trial", ends: [0, Math.max(trials.length - 1, 1)], whole: true });
const padded = ([low, high]) => [low - ROOM * (high - low), high + ROOM * (high - low)];
const aim = (objective) => `${objective.name} (${objective.direction}d)`;
const kept = (t) => t.satisfied === true;
const beyond = (standing) => (standing.limits.length ? [["broken", "breaks a limit, or is not known to keep it"]] : []);
const failures = (trials, x) =>
  trials.filter((t) => t.status === "failed").map((t) => cross(x(t.id), HEIGHT - EDGE.bottom));

/** Each trial as a line through its parameters to its value. */
export function drawSpace(where, standing, trials) {
  const numeric = standing.parameters.filter((p) => ["real", "integer", "choice"].includes(p.kind));
  if (!numeric.length) return empty(where, "These parameters have no axes; the table below has them.");
  const done = trials.filter((t) => t.value !== null);
  const open = trials.filter((t) => t.status === "pending");
  if (!done.length && !open.length) return empty(where, "Nothing is asked for yet.");
  const axes = [
    ...numeric.slice(0, AXES).map((p) => ({ ...axisOf(p), of: (t) => t.params[p.name] ?? null })),
    ...standing.objectives.map((one) => valuesOf(one, done, standing)),
  ];
  const width = Math.max(where.clientWidth, 280);
  const x = scale(0, axes.length - 1, 36, width - 36);
  const y = (share) => EDGE.top + share * (HEIGHT - EDGE.top - EDGE.bottom - 8 - LOWER);
  const drawing = picture(width, `${done.length} trials with values and ${open.length} pending ones, by parameter; the table below has the numbers.`);
  const line = (t) => axes.flatMap((axis, i) => (axis.of(t) === null ? [] : [`${x(i)},${y(axis.at(axis.of(t)))}`])).join(" ");
  const several = standing.objectives.length > 1;
  drawing.append(
    ...open.slice(-LINES).map((t) => shape("polyline", { class: "open", points: line(t) }, tip(t, standing))),
    ...(several ? byFront : byShade)(standing, done).map(([t, of]) => shape("polyline", { class: `way ${of}`, points: line(t) }, tip(t, standing))),
  );
  axes.forEach((axis, i) => drawing.append(...uprights(axis, x(i), y, i, axes.length, x(1) - x(0))));
  const shades = several ? [["best", "on the front"], ["other", "others"]] : [["best", "best"], ["high", "good"], ["low", "poor"]];
  where.replaceChildren(drawing, key(...shades, ["open", "pending"]));
  if (numeric.length > AXES) {
    where.append(element("p", { class: "hint" }, `The first ${AXES} of ${numeric.length} parameters.`));
  }
}

/** Trials with the class of their line, the best last, which is over the others: shades by the value. */
function byShade(standing, done) {
  const [low, high] = done.length ? extent(done.map((t) => t.value)) : [0, 1];
  const worth = standing.direction === "maximize" ? scale(low, high, 0, 1) : scale(high, low, 0, 1);
  const sorted = [...done].sort((a, b) => worth(a.value) - worth(b.value)).slice(-LINES);
  const shades = sorted.map((t) => [t, `v${Math.min(SHADES - 1, Math.floor(worth(t.value) * SHADES))}`]);
  return standing.best ? [...shades, [standing.best, "best"]] : shades;
}

/** The same of several objectives: what is on the front, over all others. */
function byFront(standing, done) {
  const front = new Set(standing.front);
  const shown = [...done.filter((t) => !front.has(t.id)).slice(-LINES), ...done.filter((t) => front.has(t.id))];
  return shown.map((t) => [t, front.has(t.id) ? "best thin" : "v1"]);
}

function valuesOf(objective, done, standing) {
  const of = (t) => measured(objective, t, standing);
  const known = done.map(of).filter((value) => value !== null);
  const [low, high] = known.length ? extent(known) : [0, 1];
  const ends = known.length ? { low: tickText(low), high: tickText(high) } : { low: "", high: "" };
  return { name: objective.name, ...ends, at: scale(low, high, 1, 0), of };
}

function axisOf(p) {
  if (p.kind === "choice") {
    const top = Math.max(p.levels.length - 1, 1);
    return { name: p.name, levels: p.levels, at: (value) => 1 - p.levels.indexOf(value) / top };
  }
  const seen = p.log ? Math.log : (value) => value;
  const share = scale(seen(p.low), seen(p.high), 1, 0);
  const name = p.unit ? `${p.name} [${p.unit}]` : p.name;
  return { name, low: tickText(p.low), high: tickText(p.high), at: (value) => share(seen(value)) };
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
  return `${standing.objective} of ${counted(done.length, "trial")} by their order; ${best}.`;
}

function tip(t, standing) {
  const known = standing.objectives.map((one) => [one.name, measured(one, t, standing)]).filter(([, value]) => value !== null);
  const value = known.length ? known.map(([name, value]) => `${name} ${digits(value)}`).join(", ") : t.status;
  return shape("title", {}, `trial ${t.id}: ${value}`);
}

function cross(x, y) {
  return shape("path", { class: "lost", d: `M${x - 4} ${y - 4} l8 8 m0 -8 l-8 8` });
}

/** What was reached by each trial as a path of steps. */
function steps(trials, reached, x, y) {
  let path = "";
  reached.forEach((value, i) => {
    if (value === null || (path && value === reached[i - 1])) return;
    path += path ? `H${x(trials[i].id)} V${y(value)}` : `M${x(trials[i].id)} ${y(value)}`;
  });
  return path && `${path} H${x(trials.length - 1)}`;
}

/** The value of an objective, null as long as it is not known. */
const measured = (objective, t, standing) => valueOf(standing, t, objective.name)[0];

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

/** A number beside an axis: of few digits, as there is little room. */
const tickText = (value) => String(Number(value.toPrecision(TICK_DIGITS)));

function key(...words) {
  return element("p", { class: "key", "aria-hidden": "true" }, ...words.map(([of, text]) => element("span", { class: `k-${of}` }, text)));
}

function empty(where, words) {
  where.replaceChildren(element("p", { class: "hint" }, words));
}
