/** `slipway lab prove`: from a spec to cells, and from cells to verdicts. */
import { rmSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Exec } from '../engine/command.ts';
import { makeFolder } from '../engine/make-folder.ts';
import { FailedError, MissingError } from '../errors/exit.ts';
import { atExit } from '../host/at-exit.ts';
import { createExec } from '../host/exec.ts';
import { packageVersion } from '../host/package-root.ts';
import { interruption } from '../host/signals.ts';
import { preflight } from '../host/tools.ts';
import { INSTALLER_STEPS } from '../installer/install.ts';
import { accelerate } from '../lab/accelerate.ts';
import { checkRoom, cpusEach, mostThatFit, type Need, needOf, roomFor } from '../lab/capacity.ts';
import { type Cell, EVIDENCE_VERSION, type Run } from '../lab/evidence/types.ts';
import { LabFolder } from '../lab/lab-folder.ts';
import { PROOF_TOOLS, qemuTools } from '../lab/lab-tools.ts';
import { withLabLock } from '../lab/launch.ts';
import { EvidenceBook } from '../lab/prove/book.ts';
import { carryOut } from '../lab/prove/carry-out.ts';
import { planProofs } from '../lab/prove/plan-proofs.ts';
import type { ProofGroup } from '../lab/prove/proof.ts';
import { makeRunFolders, requireRunFolders } from '../lab/prove/report-folder.ts';
import { planSabotage, type Sabotage } from '../lab/prove/sabotage.ts';
import { repeatCommand, selectCells, unmatched } from '../lab/prove/select.ts';
import { qemuEngine } from '../lab/qemu.ts';
import type { Acceleration } from '../lab/qemu-args.ts';
import { type LivePage, serveLivePage } from '../lab/report/live-page.ts';
import { gatherMaterial } from '../lab/report/material.ts';
import { writeReport } from '../lab/report/report.ts';
import { pageView } from '../lab/report/view.ts';
import { makePlan } from '../plan/plan.ts';
import type { Plan } from '../plan/types.ts';
import { keyMediumPath } from '../secrets/key-medium.ts';
import { loadSpec } from '../spec/load.ts';
import { describeMachine, runnerOf } from './describe-machine.ts';
import { diskMaps } from './disk-maps.ts';
import { clusterOf } from './iso-key.ts';
import { buildIso } from './iso-pipeline.ts';
import type { Usage } from './lab.ts';
import type { LabProveOptions } from './lab-prove.ts';
import { specFile } from './spec-file.ts';
import { freeUiPort } from './ui-port.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Where the ISO that is proven is built. */
const ISO_FOLDER = 'dist';

export async function runProofs(
  given: string | undefined,
  options: LabProveOptions,
  usage: Usage,
): Promise<void> {
  const file = specFile(given);
  const plan = makePlan((await loadSpec(file)).spec, dirname(file));
  if (plan.release !== 'embedded') {
    throw new MissingError(
      `${plan.cluster} is installed by ${plan.release}'s own installer, which the proofs cannot drive`,
      'prove the spec with `release: embedded`',
    );
  }
  const iso = resolve(ISO_FOLDER, `${plan.cluster}.iso`);
  const all = planProofs(plan, {
    ...{ iso, volumes: keyMedium(plan), diskMaps, installerSteps: INSTALLER_STEPS },
    ...(options.bus === undefined ? {} : { bus: options.bus }),
  });
  const patterns = options.only ?? [];
  const strangers = unmatched(all, patterns);
  if (strangers.length > 0) usage(`no cell is called ${strangers.join(', ')}; --list prints them all`);
  const groups = selectCells(all, patterns);
  if (options.list === true) {
    for (const { id, row, column } of groups.flatMap(({ cells }) => cells))
      print(`${id}  (${row}: ${column})`);
    return;
  }
  const sabotages = (options.sabotage ?? []).map((name) => planSabotage(name, groups));
  const idle = sabotages.filter(({ cell }) => cell === undefined);
  if (idle.length > 0) usage(`no wanted cell can be struck by ${idle.map(({ name }) => name).join(', ')}`);
  const report = resolve(options.out);
  await makeFolder(dirname(report));
  // The lock of a lab serves any folder that one command at a time may change.
  await withLabLock(new LabFolder(report), 'slipway lab prove', () =>
    prove({ file, plan, iso, groups, report, sabotages }, options),
  );
}

/** What a cluster's nodes take their join secret from; made with its ISO. */
const keyMedium = (plan: Plan): readonly string[] =>
  clusterOf(plan) === undefined ? [] : [resolve(keyMediumPath(ISO_FOLDER, plan.cluster))];

/** What is to be proven, and where. Paths are absolute but for the spec's. */
interface Order {
  readonly file: string;
  readonly plan: Plan;
  readonly iso: string;
  readonly groups: readonly ProofGroup[];
  readonly report: string;
  readonly sabotages: readonly Sabotage[];
}

