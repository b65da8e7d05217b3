// Read a JSON list of Mermaid sources from standard input; print a JSON list of what the real parser says, "" for valid.
import { JSDOM } from "jsdom";

const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");

let input = "";
for await (const part of process.stdin) input += part;
const faults = [];
for (const source of JSON.parse(input)) {
  faults.push(await mermaid.parse(source).then(() => "", (error) => String(error.message ?? error)));
}
console.log(JSON.stringify(faults));
