/** A {@link Machine} made of a file tree in memory, recorded command outputs and a clock of its own. */
import { posix } from 'node:path';
import { type Command, CommandError, type CommandResult, type Exec } from '../../src/engine/command.ts';
import type { Machine } from '../../src/engine/machine.ts';

export interface FakeMachine extends Machine {
  exec: Exec;
  /** What is in the tree now; tests may change it while the machine is used. */
  readonly files: Map<string, string | Uint8Array>;
  /** Symbolic links: path → absolute target. */
  readonly links: Map<string, string>;
  /** Every command that was run, in order. */
  readonly ran: Command[];
  /** Programs that run beside; they are in `ran` too. */
  readonly held: Command[];
  /** Permission bits of files that were written; others have 0644. All belong to root. */
  readonly modes: Map<string, number>;
  /** Every path that was written, in order. */
  readonly written: string[];
  /** Milliseconds; sleeping moves it. */
  clock: number;
}

/** What a command prints, or what it does to the machine; throw a CommandError to let it fail. */
export type FakeCommand = (
  command: Command,
  machine: FakeMachine,
) => string | Partial<CommandResult> | undefined;

export interface FakeMachineOptions {
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly links?: Readonly<Record<string, string>>;
  /** By program name. A command that is not in here is not installed. */
  readonly commands?: Readonly<Record<string, FakeCommand>>;
  /** Called after every sleep: time passes, the world changes. */
  readonly onSleep?: (machine: FakeMachine) => void;
  readonly clock?: number;
}

export function fakeMachine(options: FakeMachineOptions = {}): FakeMachine {
  const files = new Map(Object.entries(options.files ?? {}));
  const links = new Map(Object.entries(options.links ?? {}));

  const linkOn = (path: string): readonly [string, string] | undefined => {
    for (const link of links) if (path === link[0] || path.startsWith(`${link[0]}/`)) return link;
    return undefined;
  };
  const resolve = (path: string): string => {
    let current = posix.normalize(path);
    for (let hops = 0; hops < 40; hops += 1) {
      const link = linkOn(current);
      if (link === undefined) return current;
      current = posix.normalize(link[1] + current.slice(link[0].length));
    }
    throw new Error(`${path}: too many links`);
  };
  /** The names in a folder. */
  const namesIn = (folder: string): Set<string> => {
    const names = new Set<string>();
    const prefix = `${folder}/`;
    for (const paths of [files, links])
      for (const path of paths.keys())
        if (path.startsWith(prefix)) names.add(path.slice(prefix.length).replace(/\/.*$/, ''));
    return names;
  };
  const isThere = (path: string): boolean => files.has(path) || namesIn(path).size > 0;

  const machine: FakeMachine = {
    files,
    links,
    ran: [],
    held: [],
    written: [],
    modes: new Map(),
    clock: options.clock ?? Date.parse('2026-01-02T03:04:05Z'),

    async exec(command, onLine) {
      machine.ran.push(command);
      const fake = options.commands?.[command.file];
      if (fake === undefined) throw new CommandError(command, 'not-found', undefined, '');
      const said = fake(command, machine) ?? '';
      const given = typeof said === 'string' ? { stdout: said } : said;
      const result: CommandResult = { stdout: '', stderr: '', exitCode: 0, durationMs: 1, ...given };
      for (const line of `${result.stdout}${result.stderr}`.split('\n')) if (line !== '') onLine?.(line);
      if (!(command.accept ?? [0]).includes(result.exitCode)) {
        throw new CommandError(command, 'exit', result.exitCode, result.stderr);
      }
      return result;
    },
    async hold(command) {
      await machine.exec(command);
      machine.held.push(command);
      return {
        async release() {
          machine.held.splice(machine.held.indexOf(command), 1);
        },
      };
    },
    async readFile(path) {
      const content = files.get(resolve(path));
      return content === undefined || typeof content === 'string' ? content : Buffer.from(content).toString();
    },
    async readBytes(path, offset, length) {
      const content = files.get(resolve(path));
      if (content === undefined) throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
    async writeFile(path, content, mode = 0o644) {
      files.set(resolve(path), content);
      machine.modes.set(resolve(path), mode);
      machine.written.push(path);
    },
    exists: async (path) => isThere(resolve(path)),
    stat: async (path) =>
      isThere(resolve(path))
        ? { mode: machine.modes.get(resolve(path)) ?? 0o644, uid: 0, gid: 0 }
        : undefined,
    list: async (path) => [...namesIn(resolve(path))].sort(),
    async realPath(path) {
      const real = resolve(path);
      return isThere(real) ? real : undefined;
    },
    now: () => machine.clock,
    async sleep(ms) {
      machine.clock += ms;
      options.onSleep?.(machine);
    },
  };
  return machine;
}

/** Files of one array in sysfs; `members` are device names with their slots and states. */
export function arrayFiles(
  device: string,
  facts: {
    readonly degraded?: number;
    readonly action?: string;
    readonly resyncStart?: string;
    readonly state?: string;
    readonly completed?: string;
    readonly speed?: string;
    readonly disks?: number;
    readonly members?: Readonly<Record<string, readonly [slot: string, state: string]>>;
  } = {},
): Record<string, string> {
  const folder = `/sys/block/${device}/md`;
  const { members = { sda1: ['0', 'in_sync'], sdb1: ['1', 'in_sync'] } } = facts;
  const files: Record<string, string> = {
    [`/dev/${device}`]: '',
    [`${folder}/level`]: 'raid1\n',
    [`${folder}/metadata_version`]: '1.0\n',
    [`${folder}/array_state`]: `${facts.state ?? 'clean'}\n`,
    [`${folder}/raid_disks`]: `${facts.disks ?? 2}\n`,
    [`${folder}/degraded`]: `${facts.degraded ?? 0}\n`,
    [`${folder}/sync_action`]: `${facts.action ?? 'idle'}\n`,
    [`${folder}/resync_start`]: `${facts.resyncStart ?? 'none'}\n`,
    [`${folder}/sync_completed`]: `${facts.completed ?? 'none'}\n`,
    [`${folder}/sync_speed`]: `${facts.speed ?? 'none'}\n`,
  };
  for (const [member, [slot, state]] of Object.entries(members)) {
    files[`${folder}/dev-${member}/slot`] = `${slot}\n`;
    files[`${folder}/dev-${member}/state`] = `${state}\n`;
  }
  return files;
}
