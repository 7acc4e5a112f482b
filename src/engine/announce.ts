/** Says a line on every console of the machine: the screen, each serial line, and whatever else the kernel uses. */
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface AnnounceOptions {
  /** Begin on a new line, since a login prompt may be standing there; default true. */
  readonly freshLine?: boolean;
  /** Which of the kernel's consoles, by name such as `ttyS0`; default all. */
  readonly only?: (console: string) => boolean;
  /** Consoles to write to although the kernel does not, such as `tty1`; one that is not there is passed over. */
  readonly also?: readonly string[];
  /** Folder of the device files; default `/dev`. */
  readonly devices?: string;
  /** The kernel's list of consoles; default `/sys/class/tty/console/active`. */
  readonly active?: string;
}

/** Milliseconds a console may take to accept a line (a serial line with flow control may never). */
const GIVE_UP_MS = 2_000;
const RETRY_MS = 50;

/** Writes `line` to every console exactly once. Never rejects: a console that is gone must not stop the work. */
export async function announce(line: string, options: AnnounceOptions = {}): Promise<void> {
  const {
    devices = '/dev',
    active = '/sys/class/tty/console/active',
    only = () => true,
    also = [],
  } = options;
  const text = `${(options.freshLine ?? true) ? '\n' : ''}${line}\n`;
  const kernels = consoleNames(await readFile(active, 'utf8').catch(() => ''));
  const consoles = [
    ...kernels,
    ...also.filter((name) => !kernels.some((known) => sameScreen(known, name))),
  ].filter(only);
  await Promise.all(consoles.map((name) => writeConsole(`${devices}/${name}`, text).catch(() => {})));
}

/**
 * Device names for the kernel's list of active consoles. The last of that list is the one behind `/dev/console`
 * (Documentation/ABI/testing/sysfs-tty), so it is not named a second time; without a list it stands for all.
 */
export function consoleNames(active: string): readonly string[] {
  const names = [...new Set(active.split(/\s+/).filter((name) => name !== ''))];
  return names.length === 0 ? ['console'] : names;
}

/** tty0 is whichever virtual terminal is in front: with it on the list, one more on the screen is the same line twice. */
const sameScreen = (known: string, name: string): boolean =>
  known === name || (/^tty\d+$/.test(known) && /^tty\d+$/.test(name)) || known === 'console';

async function writeConsole(path: string, text: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const file = await open(path, flags);
  try {
    let rest = Buffer.from(text);
    for (let waited = 0; rest.length > 0 && waited < GIVE_UP_MS; ) {
      try {
        const { bytesWritten } = await file.write(rest);
        rest = rest.subarray(bytesWritten);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
        await delay(RETRY_MS);
        waited += RETRY_MS;
      }
    }
  } finally {
    await file.close();
  }
}
