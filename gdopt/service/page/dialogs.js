// The dialogs in which a result, a correction or a failure is entered.

import { byId, digits, element, inline, valueOf } from "./dom.js";
import { number } from "./number.js";
import { who } from "./service.js";

/** Enter what was measured; `save(body)` sends it and throws what is to be shown. What was saved in words, or null. */
export function enterResult(standing, trial, amends, save) {
  const before = (name) => valueOf(standing, trial, name);
  // What is known is corrected, not told again.
  const names = standing.outcomes.filter((name) => amends || before(name)[0] === null);
  byId("result-heading").textContent = `${amends ? "Correct" : "Result of"} trial ${trial.id}`;
  byId("result-params").textContent = inline(trial.params);
  byId("result-amend").hidden = !amends;
  byId("result-failed").checked = false;
  byId("result-reason").value = "";
  byId("result-fields").replaceChildren(...names.map((name, i) => pair(name, i, before(name))));
  // What was tried is told with the objective, once; later it is corrected.
  const triable = amends || trial.value === null;
  byId("result-tried").hidden = !triable;
  byId("result-tried").open = false;
  byId("result-tried-fields").replaceChildren(...(triable ? tried(standing, trial) : []));
  return open("result", async () => {
    const failed = amends && byId("result-failed").checked;
    const reason = byId("result-reason").value.trim();
    if (amends && !reason) throw new Error("Why it is corrected: enter a reason");
    const told = failed ? {} : Object.fromEntries(names.map((name, i) => [name, outcome(name, i)]).filter(([, one]) => one !== null));
    if (!failed && !Object.keys(told).length) throw new Error(`${names[0]}: enter a number`);
    const params = failed ? null : changed(standing, trial);
    await save({ value: failed ? null : told, ...(params && { params }), ...(amends && { reason }), worker: who.get() });
    return failed ? "failed" : inWords(told);
  });
}

/** Enter why there will be no result; `save(end, reason, worker)` sends it. What was saved in words, or null. */
export function enterFailure(trial, save) {
  byId("failure-heading").textContent = `No result of trial ${trial.id}`;
  byId("failure-params").textContent = inline(trial.params);
  byId("failure-reason").value = "";
  const [first] = byId("failure").querySelectorAll("[name=end]");
  first.checked = true;
  return open("failure", async () => {
    const end = byId("failure").querySelector("[name=end]:checked").value;
    await save(end, byId("failure-reason").value, who.get());
    return end === "fail" ? "failed" : "abandoned";
  });
}

/** A field that knows the number it begins with, of more digits than can be typed without doubt: 1.234 stays itself. */
function field(id, text, now, said = text) {
  const input = element("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", value: now, "aria-label": said });
  if (now !== null) input.dataset.now = now;
  return element("div", {}, element("label", { for: id }, text), input);
}

/** The number in a field, null if it is empty; throws an error with the field's name. */
function entered(id, name) {
  const input = byId(id);
  const text = input.value.trim();
  if (text === "") return null;
  if (text === input.dataset.now) return Number(text);
  try {
    return number(text);
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
}

function pair(name, i, [value, sem]) {
  const error = field(`error-${i}`, "± standard error", sem, `± standard error of ${name}`);
  return element("div", { class: "pair" }, field(`value-${i}`, name, value), error);
}

/** What was entered of an outcome: a number, a pair of them, or null. */
function outcome(name, i) {
  const value = entered(`value-${i}`, name);
  const sem = entered(`error-${i}`, `standard error of ${name}`);
  if (value === null && sem !== null) throw new Error(`${name}: a standard error needs a value`);
  return sem === null ? value : [value, sem];
}

/** A field for each parameter that counts in a trial, with what is known of it. */
function tried(standing, trial) {
  const counting = standing.parameters.filter((p) => p.name in trial.params);
  return counting.map((p, i) => {
    const name = p.unit ? `${p.name} [${p.unit}]` : p.name;
    if (p.kind !== "choice") return field(`tried-${i}`, name, trial.params[p.name]);
    const levels = p.levels.map((level) => element("option", level === trial.params[p.name] ? { selected: "" } : {}, level));
    return element("div", {}, element("label", { for: `tried-${i}` }, name), element("select", { id: `tried-${i}` }, ...levels));
  });
}

/** All parameters of a trial, if any of them was changed; null if none was. */
function changed(standing, trial) {
  if (byId("result-tried").hidden) return null;
  const counting = standing.parameters.filter((p) => p.name in trial.params);
  const found = Object.fromEntries(counting.map((p, i) => [p.name, triedOf(p, `tried-${i}`)]));
  return counting.some((p) => found[p.name] !== trial.params[p.name]) ? found : null;
}

function triedOf(parameter, id) {
  if (!["real", "integer"].includes(parameter.kind)) return byId(id).value;
  const value = entered(id, parameter.name);
  if (value === null) throw new Error(`${parameter.name}: enter what was tried`);
  return value;
}

const inWords = (told) =>
  Object.entries(told).map(([name, one]) => `${name} ${Array.isArray(one) ? one.map(digits).join(" ± ") : digits(one)}`).join(", ");

/** Show a dialog until it is saved or cancelled; what `save` returned, or null. */
function open(id, save) {
  const dialog = byId(id);
  const form = dialog.querySelector("form");
  const wrong = byId(`${id}-error`);
  const name = byId(`${id}-who`);
  name.value = who.get() ?? "";
  wrong.textContent = "";
  let saving = false;
  let saved = null;
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (saving) return;
    saving = true;
    who.set(name.value);
    try {
      saved = await save();
      dialog.close();
    } catch (error) {
      wrong.textContent = "";
      wrong.textContent = error.message;
    }
    saving = false;
  };
  dialog.querySelector(".cancel").onclick = () => dialog.close();
  dialog.showModal();
  dialog.querySelector("input").focus();
  return new Promise((resolve) => {
    const closed = () => {
      // The event comes later than the dialog closes: by then it may be open again, for something else.
      if (dialog.open) return;
      dialog.removeEventListener("close", closed);
      resolve(saved);
    };
    dialog.addEventListener("close", closed);
  });
}
