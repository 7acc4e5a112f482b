/** `slipway lab keep`: the process behind a lab, started by `lab up` inside the lab's own namespaces. */
import { createInterface } from 'node:readline';
import { FailedError } from '../errors/exit.ts';
import { keepLab } from '../lab/keeper.ts';
import { LabFolder } from '../lab/lab-folder.ts';

export async function labKeep({
  dir,
  sockets,
}: {
  readonly dir: string;
  readonly sockets: string;
}): Promise<void> {
  // `lab up` says so once it has written down who we are: before that nobody could find and end us.
  for await (const _ of createInterface({ input: process.stdin })) {
    return keepLab(new LabFolder(dir), sockets);
  }
  throw new FailedError('lab up has ended before it wrote down who keeps the lab');
}
