/** `slipway lab up`: from a spec to machines that run. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Exec } from '../engine/command.ts';
import { FailedError, MissingError } from '../errors/exit.ts';
import { openCache } from '../host/cache.ts';
import { createExec } from '../host/exec.ts';
import { interruption } from '../host/signals.ts';
import { preflight } from '../host/tools.ts';
import { accelerate } from '../lab/accelerate.ts';
import { checkRoom, machinesAtOnce, needOf, type Room, roomFor } from '../lab/capacity.ts';
import { LabFolder, type NodeState } from '../lab/lab-folder.ts';
import { type LabEngine, type LabPlan, type LabWishes, planBareLab, planLab } from '../lab/lab-plan.ts';
import { DHCP_TOOLS, qemuTools, umlTools } from '../lab/lab-tools.ts';
import { checkNamespaces, endLab, launchLab, watchLab, withLabLock } from '../lab/launch.ts';
import type { LivePage } from '../lab/report/live-page.ts';
import { obtainUmlImages } from '../lab/uml-images.ts';
import { makePlan } from '../plan/plan.ts';
import type { Plan } from '../plan/types.ts';
import { loadSpec } from '../spec/load.ts';
import { buildIso } from './iso-pipeline.ts';
import type { LabUpOptions, Usage } from './lab.ts';
import { buildLabBase } from './lab-base.ts';
import { openLabPage, untilLabEnds } from './lab-ui.ts';
import { specFile } from './spec-file.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

export async function labUp(given: string | undefined, options: LabUpOptions, usage: Usage): Promise<void> {
  const signal = interruption();
  const exec = createExec({ signal });
  const folder = new LabFolder(resolve(options.dir));
  const tools = options.engine === 'uml' ? umlTools() : qemuTools(options.firmware);
  await mkdir(dirname(folder.dir), { recursive: true });
  let page: LivePage | undefined;
  const keeper = await withLabLock(folder, 'slipway lab up', async () => {
    await clearStale(folder, options.dir);
    const file = specFile(given);
    const loaded = await loadSpec(file);
    const plan = makePlan(loaded.spec, dirname(file));
    requireNodes(plan, options, usage);
    await preflight(tools, exec);
    await checkNamespaces(exec);
    const engine = await buildEngine(file, plan, options, exec);
    try {
      await layOut(folder, { file, plan }, engine, options, exec);
      signal.throwIfAborted();
      if (options.ui === true) {
        page = await openLabPage(folder, plan, options.uiPort ?? 0);
        print(`to look at it: ${page.url}`);
      }
      return await launchLab(folder, thisProgram());
    } catch (error) {
      await page?.close();
      await folder.remove();
      throw error;
    }
  });
  let settled: readonly NodeState[];
  try {
    const begun = Date.now();
    settled = (await watchLab(folder, keeper, signal, (node) => print(changeLine(node, begun)))).nodes;
  } catch (error) {
    await page?.close();
    if (signal.aborted) {
      await endLab(folder);
      await folder.remove();
    }
    throw error;
  }
  try {
    conclude(settled, options.dir);
  } finally {
    if (page !== undefined) await keepShowing(page, folder, signal);
  }
}

/** From now on Ctrl-C ends the page alone. */
async function keepShowing(page: LivePage, folder: LabFolder, signal: AbortSignal): Promise<void> {
  print('the page stays until Ctrl-C, which leaves the lab as it is, or until slipway lab down');
  await untilLabEnds(folder, signal);
  await page.close();
}

/** A lab of yesterday is removed; one that runs is left alone. */
async function clearStale(folder: LabFolder, dir: string): Promise<void> {
  if (!folder.exists()) return;
  if ((await folder.keeper()) !== undefined) {
    throw new MissingError(
      `a lab is running in ${dir}`,
      'slipway lab status shows it, slipway lab down ends it, --dir makes another one',
    );
  }
  print(`the lab in ${dir} does not run any more: removing what it left`);
  await endLab(folder);
  await folder.remove();
}

function requireNodes(plan: Plan, { nodes, engine }: LabUpOptions, usage: Usage): void {
  if (nodes === undefined) return;
  if (engine === 'qemu' && nodes > plan.nodes.length) {
    usage(`${plan.cluster} has ${plan.nodes.length} nodes, not ${nodes}`);
  }
  if (nodes > MOST_BARE_NODES) usage(`--nodes takes at most ${MOST_BARE_NODES}`);
}

