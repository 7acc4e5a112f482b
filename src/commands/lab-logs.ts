/** `slipway lab logs`. */
import { createReadStream, existsSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { installerLog } from '../lab/log-volume.ts';
import { installLog } from '../lab/run-node.ts';
import type { LabOptions, Usage } from './lab.ts';
import { findLab, findNode } from './lab-place.ts';

export async function labLogs(name: string | undefined, options: LabOptions, usage: Usage): Promise<void> {
  const place = await findLab(options);
  const nodes = name === undefined ? place.plan.nodes : [findNode(place, name, usage)];
  const files = nodes
    .flatMap(({ machine }) => [
      installLog(machine.consoleLog),
      installerLog(machine.consoleLog),
      machine.consoleLog,
    ])
    .filter((file) => existsSync(file));
  for (const file of files) {
    if (files.length > 1) process.stdout.write(`==> ${file} <==\n`);
    await pipeline(createReadStream(file), process.stdout, { end: false });
    process.stdout.write('\n');
  }
}
