import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { FencingPlan } from '../../../src/plan/types.ts';
import type { AgentStep, NodeFacts } from '../../agent-step.ts';
import { readPlatform } from '../../platforms/platforms.ts';
import { firstCib } from '../cib.ts';
import { readMonitor, unitState } from '../cluster-state.ts';
import { LAB_SWITCH_AGENT, LAB_SWITCH_SCRIPT } from '../fence-devices.ts';
import { membership } from '../members.ts';
import { notServing, startUnit } from '../units.ts';
import { waitsForPeer } from '../wait.ts';
import { formatXml } from '../xml.ts';

const UNIT = 'pacemaker.service';
/** Milliseconds; where the options of {@link firstCib} are not in force, nodes wait 20 s for each other before they elect. */
const ONLINE_MS = 60_000;
/** Its configuration as it keeps it; without the file beside it that holds a digest it is taken as it is. */
const CIB = '/var/lib/pacemaker/cib/cib.xml';
const AGENT_PATH = `/usr/sbin/${LAB_SWITCH_AGENT}`;

/** Pacemaker runs on every node, and one of them decides. */
export const startPacemaker: AgentStep = {
  id: 'start-pacemaker',
  title: 'Resource manager',
  after: ['start-corosync'],
  checks:
    'Pacemaker says of every node that it is online and not pending, and one of them is the controller (crm_mon).',
  byHand: 'systemctl status pacemaker; crm_mon -1; journalctl -u pacemaker.',

  async check(machine, facts) {
    const files = await wrongFiles(machine, facts);
    if (files.length > 0) return { done: false, why: files.join('; ') };
    const why = await obstacle(machine, facts);
    if (why !== undefined) return notServing(machine, UNIT, why);
    return { done: true, evidence: { online: membership(facts).ha.members.map(({ name }) => name) } };
  },

  async apply(machine, facts, say) {
    await writeFiles(machine, facts);
    await writeFirstCib(machine);
    const wait = { limitMs: ONLINE_MS, late: waitsForPeer() };
    await startUnit(machine, UNIT, () => obstacle(machine, facts), wait, say);
  },
};

/** Pacemaker's own service reads and writes it, not root's; a power cut may have left it with root. */
async function writeFirstCib(machine: Machine): Promise<void> {
  if ((await unitState(machine, UNIT)) === 'active') return;
  if (!(await machine.exists(CIB))) await machine.writeFile(CIB, formatXml(firstCib()), 0o600);
  await machine.exec({ file: 'chown', args: ['hacluster:haclient', CIB], effect: 'write' });
}

async function obstacle(machine: Machine, facts: NodeFacts): Promise<string | undefined> {
  const { ha } = membership(facts);
  const monitor = await readMonitor(machine);
  if (monitor === undefined) return 'Pacemaker does not answer';
  const ready = monitor.nodes.filter(({ online, pending }) => online && !pending).map(({ name }) => name);
  const missing = ha.members.filter(({ name }) => !ready.includes(name)).map(({ name }) => name);
  if (missing.length > 0)
    return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not online in Pacemaker`;
  return monitor.hasController && monitor.withQuorum ? undefined : 'no node is the controller yet';
}

interface RequiredFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** What fencing takes on a node before Pacemaker starts. */
async function requiredFiles(machine: Machine, fencing: FencingPlan): Promise<readonly RequiredFile[]> {
  if (fencing.kind === 'sbd') {
    const platform = await readPlatform(machine);
    if (platform === undefined)
      throw new StepFailure('config-invalid', '/etc/os-release names no system the agent knows');
    const content = `# Written by slipway-agent.\nSBD_DEVICE="${fencing.disks.join(';')}"\nSBD_WATCHDOG_DEV="${fencing.watchdog}"\nSBD_STARTMODE=always\nSBD_PACEMAKER=yes\n`;
    return [{ path: platform.files.sbd, content, mode: 0o644 }];
  }
  const usesSwitch = fencing.kind === 'devices' && fencing.devices.some(({ kind }) => kind === 'lab-switch');
  return usesSwitch ? [{ path: AGENT_PATH, content: LAB_SWITCH_SCRIPT, mode: 0o755 }] : [];
}

async function wrongFiles(machine: Machine, facts: NodeFacts): Promise<readonly string[]> {
  const wrong: string[] = [];
  const { fencing } = membership(facts).ha;
  for (const { path, content } of await requiredFiles(machine, fencing))
    if ((await machine.readFile(path)) !== content) wrong.push(`${path} is not what follows from the plan`);
  if (fencing.kind === 'sbd') {
    if (!(await machine.exists(fencing.watchdog))) wrong.push(`there is no watchdog ${fencing.watchdog}`);
    if (!(await isEnabled(machine, 'sbd.service'))) wrong.push('sbd.service is not enabled');
  }
  return wrong;
}

async function writeFiles(machine: Machine, facts: NodeFacts): Promise<void> {
  const { fencing } = membership(facts).ha;
  for (const { path, content, mode } of await requiredFiles(machine, fencing))
    if ((await machine.readFile(path)) !== content) await machine.writeFile(path, content, mode);
  if (fencing.kind !== 'sbd') return;
  if (!(await machine.exists(fencing.watchdog))) {
    throw new StepFailure(
      'waiting-operator',
      `there is no watchdog ${fencing.watchdog}`,
      'load its driver; softdog is one of last resort',
    );
  }
  for (const disk of fencing.disks)
    await machine.exec({ file: 'sbd', args: ['-d', disk, 'dump'], effect: 'read' }).catch(() => {
      throw new StepFailure(
        'waiting-operator',
        `${disk} has no slots of sbd`,
        `if it is meant: sbd -d ${disk} create`,
      );
    });
  // sbd starts and stops with corosync, by its own unit.
  await machine.exec({ file: 'systemctl', args: ['enable', 'sbd.service'], effect: 'write' });
}

async function isEnabled(machine: Machine, unit: string): Promise<boolean> {
  const { stdout } = await machine.exec({
    file: 'systemctl',
    args: ['is-enabled', unit],
    effect: 'read',
    accept: [0, 1, 4],
  });
  return stdout.trim() === 'enabled';
}
