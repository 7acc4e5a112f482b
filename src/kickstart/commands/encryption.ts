/** Options of LUKS encryption, the same for every command that makes a device. */
import { type Check, FEDORA, flag, integer, type OptionSpec, text } from '../spec.ts';
import { atMostOne, conflict } from './checks.ts';

export const LUKS_OPTIONS: readonly OptionSpec[] = [
  flag('--encrypted'),
  text('--passphrase', { sticky: true }),
  text('--escrowcert', { sticky: true }),
  flag('--backuppassphrase'),
  text('--cipher', { sticky: true }),
  text('--luks-version'),
  text('--pbkdf'),
  integer('--pbkdf-memory', { unit: 'KiB' }),
  integer('--pbkdf-time', { unit: 'ms' }),
  integer('--pbkdf-iterations'),
];

/** The passphrase of a disk that encrypts itself (OPAL). */
export const HARDWARE_PASSPHRASE = text('--hw-passphrase', { in: FEDORA });

export const LUKS_CHECKS: readonly Check[] = [atMostOne('--pbkdf-time', '--pbkdf-iterations')];

export const hardwarePassphraseNeedsOpal: Check = (line) => {
  if (!line.has('--hw-passphrase')) return undefined;
  const opal = line.has('--encrypted') && line.value('--luks-version')?.startsWith('luks2-') === true;
  if (opal) return undefined;
  const why =
    '--hw-passphrase is for encrypted devices whose --luks-version is luks2-hw-opal or luks2-hw-opal-only';
  return conflict(line, '--hw-passphrase', why);
};
