/** Boot loaders. */
import { type Check, type CommandSpec, choice, FROM_RHEL10, flag, integer, list, text } from '../spec.ts';
import { atMostOne, conflict } from './checks.ts';

const oneBootDrive: Check = (line) =>
  line.value('--boot-drive')?.includes(',') === true
    ? conflict(line, '--boot-drive', '--boot-drive takes one disk only', 'name the disk to boot from')
    : undefined;

export const BOOT: readonly CommandSpec[] = [
  {
    names: ['bootloader'],
    summary: 'Says where and how the boot loader is installed.',
    options: [
      choice('--location', ['mbr', 'partition', 'none', 'boot']),
      text('--boot-drive'),
      list('--driveorder'),
      text('--append'),
      integer('--timeout', { unit: 's' }),
      text('--default'),
      text('--password'),
      flag('--iscrypted'),
      text('--md5pass'),
      flag('--leavebootorder'),
      flag('--nombr'),
      flag('--disabled'),
      flag('--extlinux'),
      flag('--sdboot', { in: FROM_RHEL10 }),
      flag('--upgrade', { in: ['rhel8'], deprecated: ['rhel8'] }),
    ],
    checks: [oneBootDrive, atMostOne('--sdboot', '--extlinux')],
  },
  {
    names: ['zipl'],
    summary: 'Configures the boot loader of IBM Z.',
    options: [flag('--secure-boot'), flag('--force-secure-boot'), flag('--no-secure-boot')],
  },
];
