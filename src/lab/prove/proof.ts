/** What a proof consists of: cells of a grid, and those that start from one and the same installation. */
import type { InstalledComputer } from './computer.ts';
import type { Stage } from './stage.ts';

/** An installation, or a start or two: 50 to 180 s were measured on one core of an EPYC. */
const USUAL_SECONDS = 80;

/** A cell before anything is known about it. */
export interface PlannedCell {
  /** Unique in a run, and what `--only` takes: `boot-matrix/uefi-cd/disk-1-alone`. */
  readonly id: string;
  readonly proof: string;
  readonly row: string;
  readonly column: string;
  /** The cell of the same group whose outcome this one starts from: it is carried out before, wanted or not. */
  readonly after?: string;
  /** About how long it takes where machines are emulated; default {@link USUAL_SECONDS}. */
  readonly seconds?: number;
  /**
   * Returns once it is shown.
   * @throws {LabFailure}, {@link Disproof} when it is not so; {@link NotApplicable} when there is nothing to show.
   */
  prove(stage: Stage): Promise<void>;
}

/** Cells on one computer, in their order. */
export interface ProofGroup {
  readonly computer: InstalledComputer;
  readonly cells: readonly PlannedCell[];
  /** Computers that run at the same time; default 1. */
  readonly machines?: number;
  /** Brings the computer to where its cells start from; before the first of them that is wanted. */
  prepare?(stage: Stage): Promise<void>;
}

/** About how long the group takes by itself. */
export const expectedSeconds = ({ cells }: ProofGroup): number =>
  cells.reduce((total, { seconds = USUAL_SECONDS }) => total + seconds, 0);

/** It was looked at, and it is not so. */
export class Disproof extends Error {
  /** What shows it, a few lines. */
  readonly lines: readonly string[];

  constructor(message: string, lines: readonly string[] = []) {
    super(message);
    this.name = 'Disproof';
    this.lines = lines;
  }
}

/** There is nothing here that this proof could be about. */
export class NotApplicable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotApplicable';
  }
}
