/** What DRBD says about itself. */
import type { Machine } from '../../src/engine/machine.ts';

export interface DrbdState {
  /** `Connected`, `Connecting`, `StandAlone` …; `Unconfigured` when it was not asked to connect. */
  readonly connection: string;
  readonly role: string;
  readonly peerRole: string;
  /** State of the data here: `UpToDate`, `Inconsistent`, `Diskless` … */
  readonly disk: string;
  readonly peerDisk: string;
  /** Percent of a running synchronisation. */
  readonly done?: number;
}

/**
 * The state of a resource with one peer; undefined when the kernel has none of that name. drbdadm translates for 8.4 and
 * 9 alike.
 */
export async function readDrbd(machine: Machine, resource: string): Promise<DrbdState | undefined> {
  const { stdout, exitCode } = await machine.exec({
    file: 'drbdsetup',
    args: ['status', resource, '--verbose'],
    effect: 'read',
    // 10: there is no such resource, or the module is not loaded. 20: the module of 8.4 is not loaded.
    accept: [0, 10, 20],
  });
  return exitCode === 0 ? parseDrbdStatus(stdout) : undefined;
}

/** From `drbdsetup status --verbose`: a block of `key:value` words for this node, one for the peer. */
export function parseDrbdStatus(text: string): DrbdState | undefined {
  const at = text.search(/\bconnection:/);
  const own = at === -1 ? text : text.slice(0, at);
  const peer = at === -1 ? '' : text.slice(at);
  const word = (part: string, key: string): string | undefined =>
    new RegExp(`(?:^|\\s)${key}:(\\S+)`).exec(part)?.[1];
  const role = word(own, 'role');
  if (role === undefined) return undefined;
  const done = word(peer, 'done');
  return {
    // Attached and nothing more: StandAlone is said of a connection that was broken off.
    connection: word(peer, 'connection') ?? 'Unconfigured',
    role,
    peerRole: word(peer, 'role') ?? 'Unknown',
    disk: word(own, 'disk') ?? 'Diskless',
    peerDisk: word(peer, 'peer-disk') ?? 'DUnknown',
    ...(done === undefined ? {} : { done: Number(done) }),
  };
}

/** Not asked to connect; or broken off: DRBD 8.4 says no more of it after a split brain, where 9 says `StandAlone`. */
export const isUnconnected = (state: DrbdState): boolean => state.connection === 'Unconfigured';

export const isSynchronised = (state: DrbdState | undefined): boolean =>
  state?.connection === 'Connected' && state.disk === 'UpToDate' && state.peerDisk === 'UpToDate';

/** Neither side has ever had valid data, and they see each other. */
export const isUntouched = (state: DrbdState | undefined): boolean =>
  state?.connection === 'Connected' && state.disk === 'Inconsistent' && state.peerDisk === 'Inconsistent';

export const describeDrbd = (state: DrbdState | undefined): string =>
  state === undefined
    ? 'not started'
    : `${state.connection}, ${state.role}/${state.peerRole}, ${state.disk}/${state.peerDisk}`;

/** UUID_JUST_CREATED of DRBD: what metadata holds until data was written for the first time. */
export const JUST_CREATED = '0000000000000004';

/** The current generation identifier of the data here, 16 hex digits; undefined when it cannot be read. */
export async function readGeneration(machine: Machine, resource: string): Promise<string | undefined> {
  const { stdout, exitCode } = await machine.exec({
    file: 'drbdadm',
    args: ['get-gi', resource],
    effect: 'read',
    accept: [0, 1, 5, 10, 20, 255],
  });
  if (exitCode !== 0) return undefined;
  return /\b([0-9A-F]{16}):/i.exec(stdout)?.[1]?.toUpperCase();
}

/** Whether two generations are of the same data: the lowest bit only says who is primary. */
export const sameGeneration = (a: string, b: string): boolean =>
  (BigInt(`0x${a}`) | 1n) === (BigInt(`0x${b}`) | 1n);
