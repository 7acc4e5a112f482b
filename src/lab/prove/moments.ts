/** The disks of a running machine as a power cut at one moment would leave them. */
import { type Image, rawImage } from '../disks.ts';
import type { LabDisk, LabMachine } from '../engine.ts';
import type { Stage } from './stage.ts';

/** In the order of the machine's disks. */
export type Moment = readonly Image[];

/** Takes moments of one machine, one after the other. */
export class Moments {
  readonly #stage: Stage;
  readonly #series: string;
  /** What is written to at present. */
  #active: Moment;
  #taken = 0;

  /** For a machine that was switched on with the disks of the stage. `series` tells its files from others. */
  constructor(stage: Stage, series: string) {
    this.#stage = stage;
    this.#series = series;
    this.#active = stage.disks.map(({ file }) => rawImage(file));
  }

  async take(machine: LabMachine): Promise<Moment> {
    if (machine.freezeDisks === undefined) throw new Error('this engine cannot keep disks as they are');
    const moment = this.#active;
    const number = ++this.#taken;
    const next = moment.map(
      (_, i): Image => ({
        file: this.#stage.keep(`${this.#series}-${number}-disk${i + 1}.qcow2`),
        format: 'qcow2',
      }),
    );
    await machine.freezeDisks(next.map(({ file }) => file));
    this.#active = next;
    return moment;
  }
}

/** The disks of the stage as they were; what is written to them is gone with the cell. */
export const disksAt = (stage: Stage, moment: Moment): Promise<readonly LabDisk[]> =>
  Promise.all(stage.disks.map((disk, i) => stage.overlay(disk, moment[i])));
