import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { LabMachine, LabMachineSpec } from '../../src/lab/engine.ts';
import { MachineDesk } from '../../src/lab/machine-desk.ts';
import { scriptedEngine } from '../helpers/scripted-engine.ts';

const SPEC: LabMachineSpec = {
  ...{ name: 'node-a', memoryMiB: 1, cpus: 1, firmware: 'bios', disks: [], nics: [] },
  consoleLog: '/nowhere',
};

describe('the machines of a lab', () => {
  const engine = scriptedEngine(() => []).create({});

  it('are all ended, also one that is only being started', async () => {
    const desk = new MachineDesk();
    const ended: string[] = [];
    const put = async (name: string, whenEnded: () => void): Promise<void> => {
      const machine: LabMachine = await engine.start({ ...SPEC, name });
      const end = async (): Promise<void> => {
        await machine.end();
        ended.push(name);
        whenEnded();
      };
      desk.put('node-a', { ...machine, end });
    };
    await put('first', () => undefined);
    let isOver: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      isOver = resolve;
    });
    const all = desk.endAll(over);
    await pause(10);
    await put('second', isOver);
    await all;
    assert.deepEqual([...new Set(ended)], ['first', 'second']);
  });

  it('are told from nodes that have none yet', () => {
    assert.throws(() => new MachineDesk().attach('node-a'), /node-a has not been started yet/);
  });
});
