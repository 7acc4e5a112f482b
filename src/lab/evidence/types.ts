/**
 * What a lab has seen: pure JSON, in times relative to its beginning. Proofs write it, the report draws it.
 *
 * Kept as `<report>/run.json`; files it names lie beside it.
 */

export const EVIDENCE_VERSION = 1;

export interface Run {
  readonly version: typeof EVIDENCE_VERSION;
  /** What was run, as it is typed: `slipway lab prove examples/standalone-raid1.yaml`. */
  readonly command: string;
  /** What a reader has to know before everything else: that this is an example, for instance. */
  readonly note?: string;
  readonly cluster: string;
  /** SHA-256 (hex) of the plan. */
  readonly plan: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Seconds; undefined while it runs. */
  readonly seconds?: number;
  readonly iso?: { readonly name: string; readonly sha256: string };
  /** One line: processor, cores, memory, kernel, KVM or TCG. */
  readonly machine: string;
  /** Programs by name, Slipway's own first. */
  readonly versions: Readonly<Record<string, string>>;
  readonly nodes: readonly NodeEvidence[];
  readonly cells: readonly Cell[];
}

/** One node's way from an empty disk to `complete`. */
export interface NodeEvidence {
  readonly name: string;
  readonly disks: readonly DiskMap[];
  readonly spans: readonly Span[];
  /** File of its serial console. */
  readonly console?: string;
}

export interface DiskMap {
  readonly name: string;
  readonly sizeMiB: number;
  /** In on-disk order. */
  readonly partitions: readonly { readonly name: string; readonly role: string; readonly sizeMiB: number }[];
}

/** A step's time on a node. */
export interface Span {
  readonly by: 'lab' | 'installer' | 'agent';
  readonly step: string;
  readonly title: string;
  /** Seconds since the run began. */
  readonly from: number;
  /** Seconds since the run began; undefined while it runs. */
  readonly to?: number;
  readonly outcome?: 'already-done' | 'changed' | 'failed';
}

export type Verdict = 'passed' | 'failed' | 'running' | 'not-run';

/** One proof on one start: a cell of the grid. */
export interface Cell {
  /** Unique in the run, and what `--only` takes: `boot-matrix/uefi-cd/disk-1-alone`. */
  readonly id: string;
  /** Names the grid: `boot-matrix`. */
  readonly proof: string;
  /** Names the row, for people: `UEFI, CD`. */
  readonly row: string;
  /** Names the column, for people: `disk 1 alone`. */
  readonly column: string;
  readonly verdict: Verdict;
  /** Why it failed, or why it was not run. */
  readonly message?: string;
  /** Seconds since the run began, and how long it took. */
  readonly from?: number;
  readonly seconds?: number;
  /** What of the console shows it, a few lines. */
  readonly excerpt?: string;
  /** Files beside the run's. */
  readonly console?: string;
  readonly screenshot?: string;
  /** Runs this cell alone, as it is typed. */
  readonly repeat: string;
}
