/** What corosync and Pacemaker say about the cluster. */
import { CommandError, type CommandResult } from '../../src/engine/command.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { allOf, childOf, parseXml, type XmlElement } from './xml.ts';

export interface Quorum {
  readonly quorate: boolean;
  /** Node ids of corosync. */
  readonly members: readonly number[];
}

/** Undefined when corosync does not answer. */
export const readQuorum = async (machine: Machine): Promise<Quorum | undefined> =>
  parseQuorum(await quorumStatus(machine));

/** corosync's name for the present membership, such as `1.9`: it changes whenever somebody comes or goes. */
export const readRing = async (machine: Machine): Promise<string | undefined> =>
  /^Ring ID:\s+(\S+)/m.exec(await quorumStatus(machine))?.[1];

async function quorumStatus(machine: Machine): Promise<string> {
  const { stdout } = await machine.exec({
    file: 'corosync-quorumtool',
    // -p: plain node ids; its exit code tells quorum, too, in ways that changed between versions.
    args: ['-s', '-p'],
    effect: 'read',
    accept: [0, 1, 2, 3],
  });
  return stdout;
}

export function parseQuorum(text: string): Quorum | undefined {
  const quorate = /^Quorate:\s+(\w+)/m.exec(text)?.[1];
  if (quorate === undefined) return undefined;
  const [, table = ''] = text.split('Membership information');
  const members = [...table.matchAll(/^\s*(\d+)\s+\d+/gm)].map(([, id]) => Number(id));
  return { quorate: quorate === 'Yes', members };
}

export interface MonitorNode {
  readonly name: string;
  readonly online: boolean;
  readonly pending: boolean;
}

export interface MonitorResource {
  readonly id: string;
  readonly role: string;
  readonly active: boolean;
  readonly failed: boolean;
  readonly nodes: readonly string[];
}

export interface Monitor {
  readonly withQuorum: boolean;
  readonly hasController: boolean;
  readonly nodes: readonly MonitorNode[];
  readonly resources: readonly MonitorResource[];
  /** `<operation> of <resource> on <node>: <reason>` */
  readonly failures: readonly string[];
}

/** Undefined when Pacemaker does not answer. */
export async function readMonitor(machine: Machine): Promise<Monitor | undefined> {
  const result = await tolerant(machine, {
    file: 'crm_mon',
    args: ['--one-shot', '--inactive', '--output-as=xml'],
    timeoutMs: 30_000,
  });
  return result?.exitCode === 0 ? parseMonitor(result.stdout) : undefined;
}

/** From `crm_mon --output-as=xml`. Throws an Error when the text is something else. */
export function parseMonitor(text: string): Monitor {
  const root = parseXml(text);
  const summary = childOf(root, 'summary');
  const controller = childOf(summary, 'current_dc')?.attributes ?? {};
  const nodes = childOf(root, 'nodes')?.children ?? [];
  const resources = childOf(root, 'resources');
  const failures = childOf(root, 'failures')?.children ?? [];
  return {
    withQuorum: controller['with_quorum'] === 'true',
    hasController: controller['present'] === 'true',
    nodes: nodes.map(({ attributes }) => ({
      name: attributes['name'] ?? '',
      online: attributes['online'] === 'true',
      pending: attributes['pending'] === 'true',
    })),
    resources: resources === undefined ? [] : allOf(resources, 'resource').map(monitorResource),
    failures: failures.map(
      ({ attributes: a }) =>
        `${a['op_key'] ?? a['task'] ?? 'operation'} on ${a['node'] ?? '?'}: ${a['exitreason'] || a['exitstatus'] || a['status'] || 'failed'}`,
    ),
  };
}

const monitorResource = ({ attributes, children }: XmlElement): MonitorResource => ({
  id: attributes['id'] ?? '',
  role: attributes['role'] ?? '',
  active: attributes['active'] === 'true',
  failed: attributes['failed'] === 'true',
  nodes: children.filter(({ name }) => name === 'node').map((node) => node.attributes['name'] ?? ''),
});

/** The whole configuration; undefined when Pacemaker does not answer. */
export async function readCib(machine: Machine): Promise<XmlElement | undefined> {
  const result = await tolerant(machine, { file: 'cibadmin', args: ['--query'], timeoutMs: 30_000 });
  return result?.exitCode === 0 ? parseXml(result.stdout) : undefined;
}

/** The result whatever its exit code, for tools whose failure only means that nobody is there (yet). */
async function tolerant(
  machine: Machine,
  command: { readonly file: string; readonly args: readonly string[]; readonly timeoutMs: number },
): Promise<Pick<CommandResult, 'stdout' | 'exitCode'> | undefined> {
  try {
    return await machine.exec({ ...command, effect: 'read' });
  } catch (error) {
    if (error instanceof CommandError && (error.reason === 'exit' || error.reason === 'timeout'))
      return undefined;
    throw error;
  }
}

/** `active`, `inactive`, `failed`, `activating` … of systemd. */
export async function unitState(machine: Machine, unit: string): Promise<string> {
  const { stdout } = await machine.exec({
    file: 'systemctl',
    args: ['is-active', unit],
    effect: 'read',
    accept: [0, 1, 3, 4],
  });
  return stdout.trim();
}
