import { compile } from './compile.ts';
import { partsOf, salvageParts } from './config-parts.ts';
import type { Fault, Finding } from './finding.ts';
import { NodeLocator } from './node-locator.ts';
import { toValue } from './node-value.ts';
import { formatProblem, type Problem, toProblems } from './problem.ts';
import { readSource } from './read-source.ts';
import { findReferenceProblems } from './references.ts';
import { configSchema } from './schema.ts';
import { schemaFindings } from './schema-findings.ts';
import type { Snapshot } from './snapshot.ts';
import { findWarnings } from './warnings.ts';
import { readYaml } from './yaml-nodes.ts';

/** A file's path, `-` for standard input; or a text, and what problems call it. */
export type ConfigSource = { readonly file: string } | { readonly text: string; readonly name: string };

export type LoadedConfig =
  | { readonly ok: true; readonly snapshot: Snapshot; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * Reads, checks and compiles a configuration. Synchronous: it reads its file as one does at start, and large ones take
 * seconds, so a process that serves does it in a thread. Never throws for anything in the file.
 */
export function loadConfig(source: ConfigSource): LoadedConfig {
  if ('text' in source) return loadText(source.text, source.name);
  const name = source.file === '-' ? '<stdin>' : source.file;
  const read = readSource(source.file);
  if (read.ok) return loadText(read.text, name);
  const { position, message } = read;
  return { ok: false, problems: [{ file: name, position, path: '', message }] };
}

function loadText(text: string, file: string): LoadedConfig {
  const refused = (faults: readonly Fault[]): LoadedConfig => ({
    ok: false,
    problems: toProblems(faults, text, file),
  });
  const nodes = readYaml(text);
  if (!nodes.ok) return refused(nodes.faults);
  const { value, faults, isCut } = toValue(nodes.root);
  if (value === null) return refused([{ at: 0, path: [], message: empty }]);
  if (isCut) return refused(faults);
  const checked = checkConfig(value);
  const locator = new NodeLocator(nodes.root);
  const locate = (findings: readonly Finding[]) => findings.map((finding) => locator.locate(finding));
  if (!checked.ok) return refused([...faults, ...locate(checked.findings)]);
  if (faults.length > 0) return refused(faults);
  const warnings = toProblems(locate(findWarnings(checked.snapshot)), text, file).map(formatProblem);
  return { ok: true, snapshot: checked.snapshot, warnings };
}

const empty = `is empty; allowed is a mapping with "listeners" at least`;

export type CheckedConfig =
  | { readonly ok: true; readonly snapshot: Snapshot }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Checks and compiles a configuration's plain value. */
export function checkConfig(value: unknown): CheckedConfig {
  const result = configSchema.safeParse(value);
  const findings = [
    ...schemaFindings(result.error?.issues ?? []),
    ...findReferenceProblems(result.success ? partsOf(result.data) : salvageParts(value)),
  ];
  if (!result.success || findings.length > 0) return { ok: false, findings };
  return { ok: true, snapshot: compile(result.data) };
}
