/** What runs on the installed system: services, the default target, SELinux's mode. Pure. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine } from '../kickstart/types.ts';
import { flag, list, option, problemAt } from './command-words.ts';
import { leftOut } from './system-config-support.ts';

export type SelinuxMode = 'enforcing' | 'permissive' | 'disabled';

export interface ServicesConfig {
  /** Unit names, with their suffix. Disabled ones come first, as under Anaconda: one in both lists ends up enabled. */
  readonly disabled: readonly string[];
  readonly enabled: readonly string[];
  readonly defaultTarget: 'multi-user.target' | 'graphical.target';
  readonly selinux?: SelinuxMode;
}

/** Services that Debian has under a name of its own. */
const DEBIAN_NAMES: Readonly<Record<string, string>> = { 'sshd.service': 'ssh.service' };

export function readServices(commands: readonly CommandLine[]): {
  readonly services: ServicesConfig;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
} {
  const all = (name: string): readonly CommandLine[] => commands.filter((command) => command.name === name);
  const units = (name: string): readonly string[] => [
    ...new Set(all('services').flatMap((command) => list(command, name).map(unitName))),
  ];
  const selinux = all('selinux').at(-1);
  const mode = selinux === undefined ? undefined : selinuxMode(selinux);
  return {
    services: {
      disabled: units('--disabled'),
      enabled: units('--enabled'),
      // Anaconda also turns to the graphical target where a login manager is installed; this image has none.
      defaultTarget: all('xconfig').some((command) => flag(command, '--startxonboot'))
        ? 'graphical.target'
        : 'multi-user.target',
      ...(mode === undefined ? {} : { selinux: mode }),
    },
    problems: all('services').flatMap(unitProblems),
    warnings:
      selinux === undefined || mode === undefined || mode === 'disabled'
        ? []
        : [
            leftOut(
              { ...selinux, raw: 'selinux' },
              `selinux --${mode}`,
              'the image has no SELinux policy, so nothing is enforced; /etc/selinux/config records the mode',
            ),
          ],
  };
}

/** `radvd` → `radvd.service`, under the name it has on this base. */
function unitName(word: string): string {
  const unit = /\.(service|socket|timer|target|path|mount)$/.test(word) ? word : `${word}.service`;
  return DEBIAN_NAMES[unit] ?? unit;
}

function unitProblems(command: CommandLine): readonly Problem[] {
  return ['--enabled', '--disabled'].flatMap((name) =>
    list(command, name)
      .filter((unit) => !/^[\w@:.\\-]+$/.test(unit) || unit.startsWith('-'))
      .map((unit) => problemAt(option(command, name) ?? command, 'service', `'${unit}' is no service`)),
  );
}

/** A bare `selinux` asks for enforcing, Anaconda's default. */
function selinuxMode(command: CommandLine): SelinuxMode {
  if (flag(command, '--disabled')) return 'disabled';
  return flag(command, '--permissive') ? 'permissive' : 'enforcing';
}

/** `/etc/selinux/config`. The kernel runs without SELinux whatever it says: no policy, no LSM on the command line. */
export function selinuxConfig(mode: SelinuxMode): string {
  return [
    '# Written by the installer from the kickstart. This image has no SELinux policy: nothing is enforced.',
    `SELINUX=${mode}`,
    'SELINUXTYPE=targeted',
    '',
  ].join('\n');
}
