// The table of trials. A row stays the same element as long as its trial is shown, so that the focus stays where it is.

import { byId, digits, element, shown, valueOf } from "./dom.js";

// Rows at first, and columns of parameters at all: of more, the CSV has them.
const FIRST = 100;
const COLUMNS = 12;

export class Table {
  /** `act(what, trial)` is called for "result", "failure", "amend" and "history". */
  constructor(act) {
    this.act = act;
    this.rows = new Map();
    this.all = false;
    byId("show").addEventListener("change", () => this.draw());
    byId("more").addEventListener("click", () => {
      this.all = true;
      this.draw();
      byId("trials-heading").focus();
    });
  }

  /** Show these trials. */
  update(standing, trials) {
    this.standing = standing;
    this.trials = trials;
    this.draw();
  }

  draw() {
    if (!this.trials) return;
    this.heads();
    const wanted = byId("show").value;
    const fit = this.trials.filter((t) => !wanted || t.status === wanted).reverse();
    const shownNow = this.all ? fit : fit.slice(0, FIRST);
    const body = byId("rows");
    const rows = shownNow.map((t) => this.row(t));
    for (const row of [...body.children]) if (!rows.includes(row)) row.remove();
    rows.forEach((row, i) => {
      if (body.children[i] !== row) body.insertBefore(row, body.children[i] ?? null);
    });
    byId("nothing").hidden = rows.length > 0;
    byId("more").hidden = fit.length === shownNow.length;
    byId("more").textContent = `Show all ${fit.length}`;
  }

  heads() {
    if (byId("columns").children.length) return;
    const { parameters, outcomes } = this.standing;
    this.names = parameters.slice(0, COLUMNS).map((p) => p.name);
    const rest = parameters.length - this.names.length;
    const unit = Object.fromEntries(parameters.map((p) => [p.name, p.unit ? `${p.name} [${p.unit}]` : p.name]));
    const heads = ["Trial", "State", "Enter", ...outcomes, "Who", "Reason", ...this.names.map((name) => unit[name])];
    if (rest) heads.push(`and ${rest} more in the CSV`);
    byId("columns").append(...heads.map((text) => element("th", { scope: "col" }, text)));
  }

  /** The row of a trial, made anew where it says something else by now. */
  row(t) {
    const best = this.mark(t);
    const says = JSON.stringify([t, best]);
    const known = this.rows.get(t.id);
    if (known?.says === says) return known.row;
    const row = known?.row ?? element("tr", { "data-trial": t.id });
    const focused = row.contains(document.activeElement);
    row.classList.toggle("best", Boolean(best));
    row.replaceChildren(...this.cells(t, best));
    if (focused) (row.querySelector("td button") ?? byId("trials-heading")).focus();
    this.rows.set(t.id, { says, row });
    return row;
  }

  /** What a trial is among all: the best, or on the front of several objectives. */
  mark(t) {
    if (this.standing.front.includes(t.id)) return "front";
    return this.standing.best?.id === t.id ? "best" : "";
  }

  cells(t, best) {
    const outcomes = this.standing.outcomes.map((name) => valueOf(this.standing, t, name));
    return [
      element("th", { scope: "row" }, this.button(String(t.id), "history", t, "plain", "History"), best ? ` (${best})` : ""),
      element("td", {}, element("span", { class: `state ${t.status}` }, t.status), ...note(remarks(t))),
      element("td", {}, ...this.buttons(t)),
      ...outcomes.map(([value, sem]) => element("td", {}, digits(value), ...note(sem === null ? "" : `± ${digits(sem)}`))),
      element("td", { class: "text" }, t.worker ?? "", ...note(until(t))),
      element("td", { class: "text" }, t.reason),
      ...this.names.map((name) => element("td", { class: "text" }, shown(t.params[name]))),
    ];
  }

  buttons(t) {
    const amend = this.button("Amend", "amend", t, "second");
    if (this.incomplete(t)) return [this.button("Result", "result", t, null), amend];
    if (t.status !== "pending") return [amend];
    return [this.button("Result", "result", t, null), this.button("Failed", "failure", t, "second")];
  }

  /** Whether a trial is done and an outcome that matters is still to come. */
  incomplete(t) {
    const others = this.standing.objectives.slice(1);
    return t.status === "done" && (t.satisfied === null || others.some((one) => !(one.name in t.outcomes)));
  }

  button(text, what, t, style, said = text) {
    const made = element("button", { type: "button", class: style, "aria-label": `${said}: trial ${t.id}` }, text);
    made.addEventListener("click", () => this.act(what, t));
    return made;
  }
}

function note(text) {
  return text ? [" ", element("small", {}, text)] : [];
}

/** How a trial is unlike what was wanted of it, or what may be proposed. */
function remarks(t) {
  return [t.status === "done" && t.satisfied === false ? "breaks a limit" : "", t.outside ? "tried outside the bounds" : ""].filter(Boolean).join(", ");
}

function until(t) {
  if (t.status !== "pending" || !t.lease) return "";
  return `until ${new Date(t.lease * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
}
