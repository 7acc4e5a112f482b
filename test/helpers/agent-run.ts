/** Runs of the agent on a node in memory. */
import { type RunVerdict, runAgent } from '../../postinstall/run.ts';
import { LAYOUT_RECORD_PATH } from '../../src/storage/layout-record.ts';
import { recordLayout } from '../../src/storage/record-layout.ts';
import { type InstalledNode, installedNode, PLAN } from './installed-node.ts';

export const BUILT_AT = Date.parse('2026-01-01');

/** An installed node with the record of its layout, on which the process that runs is there. */
export async function recordedNode(
  options: Parameters<typeof installedNode>[0] = {},
): Promise<InstalledNode> {
  const machine = installedNode(options);
  machine.files.set(LAYOUT_RECORD_PATH, JSON.stringify(await recordLayout(machine, PLAN)));
  machine.files.set(`/proc/${process.pid}/stat`, '');
  return machine;
}

export interface AgentRun {
  readonly verdict: RunVerdict;
  readonly progress: readonly string[];
  readonly said: readonly string[];
}

/** One run, and what it said. */
export async function runRecorded(
  machine: InstalledNode,
  {
    stop = new AbortController(),
    ...more
  }: { readonly only?: string; readonly mayRestart?: boolean; readonly stop?: AbortController } = {},
): Promise<AgentRun> {
  const progress: string[] = [];
  const said: string[] = [];
  const verdict = await runAgent({
    machine,
    given: { builtAt: BUILT_AT },
    signal: stop.signal,
    outlets: { progress: (line) => void progress.push(line), verdict: async (line) => void said.push(line) },
    ...more,
  });
  return { verdict, progress, said };
}
