/** An installation that tells what it does: the kernel of the ISO with a word more on its command line. */
import { readFile } from 'node:fs/promises';
import type { Exec } from '../../engine/command.ts';
import { MEDIUM } from '../../media/types.ts';
import type { LabKernel, LabMachine } from '../engine.ts';
import { parseEvent } from '../evidence/installer-event.ts';

/** Makes the installer's serial line carry events; docs/installer-configuration.md. */
const EVENTS = 'slipway.events=1';

/**
 * The kernel that the ISO's boot menu starts to install the node, taken out of it. `prefix`: absolute path, to which the
 * names of three files are appended.
 */
export async function installerKernel(
  exec: Exec,
  iso: string,
  node: string,
  prefix: string,
): Promise<LabKernel> {
  const files = { file: `${prefix}vmlinuz`, initrd: `${prefix}initrd`, menu: `${prefix}grub.cfg` };
  const wanted = [
    [MEDIUM.kernel, files.file],
    [MEDIUM.initrd, files.initrd],
    [MEDIUM.grubConfig, files.menu],
  ] as const;
  await exec({
    file: 'xorriso',
    args: [
      ...['-osirrox', 'on', '-indev', iso],
      ...wanted.flatMap(([path, file]) => ['-extract', `/${path}`, file]),
    ],
    effect: 'write',
  });
  const words = kernelArguments(await readFile(files.menu, 'utf8'), node);
  if (words === undefined) throw new Error(`the boot menu of ${iso} has no entry for ${node}`);
  return { file: files.file, initrd: files.initrd, commandLine: `${words} ${EVENTS}` };
}

/** What follows the kernel in the menu's entry for this node. */
export function kernelArguments(menu: string, node: string): string | undefined {
  const entry = menu.split(/^menuentry /m).find((text) => text.includes(`--id='node:${node}'`));
  return /^\s*linux \S+ (.+)$/m.exec(entry ?? '')?.[1];
}

export interface StepEvent {
  readonly id: string;
  readonly state: string;
}

const STEP_EVENT = /"event":"step"/;
const INSTALLED = /slipway: installed /;

/**
 * The installer's next event about a step; undefined once the node is installed.
 * @throws {LabFailure} when there is none before the time is up, or the installer gives up.
 */
export async function nextStepEvent(machine: LabMachine, timeoutMs: number): Promise<StepEvent | undefined> {
  while (true) {
    const line = await machine.waitForLine(new RegExp(`${STEP_EVENT.source}|${INSTALLED.source}`), timeoutMs);
    if (INSTALLED.test(line)) return undefined;
    const event = parseStepEvent(line);
    if (event !== undefined) return event;
  }
}

/** Undefined for everything else that the installer prints. */
export function parseStepEvent(line: string): StepEvent | undefined {
  const event = parseEvent(line);
  return event?.kind === 'step' ? { id: event.id, state: event.state } : undefined;
}
