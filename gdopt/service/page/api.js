// The description of the service, from its openapi.json.

import { byId, element } from "./dom.js";

const described = await (await fetch("/openapi.json")).json();

/** A schema with what it refers to in its place. */
function whole(schema) {
  if (Array.isArray(schema)) return schema.map(whole);
  if (typeof schema !== "object" || schema === null) return schema;
  if (schema.$ref) return whole(described.components.schemas[schema.$ref.split("/").at(-1)]);
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, whole(value)]));
}

/** A schema in a word or an example-like object. */
function brief(schema) {
  if (schema.anyOf) return schema.anyOf.map(brief).map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(" | ");
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.prefixItems) return schema.prefixItems.map(brief);
  if (schema.type === "array") return [brief(schema.items ?? {})];
  if (schema.properties) return Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, brief(one)]));
  if (schema.additionalProperties) return { "…": brief(schema.additionalProperties) };
  return schema.type ?? "any";
}

function block(title, schema) {
  return schema ? [element("h4", {}, title), element("pre", { tabindex: 0 }, JSON.stringify(brief(whole(schema)), null, 1))] : [];
}

function card(path, method, operation) {
  const json = (part) => part?.content?.["application/json"]?.schema;
  const parameters = (operation.parameters ?? []).map((p) => `${p.name} (${p.in}${p.required ? "" : ", optional"})`);
  const statuses = Object.entries(operation.responses).map(([status, one]) => element("li", {}, `${status}: ${one.description}`));
  return element("section", { class: "card operation" },
    element("h3", {}, element("span", { class: "method" }, method.toUpperCase()), ` ${path}`),
    element("p", {}, operation.description ?? operation.summary),
    ...(parameters.length ? [element("p", { class: "hint" }, parameters.join(", "))] : []),
    ...block("Request", json(operation.requestBody)),
    ...block("Answer", json(operation.responses["200"])),
    element("details", {}, element("summary", {}, "Statuses"), element("ul", {}, ...statuses)));
}

byId("operations").append(...Object.entries(described.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => card(path, method, operation))));
