/** What a kickstart says about the installed system beside its disks, put together from its subjects. Pure. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine, KickstartDocument, Section } from '../kickstart/types.ts';
import { preservedArguments } from './boot-arguments.ts';
import { number, option, problemAt, text } from './command-words.ts';
import { type Accounts, readAccounts } from './system-config-accounts.ts';
import { type FirewallConfig, readFirewall } from './system-config-firewall.ts';
import { type LanguageConfig, readLanguage } from './system-config-language.ts';
import { type NetworkConfig, readNetwork } from './system-config-network.ts';
import { type PayloadConfig, readPayload } from './system-config-payload.ts';
import { readServices, type ServicesConfig } from './system-config-services.ts';
import { judgeSupport } from './system-config-support.ts';
import { readTime, type TimeConfig } from './system-config-time.ts';

export interface SystemConfig {
  readonly hostname?: string;
  readonly interfaces: readonly NetworkConfig[];
  readonly language: LanguageConfig;
  readonly time: TimeConfig;
  readonly accounts: Accounts;
  readonly services: ServicesConfig;
  /** Undefined leaves the image's as it is: none. */
  readonly firewall?: FirewallConfig;
  /** Of the installed kernel: consoles and what the machine needs, from this one's, and what the kickstart adds. */
  readonly bootArguments: readonly string[];
  /** Seconds of the installed boot menu. */
  readonly bootTimeout: number;
  readonly payload: PayloadConfig;
  readonly after: 'poweroff' | 'reboot' | 'halt';
}

export interface ConfigResult {
  readonly config: SystemConfig;
  readonly problems: readonly Problem[];
  /** What is left out without harm: told, and then the installation goes on. */
  readonly warnings: readonly Problem[];
}

/**
 * Reads the configuration; what this installer cannot honour is a problem or a warning, never silently skipped.
 * @param commandLine the installer's own kernel arguments
 */
export function readSystemConfig(document: KickstartDocument, commandLine = ''): ConfigResult {
  const commands = document.items.filter((item): item is CommandLine => item.kind === 'command');
  const sections = document.items.filter((item): item is Section => item.kind === 'section');
  const support = judgeSupport(commands, sections);
  const network = readNetwork(commands);
  const { language, ...ofLanguage } = readLanguage(commands);
  const { time, ...ofTime } = readTime(commands);
  const { accounts, ...ofAccounts } = readAccounts(commands);
  const { services, ...ofServices } = readServices(commands);
  const { firewall, ...ofFirewall } = readFirewall(commands);
  const { payload, ...ofPayload } = readPayload(document.file, commands, sections);
  const bootloader = commands.filter(({ name }) => name === 'bootloader').at(-1);
  return {
    config: {
      ...(network.hostname === undefined ? {} : { hostname: network.hostname }),
      interfaces: network.interfaces,
      language,
      time,
      accounts,
      services,
      ...(firewall === undefined ? {} : { firewall }),
      bootArguments: [
        ...preservedArguments(commandLine),
        ...(bootloader === undefined ? '' : (text(bootloader, '--append') ?? ''))
          .split(/\s+/)
          .filter(Boolean),
      ],
      bootTimeout: (bootloader === undefined ? undefined : number(bootloader, '--timeout')) ?? 3,
      payload,
      after: afterwards(commands),
    },
    problems: [
      ...support.problems,
      ...ofPayload.problems,
      ...network.problems,
      ...ofLanguage.problems,
      ...ofTime.problems,
      ...ofAccounts.problems,
      ...ofServices.problems,
      ...ofFirewall.problems,
      ...commands.flatMap(locationProblems),
    ],
    warnings: [
      ...support.warnings,
      ...ofPayload.warnings,
      ...ofLanguage.warnings,
      ...ofAccounts.warnings,
      ...ofServices.warnings,
    ],
  };
}

function afterwards(commands: readonly CommandLine[]): SystemConfig['after'] {
  const names = commands.map((command) => command.name);
  const last = names.filter((name) => ['poweroff', 'shutdown', 'halt', 'reboot'].includes(name)).at(-1);
  if (last === 'reboot' || last === 'halt') return last;
  // Anaconda's default is halt after a key press; without a person there, power-off is the same and shows.
  return 'poweroff';
}

function locationProblems(command: CommandLine): readonly Problem[] {
  const location = command.name === 'bootloader' ? option(command, '--location') : undefined;
  if (location === undefined || location.text === 'mbr') return [];
  return [
    problemAt(
      location,
      'boot-loader',
      `this installer puts the boot loader on the disks themselves, not '${location.text}'`,
      'say --location=mbr',
    ),
  ];
}
