/** Keeps `run.json` true while proofs run: either the state before a change or the one after it, never half of one. */
import { join } from 'node:path';
import { writeFileAtomically } from '../../host/atomic.ts';
import type { Cell, NodeEvidence, Run } from '../evidence/types.ts';

export const RUN_FILE = 'run.json';

type Finding = Pick<Cell, 'verdict' | 'message' | 'from' | 'seconds' | 'excerpt' | 'console' | 'screenshot'>;

export class EvidenceBook {
  readonly #file: string;
  readonly #begun: number;
  #run: Run;
  #writing: Promise<void> = Promise.resolve();

  /** `dir`: the report's folder, absolute. `begun`: milliseconds since the epoch. */
  constructor(dir: string, begun: number, run: Run) {
    this.#file = join(dir, RUN_FILE);
    this.#begun = begun;
    this.#run = run;
  }

  get run(): Run {
    return this.#run;
  }

  /** Seconds since the run began, to a tenth. */
  now(): number {
    return Math.round((Date.now() - this.#begun) / 100) / 10;
  }

  /** What is known about a cell; keys that are not given are no longer. */
  note(id: string, finding: Finding): Cell | undefined {
    const cells = this.#run.cells.map((cell) => {
      if (cell.id !== id) return cell;
      const { proof, row, column, repeat } = cell;
      return { id, proof, row, column, repeat, ...finding };
    });
    this.#change({ cells });
    return cells.find((cell) => cell.id === id);
  }

  /** Adds a node's evidence, or takes the place of what was there under this name. */
  node(evidence: NodeEvidence): void {
    const others = this.#run.nodes.filter(({ name }) => name !== evidence.name);
    this.#change({ nodes: [...others, evidence] });
  }

  /** Nothing will change any more. */
  finish(): void {
    this.#change({ seconds: this.now() });
  }

  /** Resolves when all of it is on the disk. @throws what kept it from being written. */
  written(): Promise<void> {
    return this.#writing;
  }

  #change(change: Partial<Run>): void {
    this.#run = { ...this.#run, ...change };
    const text = `${JSON.stringify(this.#run, undefined, 1)}\n`;
    const next = this.#writing.then(() => writeFileAtomically(this.#file, text));
    this.#writing = next;
    // Told by `written`; a chain nobody waits for yet must not end the process.
    next.catch(() => undefined);
  }
}
