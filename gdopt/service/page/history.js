// All that happened to a trial, first to last, as a list in a dialog.

import { byId, digits, element, inline } from "./dom.js";
import { send } from "./service.js";

/** Show the history of a trial. */
export async function showHistory(standing, trial) {
  const { events } = await (await send("GET", `trials/${trial.id}/history`)).json();
  byId("history-heading").textContent = `History of trial ${trial.id}`;
  byId("history-events").replaceChildren(...events.map((event) => line(standing, trial, event)));
  const dialog = byId("history");
  dialog.querySelector(".cancel").onclick = () => dialog.close();
  dialog.showModal();
}

function line(standing, trial, event) {
  const who = event.worker ? `, ${event.worker}` : "";
  const when = new Date(event.at * 1000).toLocaleString();
  const said = inWords(standing, event.kind === "told" ? event.data[trial.id] : event.data);
  return element("li", {}, element("strong", {}, event.kind), said && ` ${said}`, " ", element("small", {}, `${when}${who}`));
}

/** What an event says of a trial: its results, its state, what was tried and why. */
function inWords(standing, data) {
  const results = { ...(data.value !== undefined && { [standing.objective]: [data.value, data.sem ?? null] }), ...data.outcomes };
  const measured = Object.entries(results).map(([name, [value, sem]]) => `${name} ${digits(value)}${sem === null ? "" : ` ± ${digits(sem)}`}`);
  const state = data.status ? [`to ${data.status}`] : [];
  const tried = data.params ? [`with ${inline(data.params)}`] : [];
  const said = [...state, ...measured, ...tried].join(", ");
  return data.reason ? `${said}${said && ": "}${data.reason}` : said;
}
