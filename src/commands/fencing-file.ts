/** The file with the passwords of fence devices: YAML, `node-a: "password"` on each line. */
import { readFile } from 'node:fs/promises';
import { fileProblem, InputError, type Problem } from '../errors/problem.ts';
import type { JoinSecret } from '../plan/types.ts';
import type { Finding } from '../spec/finding.ts';
import { suggest } from '../spec/suggest.ts';
import { inOrder, parseYaml, problemOf } from '../spec/yaml-file.ts';

/**
 * Reads the passwords by the node that each one's device switches off.
 * @throws {InputError} with the place of every mistake, and without the lines themselves: they hold passwords.
 */
export async function readFencingFile(
  file: string,
  nodes: readonly string[],
): Promise<JoinSecret['fencing']> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new InputError([unreadable(file, error)]);
  });
  const yaml = parseYaml(text, file);
  const isMap = typeof yaml.value === 'object' && yaml.value !== null && !Array.isArray(yaml.value);
  const entries: readonly [string, unknown][] = isMap ? Object.entries(yaml.value) : [];
  const passwords: Record<string, string> = {};
  const findings: Finding[] = [];
  for (const [node, password] of entries) {
    const finding = judge(node, password, nodes);
    if (finding !== undefined) findings.push(finding);
    else if (typeof password === 'string') passwords[node] = password;
  }
  if (entries.length === 0 && yaml.problems.length === 0) {
    findings.push({
      path: [],
      rule: 'fencing-file',
      message: 'this names no password',
      hint: `write 'node: "password"' on each line; the nodes are ${nodes.join(', ')}`,
    });
  }
  const problems = inOrder([...yaml.problems, ...findings.map((finding) => problemOf(yaml, finding))]);
  if (problems.length > 0) throw new InputError(problems);
  return passwords;
}

function judge(node: string, password: unknown, nodes: readonly string[]): Finding | undefined {
  const path = [node];
  if (!nodes.includes(node)) {
    const similar = suggest(node, nodes);
    const hint = similar === undefined ? `the nodes are ${nodes.join(', ')}` : `did you mean '${similar}'?`;
    return { path, at: 'key', rule: 'unknown-node', message: `there is no node '${node}'`, hint };
  }
  if (typeof password === 'string' && password !== '') return undefined;
  return {
    path,
    rule: 'fencing-file',
    message: `the password for ${node} is no text`,
    hint: 'put it in quotes',
  };
}

function unreadable(file: string, error: unknown): Problem {
  const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  return fileProblem(file, 'unreadable-file', message);
}
