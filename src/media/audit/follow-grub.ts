/**
 * Follows a GRUB configuration as GRUB would: variables, `search`, `source` and `configfile`, up to the menu. Nothing
 * is executed; of `if` every branch is taken, and a file that is not there is passed over, which is what the
 * conditions of boot menus ask about.
 */

import { escapeLabel } from '../menu/arguments.ts';
import { readGrubMenu } from '../menu/grub.ts';
import { type GrubCommand, parseGrub } from '../menu/grub-syntax.ts';
import type { Menu, MenuEntry } from '../menu/types.ts';
import type { AuditEntry, BootVolume, ConfigPlace, FileReference, FollowedConfig } from './types.ts';
import { placeOf } from './types.ts';

export interface GrubSurroundings {
  readonly disc: BootVolume;
  /** The FAT image GRUB was started from, under UEFI. */
  readonly fat: BootVolume | undefined;
  /** What `search --fs-uuid` finds the disc by: `2026-01-01-00-00-00-00`. */
  readonly discUuid: string;
}

/** What may stand before a command without changing what it does. */
const RESERVED = ['then', 'else', 'do', '!'];
/** Longer chains of configurations are rings. */
const MOST_TEXTS = 16;

/** @throws {InputError} for text that is no GRUB configuration. */
export async function followGrub(start: ConfigPlace, around: GrubSurroundings): Promise<FollowedConfig> {
  const follower = new Follower(start, around);
  await follower.run(start);
  return follower.result(start);
}

type Complaint = FollowedConfig['complaints'][number];

class Follower {
  readonly #around: GrubSurroundings;
  readonly #variables: Map<string, string>;
  readonly #texts: { readonly place: string; readonly text: string }[] = [];
  readonly #complaints: Complaint[] = [];
  readonly #entries: AuditEntry[] = [];
  #menu: Menu | undefined;
  /** A `configfile` has taken over; what stands behind it is not reached. */
  #left = false;

