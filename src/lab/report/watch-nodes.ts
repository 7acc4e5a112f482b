/** What a lab that runs has to show: steps told from consoles as they grow, and how far each node is. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { ConsoleSpans } from '../evidence/console-spans.ts';
import type { DiskMap, NodeEvidence, Run, Span } from '../evidence/types.ts';
import { isSettled, type LabFolder, type NodeState } from '../lab-folder.ts';
import type { LabNode, LabPlan } from '../lab-plan.ts';
import { installLog } from '../run-node.ts';
import { SerialConsole } from '../serial-console.ts';
import { NO_MATERIAL } from './material.ts';
import { secondsSince } from './report.ts';
import { type PageView, pageView } from './view.ts';

/** Characters of a console that are kept. */
const KEPT = 64 * 1024;
/** Bytes read at once; what is more follows with the next look. */
const CHUNK_BYTES = 256 * 1024;

/** What is known of a lab beside what can be seen. */
export type LabFacts = Omit<Run, 'version' | 'nodes' | 'cells' | 'seconds'> & {
  /** By node. */
  readonly disks: ReadonlyMap<string, readonly DiskMap[]>;
};

export class NodeWatch {
  readonly #folder: LabFolder;
  readonly #facts: LabFacts;
  readonly #nodes: readonly WatchedNode[];

  constructor(folder: LabFolder, plan: LabPlan, facts: LabFacts) {
    this.#folder = folder;
    this.#facts = facts;
    this.#nodes = plan.nodes.map((node) => new WatchedNode(node));
  }

  /** Everything seen so far. Times of steps are those of the looks at which their lines were there. */
  async look(): Promise<PageView> {
    const { disks, ...facts } = this.#facts;
    const state = await this.#folder.state();
    const begun = Date.parse(facts.startedAt);
    const now = secondsSince({ startedAt: facts.startedAt });
    for (const node of this.#nodes) {
      const known = state?.nodes.find(({ name }) => name === node.name);
      if (known !== undefined) node.entered(known, begun);
      await node.read(now);
    }
    const nodes = this.#nodes.map((node) => node.evidence(disks.get(node.name) ?? []));
    const consoles = new Map(this.#nodes.map((node) => [node.console, node.text]));
    return pageView({ version: 1, ...facts, nodes, cells: [] }, { ...NO_MATERIAL, consoles }, now);
  }
}

class WatchedNode {
  readonly name: string;
  readonly console: string;
  readonly #logs: readonly GrowingFile[];
  readonly #steps = new ConsoleSpans();
  readonly #phases: Span[] = [];
  #text = '';
  #now = 0;
  readonly #serial = new SerialConsole((line) => this.#steps.line(line.trim(), this.#now));

  constructor({ name, machine: { consoleLog } }: LabNode) {
    this.name = name;
    this.console = join(name, 'console.log');
    // The installation comes first, and has ended when the other one begins.
    this.#logs = [installLog(consoleLog), consoleLog].map((file) => new GrowingFile(file));
  }

  get text(): string {
    return this.#text;
  }

  /** `begun`: when the lab began, milliseconds since the epoch. */
  entered(state: NodeState, begun: number): void {
    const { phase, since, detail } = state;
    const from = Math.max(0, (since - begun) / 1000);
    const last = this.#phases.at(-1);
    if (last?.step === phase && last.from === from) return;
    if (last !== undefined && last.to === undefined) {
      this.#phases[this.#phases.length - 1] = { ...last, to: Math.max(last.from, from), outcome: 'changed' };
    }
    const title = detail === undefined ? phase : `${phase}: ${detail.split('\n')[0] ?? ''}`;
    const span: Span = { by: 'lab', step: phase, title, from };
    if (!isSettled(state)) this.#phases.push(span);
    else this.#phases.push({ ...span, to: from, outcome: phase === 'failed' ? 'failed' : 'changed' });
  }

  /** Takes in what the consoles have printed meanwhile. */
  async read(now: number): Promise<void> {
    this.#now = now;
    for (const log of this.#logs) {
      const grown = await log.read();
      if (grown === '') continue;
      this.#text = (this.#text + grown).slice(-KEPT);
      this.#serial.feed(grown);
    }
  }

  evidence(disks: readonly DiskMap[]): NodeEvidence {
    const spans = [...this.#phases, ...this.#steps.spans].sort((a, b) => a.from - b.from);
    return { name: this.name, disks, spans, console: this.console };
  }
}

/** A file that others write to: read on from where the last reading ended. */
class GrowingFile {
  readonly #file: string;
  readonly #decoder = new StringDecoder('utf8');
  #offset = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Empty when there is nothing new, or no file. */
  async read(): Promise<string> {
    const handle = await open(this.#file).catch(() => undefined);
    if (handle === undefined) return '';
    try {
      const { size } = await handle.stat();
      // Shorter than it was: a machine has begun it anew.
      if (size < this.#offset) this.#offset = 0;
      const buffer = Buffer.alloc(Math.min(size - this.#offset, CHUNK_BYTES));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.#offset);
      this.#offset += bytesRead;
      return this.#decoder.write(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  }
}
