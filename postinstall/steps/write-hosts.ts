import { isIP } from 'node:net';
import type { Machine } from '../../src/engine/machine.ts';
import type { HostPlan } from '../../src/plan/types.ts';
import type { AgentStep, NodeFacts } from '../agent-step.ts';

const PATH = '/etc/hosts';
const BEGIN = '# BEGIN slipway: nodes of this cluster, written by slipway-agent';
const END = '# END slipway';
/** What resolves the own name where no fixed address is known (Debian's convention). */
const OWN_LOOPBACK = '127.0.1.1';

/** Every node of the cluster resolves here, without a name server. */
export const writeHosts: AgentStep = {
  id: 'write-hosts',
  title: 'Host names',
  after: ['set-identity'],
  checks:
    `${PATH} names every node of the cluster with its address, and none of them a second time; the resolver (getent) ` +
    'says that address and no other.',
  byHand:
    `Edit ${PATH} outside of the block between BEGIN and END slipway; the agent keeps the rest. In /etc/nsswitch.conf ` +
    '`hosts:` begins with `files`.',

  async check(machine, facts) {
    const text = (await machine.readFile(PATH)) ?? '';
    const hosts = resolvable(facts);
    if (withHosts(text, hosts) !== text)
      return { done: false, why: `${PATH} does not name the nodes of the cluster` };
    const wrong = (await Promise.all(hosts.map((host) => resolvesOtherwise(machine, host)))).flat();
    if (wrong.length > 0) return { done: false, why: wrong.join('; ') };
    return { done: true, evidence: { hosts: hosts.map(({ name, address }) => `${name} ${address}`) } };
  },

  async apply(machine, facts) {
    await machine.writeFile(PATH, withHosts((await machine.readFile(PATH)) ?? '', resolvable(facts)));
  },
};

function resolvable({ plan }: NodeFacts): readonly HostPlan[] {
  const fixed = plan.hosts.filter(({ address }) => isIP(address) !== 0);
  const knowsItself = fixed.some(({ name }) => name === plan.name);
  return knowsItself ? fixed : [...fixed, { name: plan.name, address: OWN_LOOPBACK }];
}

/** What the resolver says of a host where it is not the plan's address: another source may come before the file. */
async function resolvesOtherwise(machine: Machine, { name, address }: HostPlan): Promise<readonly string[]> {
  // 2: the name is not known (getent(1)).
  const { stdout } = await machine.exec({
    file: 'getent',
    args: ['ahosts', name],
    accept: [0, 2],
    effect: 'read',
  });
  const found = new Set(stdout.split('\n').flatMap((line) => line.trim().split(/\s+/)[0] || []));
  if (found.size === 1 && found.has(address)) return [];
  return [`${name} is resolved to ${[...found].join(', ') || 'nothing'}, not to ${address}`];
}

/**
 * `text` with our block at its end. Names of the cluster are taken out of all other lines: installers map a node's own
 * name to a loopback address, and a cluster must never bind to that.
 */
export function withHosts(text: string, hosts: readonly HostPlan[]): string {
  const names = new Set(hosts.map(({ name }) => name));
  const others = withoutBlock(text.split('\n')).flatMap((line) => withoutNames(line, names));
  while (others.at(-1)?.trim() === '') others.pop();
  const block = [BEGIN, ...hosts.map(({ name, address }) => `${address} ${name}`), END];
  return `${[...others, ...block].join('\n')}\n`;
}

function withoutBlock(lines: readonly string[]): readonly string[] {
  const begin = lines.indexOf(BEGIN);
  const end = lines.indexOf(END, begin);
  // A block that was cut off is taken to end where it begins: nothing of the user's may be lost.
  if (begin === -1) return lines;
  return [...lines.slice(0, begin), ...lines.slice(end === -1 ? begin + 1 : end + 1)];
}

function withoutNames(line: string, names: ReadonlySet<string>): readonly string[] {
  const [entry = '', comment] = splitComment(line);
  const [address, ...aliases] = entry.trim().split(/\s+/);
  const kept = aliases.filter((alias) => !names.has(alias));
  if (kept.length === aliases.length) return [line];
  if (kept.length === 0) return comment === undefined ? [] : [comment];
  return [[address, ...kept, ...(comment === undefined ? [] : [comment])].join(' ')];
}

function splitComment(line: string): readonly [string, string | undefined] {
  const at = line.indexOf('#');
  return at === -1 ? [line, undefined] : [line.slice(0, at), line.slice(at)];
}