/** Addresses in their subnet. */
const MOST_BARE_NODES = 200;

async function buildEngine(file: string, plan: Plan, options: LabUpOptions, exec: Exec): Promise<LabEngine> {
  if (options.engine === 'uml') {
    const base = await buildLabBase(file, options.out);
    const images = await obtainUmlImages(base.installerInitrd, { exec, cache: openCache() });
    return { kind: 'uml', images, squashfs: base.squashfs };
  }
  await buildIso(file, { out: options.out });
  const acceleration = await accelerate(exec);
  if (acceleration === 'tcg') print('KVM does not work here: the machines are emulated');
  return { kind: 'qemu', acceleration, iso: resolve(options.out, `${plan.cluster}.iso`) };
}

/** Everything of the lab that is made before a process is started. */
async function layOut(
  folder: LabFolder,
  { file, plan }: { readonly file: string; readonly plan: Plan },
  engine: LabEngine,
  options: LabUpOptions,
  exec: Exec,
): Promise<void> {
  await mkdir(folder.dir, { recursive: true });
  await chmod(folder.dir, 0o700);
  await exec({
    file: 'ssh-keygen',
    args: ['-q', '-t', 'ed25519', '-N', '', '-C', 'slipway-lab', '-f', folder.key],
    effect: 'write',
  });
  const room = await roomFor(folder.dir, engine.kind);
  const key = resolve(options.out, `${plan.cluster}.key.iso`);
  const lab = makeLab(plan, engine, options, {
    dir: folder.dir,
    publicKey: await readFile(`${folder.key}.pub`, 'utf8'),
    firmware: options.firmware,
    screen: options.screen === true,
    volumes: existsSync(key) ? [key] : [],
    atOnce: machinesAtOnce(engine, room.cores),
    ...(options.nodes === undefined ? {} : { nodes: options.nodes }),
    ...(options.bus === undefined ? {} : { bus: options.bus }),
  });
  requireRoom(lab, room, options.dir);
  if (lab.network.leases.length > 0) await preflight(DHCP_TOOLS, exec);
  const source = { spec: resolve(file), out: resolve(options.out), plan: plan.hash };
  await folder.writePlan(engine.kind === 'qemu' ? { ...lab, source } : lab);
}

const makeLab = (plan: Plan, engine: LabEngine, { nodes }: LabUpOptions, wishes: LabWishes): LabPlan =>
  engine.kind === 'uml' && nodes !== undefined
    ? planBareLab(nodes, engine, wishes)
    : planLab(plan, engine, wishes);

function requireRoom({ nodes, engine, atOnce }: LabPlan, room: Room, dir: string): void {
  const needs = nodes.map(({ machine }) => needOf(engine.kind, machine.memoryMiB, machine.disks.length));
  checkRoom(needs, room, dir);
  if (atOnce < nodes.length) {
    const work = engine.kind === 'uml' ? 'start' : 'install';
    print(`${nodes.length} nodes, ${atOnce} of them ${work} at a time on ${room.cores} cores`);
  }
}

/** How this very program was started, to be started again. */
function thisProgram(): readonly string[] {
  const [, script] = process.argv;
  if (script === undefined) throw new Error('no program of ours to start');
  return [process.execPath, ...process.execArgv, script];
}

function changeLine({ name, phase, detail, since }: NodeState, begun: number): string {
  const at = `${Math.max(0, (since - begun) / 1000).toFixed(0)} s`.padStart(6);
  return `${at}  ${name}: ${phase}${detail === undefined ? '' : `: ${detail.split('\n')[0]}`}`;
}

function conclude(nodes: readonly NodeState[], dir: string): void {
  const failed = nodes.filter(({ phase }) => phase !== 'complete' && phase !== 'ready');
  const where = dir === 'dist/lab' ? '' : ` --dir ${dir}`;
  if (failed.length === 0) {
    print(`the lab is up; slipway lab ssh${where} ${nodes[0]?.name ?? 'NODE'}, slipway lab down${where}`);
    return;
  }
  throw new FailedError(
    failed.map(({ name, phase, detail }) => `${name} is ${phase}: ${detail ?? ''}`).join('\n'),
    `it is left as it is: slipway lab console${where} ${failed[0]?.name ?? 'NODE'}, slipway lab down${where}`,
  );
}
