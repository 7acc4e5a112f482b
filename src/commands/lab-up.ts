/** `slipway lab up`: from a spec to machines that run. */
import { existsSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Exec } from '../engine/command.ts';
import { makeFolder } from '../engine/make-folder.ts';
import { FailedError, MissingError } from '../errors/exit.ts';
import { openCache } from '../host/cache.ts';
import { createExec } from '../host/exec.ts';
import { interruption } from '../host/signals.ts';
import { preflight, type ToolNeed } from '../host/tools.ts';
import { accelerate } from '../lab/accelerate.ts';
import { checkRoom, cpusEach, type Room, roomFor } from '../lab/capacity.ts';
import { LabFolder, type NodeState } from '../lab/lab-folder.ts';
import type { LabEngine, LabPlan } from '../lab/lab-plan.ts';
import { DHCP_TOOLS, libvirtTools, qemuTools, umlTools } from '../lab/lab-tools.ts';
import { checkNamespaces, launchLab, watchLab, withLabLock } from '../lab/launch.ts';
import { isLocal, LibvirtLab, newLabId } from '../lab/libvirt-lab.ts';
import type { LivePage } from '../lab/report/live-page.ts';
import { obtainUmlImages } from '../lab/uml-images.ts';
import { makePlan } from '../plan/plan.ts';
import type { Plan } from '../plan/types.ts';
import { keyMediumPath } from '../secrets/key-medium.ts';
import { loadSpec } from '../spec/load.ts';
import { buildIso } from './iso-pipeline.ts';
import type { LabUpOptions, Usage } from './lab.ts';
import { buildLabBase } from './lab-base.ts';
import { endWholeLab } from './lab-end.ts';
import { isHere, makeLab, needsOf, previewLab, requireNodes } from './lab-preview.ts';
import { keepShowing, openLabPage } from './lab-ui.ts';
import { specFile } from './spec-file.ts';
import { freeUiPort } from './ui-port.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

