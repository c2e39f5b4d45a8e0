// The dialogs in which a result, a correction or a failure is entered.

import { byId, element, inline } from "./dom.js";

/** Enter what was measured; `save(body)` sends it and throws what is to be shown. */
export function enterResult(standing, trial, amends, save) {
  const before = (name) => measured(standing, trial, name);
  // What is known is corrected, not told again.
  const names = standing.outcomes.filter((name) => amends || before(name)[0] === null);
  byId("result-heading").textContent = `${amends ? "Correct" : "Result of"} trial ${trial.id}`;
  byId("result-params").textContent = inline(trial.params);
  byId("result-amend").hidden = !amends;
  byId("result-failed").checked = false;
  byId("result-reason").value = "";
  byId("result-fields").replaceChildren(...names.map((name, i) => pair(name, i, before(name))));
  return open("result", async () => {
    const told = Object.fromEntries(names.map((name, i) => [name, outcome(name, i)]).filter(([, one]) => one !== null));
    const failed = amends && byId("result-failed").checked;
    if (!failed && !Object.keys(told).length) throw new Error(`${names[0]}: enter a number`);
    await save({ value: failed ? null : told, ...(amends ? { reason: byId("result-reason").value } : {}) });
  });
}

/** Enter why there will be no result; `save(end, reason)` sends it. */
export function enterFailure(trial, save) {
  byId("failure-heading").textContent = `No result of trial ${trial.id}`;
  byId("failure-params").textContent = inline(trial.params);
  byId("failure-reason").value = "";
  const [first] = byId("failure").querySelectorAll("[name=end]");
  first.checked = true;
  return open("failure", () => {
    const end = byId("failure").querySelector("[name=end]:checked").value;
    return save(end, byId("failure-reason").value);
  });
}

function measured(standing, trial, name) {
  return name === standing.objective ? [trial.value, trial.sem] : trial.outcomes[name] ?? [null, null];
}

function pair(name, number, [value, sem]) {
  const field = (id, text, now, said = text) => {
    const input = element("input", { id, type: "number", step: "any", autocomplete: "off", value: now, "aria-label": said });
    return element("div", {}, element("label", { for: id }, text), input);
  };
  const error = field(`error-${number}`, "± standard error", sem, `± standard error of ${name}`);
  return element("div", { class: "pair" }, field(`value-${number}`, name, value), error);
}

/** What was entered: a number, a pair of them, or null; what is no number is an error, not an empty field. */
function outcome(name, number) {
  const [value, sem] = ["value", "error"].map((kind) => {
    const input = byId(`${kind}-${number}`);
    if (!input.validity.valid) throw new Error(`${name}: this is not a number`);
    return input.value === "" ? null : input.valueAsNumber;
  });
  if (value === null && sem !== null) throw new Error(`${name}: a standard error needs a value`);
  return sem === null ? value : [value, sem];
}

/** Show a dialog until it is saved or cancelled; whether it was saved. */
function open(id, save) {
  const dialog = byId(id);
  const form = dialog.querySelector("form");
  const wrong = byId(`${id}-error`);
  wrong.textContent = "";
  let saving = false;
  let saved = false;
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (saving) return;
    saving = true;
    try {
      await save();
      saved = true;
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
    dialog.addEventListener("close", () => resolve(saved), { once: true });
  });
}
