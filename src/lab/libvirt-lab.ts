/**
 * What a lab has on a libvirt host: machines, a network, volumes. All of it bears the lab's id in its name, so that it
 * can be found and removed by anybody who knows the id, and nothing else is.
 */
import { randomBytes } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { create } from 'xmlbuilder2';
import type { Exec } from '../engine/command.ts';
import { FailedError, MissingError } from '../errors/exit.ts';
import { hashText } from '../host/hash.ts';
import { makeOwnFiles } from './disks.ts';
import type { LabMachineSpec } from './engine.ts';
import type { LibvirtFile } from './libvirt-domain.ts';
import { LibvirtError, type LibvirtPlace, LibvirtSession } from './libvirt-session.ts';

export interface LibvirtLabOptions extends LibvirtPlace {
  /** See {@link newLabId}. */
  readonly id: string;
  /** Storage pool that takes the machines' files; default `default` where machines cannot use ours as they lie there. */
  readonly pool?: string;
}

/** Eight hex digits. */
export const newLabId = (): string => randomBytes(4).toString('hex');

/** Whether libvirt runs on this computer: its URI names no host (https://libvirt.org/uri.html). */
export function isLocal(uri: string): boolean {
  return partsOf(uri).authority === '';
}

/** Whether machines may use our files as they lie there: the system's run as another user, elsewhere they are not. */
const sharesFiles = (uri: string): boolean => isLocal(uri) && partsOf(uri).path !== '/system';

function partsOf(uri: string): { readonly authority: string; readonly path: string } {
  const [, authority, path] = /^[^:]+:\/\/([^/]*)([^?]*)/.exec(uri) ?? [];
  if (authority === undefined || path === undefined) {
    throw new MissingError(`${uri} is no connection of libvirt's`, URI_HINT);
  }
  return { authority, path };
}

const URI_HINT = 'for example --connect qemu:///system, or qemu+ssh://root@host/system';

export class LibvirtLab {
  readonly session: LibvirtSession;
  /** Name of the lab's own network; undefined where libvirt could make none. */
  network: string | undefined;
  readonly #prefix: string;
  readonly #pool: string | undefined;
  readonly #exec: Exec;

  private constructor(session: LibvirtSession, { id, uri, pool }: LibvirtLabOptions, exec: Exec) {
    if (!/^[0-9a-f]{8}$/.test(id)) throw new RangeError(`${id} is no id of a lab`);
    this.session = session;
    this.#prefix = `slipway-${id}`;
    this.#pool = pool ?? (sharesFiles(uri) ? undefined : 'default');
    this.#exec = exec;
  }

  /** @throws {MissingError} when the host does not answer, or has no such pool. */
  static async connect(options: LibvirtLabOptions, exec: Exec): Promise<LibvirtLab> {
    const session = await LibvirtSession.connect(options);
    return new LibvirtLab(session, options, exec);
  }

  /** Whether machines have our files as they lie there. */
  get sharesFiles(): boolean {
    return this.#pool === undefined;
  }

  nameOf(machine: string): string {
    return `${this.#prefix}-${machine}`;
  }

  /**
   * Makes a network that leads nowhere, for the lab's machines to see each other.
   * @throws {MissingError} when libvirt may not, as without root.
   */
  async makeNetwork(): Promise<void> {
    const name = `${this.#prefix}-net`;
    const xml = create({ network: { name, dns: { '@enable': 'no' } } }).end({ headless: true });
    try {
      await this.session.runOn(xml, 'net-create');
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      throw new MissingError(
        `${this.session.place.uri} makes no network for the lab: ${error.message}`,
        'a connection to the system can (qemu:///system), or take --nodes 1',
      );
    }
    this.network = name;
  }

  /** Sees to it that libvirt's host has all files of a machine, and says where. */
  async bring(spec: LabMachineSpec): Promise<(file: string) => LibvirtFile> {
    const { disks, medium, stick, volumes = [] } = spec;
    if (this.#pool === undefined) {
      await makeOwnFiles(spec, this.#exec);
      return (path) => ({ path });
    }
    const pool = this.#pool;
    const media = [medium?.file, stick].filter((file) => file !== undefined);
    const files = [...disks.map(({ file }) => file), ...media, ...volumes];
    for (const file of files) await this.#upload(file, pool);
    return (file) => ({ pool, volume: this.#volumeOf(file) });
  }

  /** Files of one name differ by where they come from; a word, since virsh lists names in columns. */
  #volumeOf(file: string): string {
    return `${this.#prefix}-${hashText(file).slice(0, 8)}-${basename(file).replace(/[^\w.-]/g, '_')}`;
  }

  async #upload(file: string, pool: string): Promise<void> {
    const volume = this.#volumeOf(file);
    if ((await this.#listed('vol-list', pool)).includes(volume)) return;
    const { size } = await stat(file);
    await this.session.run('vol-create-as', pool, volume, `${size}b`, '--format', 'raw', '--allocation', '0');
    await this.session.run('vol-upload', volume, file, '--pool', pool, '--sparse');
  }

  /** Ends and removes all that bears the lab's name. Returns what it was. @throws {FailedError} naming what stays. */
  async clear(): Promise<readonly string[]> {
    const { session } = this;
    const stays: string[] = [];
    const attempt = async (...words: readonly string[]): Promise<void> => {
      await session.run(...words).catch((error: unknown) => stays.push(String(error)));
    };
    const running = await this.#listed('list', '--state-running', '--state-paused', '--name');
    for (const name of running) await attempt('destroy', name);
    const domains = await this.#listed('list', '--all', '--name');
    for (const name of domains) {
      // Only drivers that know such variables know the word for them.
      const hasVariables = /<nvram\b/.test(await session.run('dumpxml', name));
      await attempt('undefine', name, ...(hasVariables ? ['--nvram'] : []));
    }
    const networks = await this.#listed('net-list', '--all', '--name');
    for (const name of networks) await attempt('net-destroy', name);
    const pool = this.#pool;
    const volumes = pool === undefined ? [] : await this.#listed('vol-list', pool);
    for (const name of volumes) await attempt('vol-delete', name, '--pool', pool ?? '');
    if (stays.length > 0) throw new FailedError(`on ${session.place.uri}:\n${stays.join('\n')}`);
    return [...domains, ...networks, ...volumes];
  }

  /** First words of a listing's lines that are the lab's. */
  async #listed(...words: readonly string[]): Promise<readonly string[]> {
    const lines = (await this.session.run(...words)).split('\n');
    const names = lines.map((line) => line.trim().split(/\s+/)[0] ?? '');
    return names.filter((name) => name.startsWith(`${this.#prefix}-`));
  }
}
