/** `slipway lab status`: read from the lab's folder alone, so that it also tells of a lab that is dead. */
import { open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { isSettled, type LabState, type NodeState } from '../lab/lab-folder.ts';
import type { LabNode, LabPlan } from '../lab/lab-plan.ts';
import { installLog } from '../lab/run-node.ts';
import { SerialConsole } from '../lab/serial-console.ts';
import type { LabStatusOptions } from './lab.ts';
import { findLab, type Place } from './lab-place.ts';

const REFRESH_MS = 1_000;
/** Enough of a console's end for its last line. */
const TAIL_BYTES = 4096;

interface Row extends NodeState {
  readonly address?: string;
  readonly lastLine: string;
}

interface Overview {
  readonly lab: string;
  readonly engine: string;
  readonly running: boolean;
  readonly since?: number;
  readonly nodes: readonly Row[];
}

export async function labStatus(options: LabStatusOptions): Promise<void> {
  const place = await findLab(options);
  const { stdout } = process;
  let overview = await look(place);
  if (options.json) {
    stdout.write(`${JSON.stringify(overview, undefined, 2)}\n`);
  } else {
    let lines = show(overview);
    stdout.write(lines);
    while (stdout.isTTY && overview.running && !overview.nodes.every(isSettled)) {
      await pause(REFRESH_MS);
      overview = await look(place);
      const up = lines.split('\n').length - 1;
      lines = show(overview);
      // Back to the first line, and away with what was there (ECMA-48 CPL and ED).
      stdout.write(`\u001b[${up}F\u001b[J${lines}`);
    }
  }
  const well = overview.running && overview.nodes.every(({ phase }) => phase !== 'failed' && phase !== 'off');
  process.exitCode = well ? 0 : 3;
}

async function look({ folder, plan }: Place): Promise<Overview> {
  const state: LabState | undefined = await folder.state();
  const nodes = plan.nodes.map(async (node): Promise<Row> => {
    const known = state?.nodes.find(({ name }) => name === node.name);
    return {
      ...(known ?? { name: node.name, phase: 'queued', since: state?.since ?? Date.now() }),
      ...(node.address === undefined ? {} : { address: node.address }),
      lastLine: await lastLine(node, known),
    };
  });
  return {
    lab: plan.name,
    engine: engineName(plan, state),
    running: (await folder.keeper()) !== undefined,
    ...(state === undefined ? {} : { since: state.since }),
    nodes: await Promise.all(nodes),
  };
}

function engineName({ engine }: LabPlan, state: LabState | undefined): string {
  const kind = state?.engine ?? engine.kind;
  if (kind === 'libvirt' && engine.kind === 'libvirt') return `${engine.uri}, ${engine.acceleration}`;
  return kind === 'qemu' && engine.kind === 'qemu' ? `qemu, ${engine.acceleration}` : kind;
}

async function lastLine({ machine }: LabNode, state: NodeState | undefined): Promise<string> {
  const file = state?.phase === 'installing' ? installLog(machine.consoleLog) : machine.consoleLog;
  const console = new SerialConsole();
  console.feed(await tail(file));
  console.close();
  return console.lines.findLast((line) => line.trim() !== '')?.trim() ?? '';
}

async function tail(file: string): Promise<string> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return '';
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    await handle.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}

function show({ lab, engine, running, since, nodes }: Overview): string {
  const head = running
    ? `${lab} (${engine}), for ${duration(Date.now() - (since ?? Date.now()))}`
    : `${lab} (${engine}) does not run any more; slipway lab down removes it`;
  const rows = [
    ['NODE', 'STATE', 'FOR', 'ADDRESS', ''],
    ...nodes.map((row) => [
      row.name,
      row.phase,
      duration(Date.now() - row.since),
      row.address ?? '-',
      (row.detail ?? row.lastLine).split('\n')[0] ?? '',
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const columns = process.stdout.columns || Number.POSITIVE_INFINITY;
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .slice(0, columns - 1)
      .trimEnd(),
  );
  return `${[head.slice(0, columns - 1), ...lines].join('\n')}\n`;
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
