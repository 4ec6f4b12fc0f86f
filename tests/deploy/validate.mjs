// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * validate.mjs FILE.json...: each file is an array of Kubernetes objects. Values are judged by the published schemas
 * (kubernetes-models); fields by their TypeScript types, since what the types do not name the compiler refuses in a
 * literal, however deep. Prints what is wrong, or "OBJECT: valid" for each; exit status 1 when something is.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import ts from "typescript";

const require = createRequire(import.meta.url);
const operator = "monitoring.coreos.com/";

/* The module of a kind: kubernetes-models/apps/v1/DaemonSet */
function home({ apiVersion, kind }) {
	const group = apiVersion.startsWith(operator) ? "@kubernetes-models/prometheus-operator/" : "kubernetes-models/";
	return `${group}${apiVersion}/${kind}`;
}

/* What the published schema says of values, such as a port that is none or a field that is missing */
function wrongValues(object) {
	try {
		const model = require(home(object))[object.kind];
		new model(object).validate();
		return [];
	} catch (error) {
		return [error.message];
	}
}

/* One program for all objects: the types are read once. Next to node_modules, or they would not be found. */
function wrongFields(objects) {
	const file = new URL("objects.ts", import.meta.url).pathname;
	const lines = objects.map((object, i) =>
		`import { I${object.kind} as T${i} } from "${home(object)}"; export const o${i}: T${i} = ${JSON.stringify(object)};`);

	writeFileSync(file, lines.join("\n"));
	const program = ts.createProgram([file], {
		strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022,
		module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16, types: [],
	});
	const wrong = objects.map(() => []);
	for (const found of ts.getPreEmitDiagnostics(program)) {
		const line = found.file ? found.file.getLineAndCharacterOfPosition(found.start).line : 0;
		wrong[line].push(ts.flattenDiagnosticMessageText(found.messageText, "\n"));
	}
	return wrong;
}

let failed = false;
for (const path of process.argv.slice(2)) {
	const objects = JSON.parse(readFileSync(path));
	const fields = wrongFields(objects);

	objects.forEach((object, i) => {
		const wrong = [...wrongValues(object), ...fields[i]];
		console.log(`${object.kind} ${object.metadata?.name}: ${wrong.length ? wrong.join("\n    ") : "valid"}`);
		failed ||= wrong.length > 0;
	});
	failed ||= objects.length === 0;
}
process.exit(failed ? 1 : 0);
