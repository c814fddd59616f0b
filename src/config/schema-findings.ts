import type { z } from 'zod';

import type { Finding, Path } from './finding.ts';

type Issue = z.core.$ZodIssue;

/** What zod found, in our words: the schema's fields have put each message in full already. */
export function schemaFindings(issues: readonly Issue[], at: Path = []): Finding[] {
  return issues.flatMap((issue) => issueFindings(issue, [...at, ...issue.path.map(toStep)]));
}

function issueFindings(issue: Issue, path: Path): Finding[] {
  switch (issue.code) {
    case 'unrecognized_keys': {
      const messages = issue.message.split('\n');
      return issue.keys.map((key, i) => ({ path: [...path, key], message: messages[i] ?? '', atKey: true }));
    }
    case 'invalid_key':
      return issue.issues.map(({ message }) => ({ path, message, atKey: true }));
    case 'invalid_union': {
      const meant = issue.errors.find(isOfThisKind);
      return meant === undefined ? [{ path, message: issue.message }] : schemaFindings(meant, path);
    }
    default:
      return [{ path, message: issue.message }];
  }
}

/** Whether an alternative of a union is the one that was meant: the value is of its type, though not right. */
function isOfThisKind(issues: readonly Issue[]): boolean {
  return !issues.some(
    ({ code, path }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value'),
  );
}

function toStep(key: PropertyKey): string | number {
  return typeof key === 'symbol' ? String(key) : key;
}