  constructor(start: ConfigPlace, around: GrubSurroundings) {
    this.#around = around;
    const folder = start.path.replace(/\/?[^/]*$/, '');
    this.#variables = new Map([
      ['root', start.volume.name],
      ['prefix', `(${start.volume.name})/${folder}`],
      ['cmdpath', `(${(around.fat ?? around.disc).name})/EFI/BOOT`],
    ]);
  }

  async run(place: ConfigPlace): Promise<void> {
    const name = placeOf(place);
    if (this.#texts.length >= MOST_TEXTS || this.#texts.some((each) => each.place === name)) {
      this.#complain('menus', `${name} leads back to itself`);
      return;
    }
    // Latin-1, one character a byte, as the menus are read everywhere.
    const text = Buffer.from((await place.volume.read(place.path)) ?? '').toString('latin1');
    this.#texts.push({ place: name, text });
    for (const command of parseGrub(text, name)) {
      if (this.#left) return;
      await this.#obey(command);
    }
    const menu = readGrubMenu(text, name);
    if (menu.entries.length === 0) return;
    this.#menu = menu;
    for (const entry of menu.entries) {
      if (entry.kernel !== undefined)
        this.#entries.push(await this.#entry(entry, entry === menu.defaultEntry, name));
    }
  }

  result(start: ConfigPlace): FollowedConfig {
    if (this.#entries.length === 0) this.#complain('menus', 'it leads to no entry that starts a kernel');
    const chosen = this.#menu?.defaultEntry;
    return {
      place: placeOf(start),
      texts: this.#texts,
      entries: this.#entries,
      defaultElsewhere: chosen !== undefined && chosen.kernel === undefined ? chosen.title : undefined,
      timeoutSeconds: this.#menu?.timeoutSeconds,
      complaints: this.#complaints,
    };
  }

  async #obey(command: GrubCommand): Promise<void> {
    const all = command.words.map(({ value }) => this.#expand(value));
    // `then source FILE` stands on one line with what it belongs to.
    const words = all.slice(all.findIndex((word) => !RESERVED.includes(word)));
    const name = words[0] ?? '';
    const assigned = /^(\w+)=(.*)$/s.exec(words[name === 'set' ? 1 : 0] ?? '');
    if (assigned !== null) this.#variables.set(assigned[1] ?? '', assigned[2] ?? '');
    else if (/^search(\.|$)/.test(name)) await this.#search(words);
    else if (['configfile', 'source', '.', 'normal'].includes(name) && words[1] !== undefined) {
      await this.#goOn(name, words[1]);
    }
  }

  async #goOn(name: string, target: string): Promise<void> {
    const { volume, path } = this.#resolve(target);
    if (volume === undefined || !(await volume.has(path))) {
      // `source` of a file that may be there is a custom of its own; a configfile is where the menu is.
      if (name === 'configfile') this.#complain('menus', `it goes on in ${target}, which is not there`);
      return;
    }
    await this.run({ volume, path });
    if (name === 'configfile') this.#left = true;
  }

  /** Sets its variable to where it finds something, and otherwise leaves it, as GRUB does. */
  async #search(words: readonly string[]): Promise<void> {
    const wanted = parseSearch(words);
    if (wanted === undefined) return;
    const found = await this.#find(wanted);
    if (found !== undefined) this.#variables.set(wanted.variable, found.name);
    else
      this.#complain(
        wanted.by === 'label' ? 'labels' : 'menus',
        `it searches for ${wanted.by} '${wanted.what}', which is not on this medium`,
      );
  }

  async #find({ by, what }: Search): Promise<BootVolume | undefined> {
    const { disc, fat, discUuid } = this.#around;
    if (by === 'file') {
      if (await disc.has(what)) return disc;
      return fat !== undefined && (await fat.has(what)) ? fat : undefined;
    }
    if (by === 'uuid') return what === discUuid ? disc : undefined;
    if (what === disc.label) return disc;
    if (what !== escapeLabel(disc.label ?? '')) return undefined;
    this.#complaints.push({
      check: 'labels',
      severity: 'warning',
      message: `it searches for the label as the kernel writes it, '${what}', which only a vendor's GRUB may find`,
    });
    return disc;
  }

  async #entry(entry: MenuEntry, isDefault: boolean, place: string): Promise<AuditEntry> {
    return {
      place,
      title: entry.title,
      submenus: entry.submenus,
      isDefault,
      kernel: await this.#file(entry.kernel?.value ?? ''),
      initrds: await Promise.all(entry.initrds.map((path) => this.#file(path))),
      args: entry.args.map(({ value }) => this.#expand(value)),
    };
  }

  async #file(word: string): Promise<FileReference> {
    const { volume, path, device } = this.#resolve(this.#expand(word));
    return {
      place: `${volume?.name ?? device}:/${path}`,
      path,
      onDisc: volume === this.#around.disc,
      exists: volume !== undefined && (await volume.has(path)),
    };
  }

  /** `(device)/path`; without a device `$root` is meant. */
  #resolve(target: string) {
    const parts = /^(?:\(([^)]*)\))?\/*(.*)$/s.exec(target);
    const device = parts?.[1] ?? this.#variables.get('root') ?? '';
    const { disc, fat } = this.#around;
    const volume = [disc, fat].find((each) => each?.name === device) ?? (device === 'cd0' ? disc : undefined);
    return { volume, device, path: parts?.[2] ?? '' };
  }

  #expand(word: string): string {
    return word.replace(
      /\$(?:\{(\w+)\}|(\w+))/g,
      (_, braced?: string, bare?: string) => this.#variables.get(braced ?? bare ?? '') ?? '',
    );
  }

  #complain(check: Complaint['check'], message: string): void {
    this.#complaints.push({ check, severity: 'failure', message });
  }
}

interface Search {
  readonly by: 'label' | 'file' | 'uuid';
  readonly what: string;
  readonly variable: string;
}

const SEARCH_OPTIONS: Readonly<Record<string, Search['by']>> = {
  '-l': 'label',
  '--label': 'label',
  '--fs-label': 'label',
  '-f': 'file',
  '--file': 'file',
  '-u': 'uuid',
  '--fs-uuid': 'uuid',
  'search.fs_label': 'label',
  'search.file': 'file',
  'search.fs_uuid': 'uuid',
};

/** `search --no-floppy --set=root -l LABEL`, `search.file /name root`; undefined when it searches for something else. */
function parseSearch([name = '', ...words]: readonly string[]): Search | undefined {
  const plain: string[] = [];
  let by = SEARCH_OPTIONS[name] ?? 'file';
  let variable: string | undefined;
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    const next = words[i + 1];
    if (SEARCH_OPTIONS[word] !== undefined) by = SEARCH_OPTIONS[word] ?? by;
    else if (word.startsWith('--set=')) variable = word.slice(6);
    // `--set` takes the next word for its variable only if another one follows to be searched for.
    else if (word === '-s' || word === '--set') {
      if (next !== undefined && /^\w+$/.test(next) && words[i + 2] !== undefined) {
        variable = next;
        i += 1;
      } else variable = 'root';
    } else if (word.startsWith('-')) continue;
    else plain.push(word);
  }
  const [what, named] = plain;
  if (what === undefined) return undefined;
  return { by, what, variable: variable ?? (name.includes('.') ? (named ?? 'root') : 'root') };
}