async function prove(order: Order, options: LabProveOptions): Promise<void> {
  const { file, groups, report, sabotages } = order;
  const signal = interruption();
  const exec = createExec({ signal });
  const work = `${report}.work`;
  await requireRunFolders(report, work);
  await preflight([...qemuToolsOf(groups), ...PROOF_TOOLS], exec);
  const port = await freeUiPort(options);
  await buildIso(file, { out: ISO_FOLDER });
  const acceleration = await accelerate(exec);
  await makeRunFolders(report, work);
  const forget = atExit(() => rmSync(work, { recursive: true, force: true }));
  try {
    const room = await roomFor(work, 'qemu');
    const most = Math.min(options.jobs ?? room.cores, groups.length);
    // Who asks for a number is told when it does not fit.
    const jobs = options.jobs === undefined ? mostThatFit(most, (n) => needsOf(groups, n), room) : most;
    const needs = needsOf(groups, jobs);
    checkRoom(needs, room, work, { fewer: '--jobs', elsewhere: '--out' });
    const book = new EvidenceBook(report, Date.now(), await blankRun(order, options, acceleration, exec));
    const cells = groups.flatMap((group) => group.cells).length;
    print(`${cells} cells, ${jobs === 1 ? 'one machine' : `${jobs} machines`} at a time (${acceleration})`);
    for (const { title, cell } of sabotages) print(`sabotage: ${title}, in ${cell}`);
    const page = await openPage(book, report, port);
    try {
      await carryOut(groups, {
        ...{ exec, report, work, book, jobs, sabotages, signal },
        cpus: cpusEach(room.cores, needs.length),
        engine: (listeners) => qemuEngine({ acceleration, ...listeners }),
        told: tell,
      });
    } finally {
      book.finish();
      await book.written();
      await page?.close();
      await writeReport(book.run, report);
    }
    conclude(book.run, resolve(report, 'index.html'));
  } finally {
    await rm(work, { recursive: true, force: true });
    forget();
  }
}

/** The report as it grows; undefined when nobody wants to see it. */
async function openPage(
  book: EvidenceBook,
  report: string,
  port: number | undefined,
): Promise<LivePage | undefined> {
  if (port === undefined) return undefined;
  const look = async () => pageView(book.run, await gatherMaterial(book.run, report), book.now());
  const page = await serveLivePage({ port, look });
  print(`to look at it: ${page.url}`);
  return page;
}

/** At the worst moment: the groups with the most machines at the same time, each with a disk more to try things on. */
function needsOf(groups: readonly ProofGroup[], jobs: number): readonly Need[] {
  return groups
    .toSorted((a, b) => (b.machines ?? 1) - (a.machines ?? 1))
    .slice(0, jobs)
    .flatMap(({ computer, machines = 1 }) =>
      Array.from({ length: machines }, () =>
        needOf('qemu', computer.machine.memoryMiB, computer.diskMiB.length + 1),
      ),
    );
}

const qemuToolsOf = (groups: readonly ProofGroup[]) =>
  groups.flatMap(({ computer }) => qemuTools(computer.start.firmware));

async function blankRun(
  { file, plan, iso, groups, sabotages }: Order,
  { bus }: LabProveOptions,
  acceleration: Acceleration,
  exec: Exec,
): Promise<Run> {
  const onBus = bus === undefined ? [] : ['--bus', bus];
  const harm = (id: string): readonly string[] =>
    sabotages.filter(({ cell }) => cell === id).flatMap(({ name }) => ['--sabotage', name]);
  const { stdout } = await exec({ file: 'qemu-system-x86_64', args: ['--version'], effect: 'read' });
  return {
    version: EVIDENCE_VERSION,
    command: ['slipway', ...process.argv.slice(2)].join(' '),
    cluster: plan.cluster,
    plan: plan.hash,
    startedAt: new Date().toISOString(),
    iso: { name: `${plan.cluster}.iso`, sha256: await checksumOf(iso) },
    machine: describeMachine(runnerOf(acceleration)),
    versions: {
      slipway: packageVersion(),
      node: process.versions.node,
      qemu: /version (\S+)/.exec(stdout)?.[1] ?? 'unknown',
    },
    nodes: [],
    cells: groups
      .flatMap((group) => group.cells)
      .map(({ id, proof, row, column }) => ({
        ...{ id, proof, row, column, verdict: 'not-run' as const },
        repeat: repeatCommand(file, id, [...onBus, ...harm(id)]),
      })),
  };
}

/** As it was written beside the ISO. */
async function checksumOf(iso: string): Promise<string> {
  const text = await readFile(iso.replace(/\.iso$/, '.sha256'), 'utf8');
  return text.split(/\s/)[0] ?? '';
}

function tell({ id, verdict, seconds, message, excerpt }: Cell): void {
  if (verdict === 'running') return;
  const time = seconds === undefined ? '' : `  ${seconds.toFixed(0)} s`;
  print(`${verdict.padEnd(7)} ${id}${time}${message === undefined ? '' : `: ${message}`}`);
  if (verdict === 'failed' && excerpt !== undefined) {
    for (const line of excerpt.split('\n')) print(`        | ${line}`);
  }
}

function conclude({ cells, seconds = 0 }: Run, file: string): void {
  const count = (verdict: Cell['verdict']): number => cells.filter((cell) => cell.verdict === verdict).length;
  print(`${count('passed')} of ${cells.length} cells passed in ${seconds.toFixed(0)} s: ${file}`);
  const red = cells.filter(({ verdict }) => verdict === 'failed');
  if (red.length === 0) return;
  throw new FailedError(
    `${red.length === 1 ? '1 cell has' : `${red.length} cells have`} failed: ${red.map(({ id }) => id).join(', ')}`,
    `again: ${red[0]?.repeat ?? ''}`,
  );
}
