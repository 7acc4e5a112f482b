/** The part of the model that LUKS makes: containers between a device and what lies on it. */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, number, option, placeOf, text } from './command-words.ts';
import type { ModelCrypt } from './model.ts';
import type { MadeDevice, Refuse } from './model-contents.ts';
import type { StorageFacts } from './storage-facts.ts';

/** MiB of a container's header: LUKS2 by its default layout, LUKS1 with a key of 512 bits. */
const HEADER_MIB = { 1: 2, 2: 16 } as const;

export interface CryptModel {
  readonly crypts: readonly ModelCrypt[];
  /** The same devices; an encrypted one is what its container shows. */
  readonly made: readonly MadeDevice[];
}

/** Puts a container on every device whose command says `--encrypted`. */
export function buildCrypts(
  commands: readonly CommandLine[],
  devices: readonly MadeDevice[],
  facts: StorageFacts,
  refuse: Refuse,
): CryptModel {
  const common = commands.flatMap((command) => text(command, '--passphrase') ?? [])[0];
  const built = devices.map((device) => {
    if (!flag(device.command, '--encrypted')) return { device };
    const crypt = cryptOf(device, common, facts, refuse);
    return crypt === undefined ? { device } : { crypt, device: opened(device, crypt) };
  });
  return { crypts: built.flatMap(({ crypt }) => crypt ?? []), made: built.map(({ device }) => device) };
}

const opened = (device: MadeDevice, crypt: ModelCrypt): MadeDevice => ({
  ...device,
  device: crypt.device,
  sizeMiB: Math.max(0, device.sizeMiB - HEADER_MIB[crypt.version]),
});

/** @param common the first passphrase of the kickstart, which holds for every command without one of its own */
function cryptOf(
  { device, command, content }: MadeDevice,
  common: string | undefined,
  facts: StorageFacts,
  refuse: Refuse,
): ModelCrypt | undefined {
  const at = command.options.get('--encrypted')?.[0]?.option ?? command;
  for (const name of ['--escrowcert', '--backuppassphrase', '--hw-passphrase']) {
    const given = command.options.get(name)?.[0];
    if (given !== undefined) {
      refuse(given.option, 'unsupported-option', `this installer does not know ${name}`);
    }
  }
  const bootsFrom = content.kind === 'file-system' ? content.fileSystem.mountPoint : undefined;
  if (content.kind === 'biosboot' || bootsFrom === '/boot' || bootsFrom === '/boot/efi') {
    refuse(at, 'encrypted', `no boot loader reads an encrypted ${bootsFrom ?? 'biosboot'}`);
    return undefined;
  }
  if (content.kind === 'file-system' && content.fileSystem.keep) {
    refuse(at, 'encrypted', '--encrypted and --noformat exclude each other');
    return undefined;
  }
  const passphrase = text(command, '--passphrase') ?? common;
  if (passphrase === undefined || passphrase === '') {
    refuse(at, 'encrypted', 'there is no passphrase, and nobody is asked for one here', 'add --passphrase=');
    return undefined;
  }
  const version = versionOf(command, refuse);
  const uuid = facts.newUuid();
  const cipher = text(command, '--cipher');
  return {
    container: device,
    uuid,
    name: `luks-${uuid}`,
    device: `/dev/mapper/luks-${uuid}`,
    version,
    ...(cipher === undefined || cipher === '' ? {} : { cipher }),
    pbkdf: version === 1 ? {} : pbkdfOf(command, refuse),
    passphrase,
    place: placeOf(command),
  };
}

function versionOf(command: CommandLine, refuse: Refuse): 1 | 2 {
  const word = option(command, '--luks-version');
  switch (word?.text) {
    case undefined:
    case 'luks2':
      return 2;
    case 'luks1':
      return 1;
    default:
      refuse(word ?? command, 'luks-version', `LUKS version ${word?.text} is not luks1 or luks2`);
      return 2;
  }
}

function pbkdfOf(command: CommandLine, refuse: Refuse): ModelCrypt['pbkdf'] {
  const word = option(command, '--pbkdf');
  if (word !== undefined && !['pbkdf2', 'argon2i', 'argon2id'].includes(word.text)) {
    refuse(word, 'pbkdf', `${word.text} is not pbkdf2, argon2i or argon2id`);
  }
  const memoryKiB = number(command, '--pbkdf-memory');
  const iterations = number(command, '--pbkdf-iterations');
  const timeMs = number(command, '--pbkdf-time');
  return {
    ...(word === undefined ? {} : { type: word.text }),
    ...(memoryKiB === undefined ? {} : { memoryKiB }),
    ...(iterations === undefined ? {} : { iterations }),
    ...(timeMs === undefined ? {} : { timeMs }),
  };
}