export async function labUp(given: string | undefined, options: LabUpOptions, usage: Usage): Promise<void> {
  const signal = interruption();
  const exec = createExec({ signal });
  const folder = new LabFolder(resolve(options.dir));
  if ((options.engine === 'libvirt') !== (options.connect !== undefined)) {
    usage('--connect is for --engine libvirt, which needs it');
  }
  if (options.dryRun === true) return previewLab(specFile(given), options, usage);
  const tools = toolsOf(options);
  await requirePlace(folder);
  let page: LivePage | undefined;
  const keeper = await withLabLock(folder, 'slipway lab up', async () => {
    await clearStale(folder, options.dir, exec);
    const file = specFile(given);
    const loaded = await loadSpec(file);
    const plan = makePlan(loaded.spec, dirname(file));
    requireNodes(plan, options, usage);
    await preflight(tools, exec);
    await checkNamespaces(exec);
    const port = await freeUiPort(options);
    const engine = await buildEngine(file, plan, options, exec);
    try {
      await layOut(folder, { file, plan }, engine, options, exec);
      signal.throwIfAborted();
      if (port !== undefined) {
        page = await openLabPage(folder, plan, port);
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
      // Not by the commands that were just interrupted.
      await endWholeLab(folder, createExec());
    }
    throw error;
  }
  try {
    conclude(settled, options.dir);
  } finally {
    if (page !== undefined) {
      print('the page stays until Ctrl-C, which leaves the lab as it is, or until slipway lab down');
      await keepShowing(page, folder, signal);
    }
  }
}

const toolsOf = ({ engine, firmware }: LabUpOptions): readonly ToolNeed[] =>
  ({ qemu: () => qemuTools(firmware), uml: umlTools, libvirt: () => libvirtTools(firmware) })[engine]();

/** @throws {MissingError} when the lab's folder cannot be made, or holds what is none of ours to remove. */
async function requirePlace(folder: LabFolder): Promise<void> {
  try {
    await makeFolder(dirname(folder.dir));
  } catch (error) {
    throw new MissingError(
      `the lab cannot be kept in ${folder.dir}: ${error instanceof Error ? error.message : error}`,
      'choose another folder with --dir',
    );
  }
  await folder.requireOurs();
}

/** A lab of yesterday is removed; one that runs is left alone. */
async function clearStale(folder: LabFolder, dir: string, exec: Exec): Promise<void> {
  if (!folder.exists()) return;
  if ((await folder.keeper()) !== undefined) {
    throw new MissingError(
      `a lab is running in ${dir}`,
      'slipway lab status shows it, slipway lab down ends it, --dir makes another one',
    );
  }
  print(`the lab in ${dir} does not run any more: removing what it left`);
  await endWholeLab(folder, exec);
}

async function buildEngine(file: string, plan: Plan, options: LabUpOptions, exec: Exec): Promise<LabEngine> {
  if (options.engine === 'uml') {
    const base = await buildLabBase(file, options.out);
    const images = await obtainUmlImages(base.installerInitrd, { exec, cache: openCache() });
    return { kind: 'uml', images, squashfs: base.squashfs };
  }
  const iso = resolve(options.out, `${plan.cluster}.iso`);
  const libvirt = options.connect === undefined ? undefined : await libvirtAt(options.connect, iso, exec);
  await buildIso(file, { out: options.out });
  if (libvirt !== undefined) return libvirt;
  const acceleration = await accelerate(exec);
  if (acceleration === 'tcg') print('KVM does not work here: the machines are emulated');
  return { kind: 'qemu', acceleration, iso };
}

/** Whether KVM works there, libvirt says itself: it lists what its host can run. */
async function libvirtAt(uri: string, iso: string, exec: Exec): Promise<LabEngine> {
  const id = newLabId();
  const lab = await LibvirtLab.connect({ uri, id }, exec);
  try {
    const kvm = /<domain type='kvm'/.test(await lab.session.run('capabilities'));
    const acceleration = kvm && (!isLocal(uri) || (await accelerate(exec)) === 'kvm') ? 'kvm' : 'tcg';
    return { kind: 'libvirt', uri, id, iso, acceleration };
  } finally {
    await lab.session.close();
  }
}

/** Everything of the lab that is made before a process is started. */
async function layOut(
  folder: LabFolder,
  { file, plan }: { readonly file: string; readonly plan: Plan },
  engine: LabEngine,
  options: LabUpOptions,
  exec: Exec,
): Promise<void> {
  await makeFolder(folder.dir);
  await chmod(folder.dir, 0o700);
  await exec({
    file: 'ssh-keygen',
    args: ['-q', '-t', 'ed25519', '-N', '', '-C', 'slipway-lab', '-f', folder.key],
    effect: 'write',
  });
  const room = await roomFor(folder.dir, engine.kind);
  const key = resolve(keyMediumPath(options.out, plan.cluster));
  const lab = makeLab(plan, engine, options, {
    publicKey: await readFile(`${folder.key}.pub`, 'utf8'),
    volumes: existsSync(key) ? [key] : [],
    // Of another host nothing is known.
    cpus: isHere(engine) ? cpusEach(room.cores, plan.nodes.slice(0, options.nodes).length) : 2,
    atOnce: room.cores,
  });
  if (isHere(engine)) requireRoom(lab, room, options.dir);
  if (lab.network.leases.length > 0) {
    if (engine.kind === 'libvirt') throw noAddresses(plan);
    await preflight(DHCP_TOOLS, exec);
  }
  const source = { spec: resolve(file), out: resolve(options.out), plan: plan.hash };
  await folder.writePlan(engine.kind === 'uml' ? lab : { ...lab, source });
}

const noAddresses = ({ cluster }: Plan): MissingError =>
  new MissingError(
    `${cluster} has interfaces that ask for an address, and nobody answers them on a network of libvirt's`,
    'give them fixed addresses, or take --engine qemu',
  );

function requireRoom({ nodes, engine, atOnce }: LabPlan, room: Room, dir: string): void {
  checkRoom(needsOf(nodes, engine.kind), room, dir);
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
