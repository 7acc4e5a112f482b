/** An isolinux configuration with its files looked up: relative names belong to the folder of the configuration. */

import { readIsolinuxMenu } from '../menu/isolinux.ts';
import type { MenuEntry } from '../menu/types.ts';
import type { AuditEntry, ConfigPlace, FileReference, FollowedConfig } from './types.ts';
import { placeOf } from './types.ts';

/** @throws {InputError} for text that is no such configuration. */
export async function followIsolinux(config: ConfigPlace): Promise<FollowedConfig> {
  const { volume, path } = config;
  const place = placeOf(config);
  const text = Buffer.from((await volume.read(path)) ?? '').toString('latin1');
  const menu = readIsolinuxMenu(text, place);
  const folder = path.replace(/[^/]*$/, '');
  const file = async (word: string): Promise<FileReference> => {
    const full = word.startsWith('/') ? word.replace(/^\/+/, '') : `${folder}${word}`;
    return { place: `${volume.name}:/${full}`, path: full, onDisc: true, exists: await volume.has(full) };
  };
  const view = async (entry: MenuEntry): Promise<AuditEntry> => ({
    place,
    title: entry.title,
    submenus: entry.submenus,
    isDefault: entry === menu.defaultEntry,
    kernel: await file(entry.kernel?.value ?? ''),
    initrds: await Promise.all(entry.initrds.map(file)),
    args: entry.args.map(({ value }) => value).filter((word) => !word.startsWith('initrd=')),
  });
  const entries = await Promise.all(menu.entries.filter(({ kernel }) => kernel !== undefined).map(view));
  const chosen = menu.defaultEntry;
  const message = 'it has no entry that starts a kernel';
  return {
    place,
    texts: [{ place, text }],
    entries,
    defaultElsewhere: chosen !== undefined && chosen.kernel === undefined ? chosen.title : undefined,
    timeoutSeconds: menu.timeoutSeconds,
    complaints: entries.length > 0 ? [] : [{ check: 'menus', severity: 'failure', message }],
  };
}
