/** What a kickstart says about the installed system beside its disks. Pure. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine, KickstartDocument, Section } from '../kickstart/types.ts';
import { flag, list, number, problemAt, text } from './command-words.ts';

export interface SystemConfig {
  readonly hostname?: string;
  readonly interfaces: readonly NetworkConfig[];
  readonly locale: string;
  readonly keymap: string;
  readonly timezone: string;
  readonly timeServers: readonly string[];
  readonly root: RootAccess;
  readonly sshKeys: readonly string[];
  readonly bootArguments: readonly string[];
  /** Seconds of the installed boot menu. */
  readonly bootTimeout: number;
  /** `file://…` of the image to unpack. */
  readonly image?: string;
  /** SHA-256 (hex) of the image. */
  readonly imageChecksum?: string;
  /** Folders of RPM repositories. */
  readonly repositories: readonly string[];
  readonly packages: readonly string[];
  readonly ignoreMissingPackages: boolean;
  readonly after: 'poweroff' | 'reboot' | 'halt';
}

export type RootAccess =
  | { readonly kind: 'locked' }
  | { readonly kind: 'hash'; readonly hash: string }
  | { readonly kind: 'plain'; readonly password: string };

export interface NetworkConfig {
  /** `mac` with colons, an interface's name, or `link`: the first wired interface. */
  readonly device: string;
  readonly dhcp: boolean;
  /** With prefix length. */
  readonly address?: string;
  readonly gateway?: string;
  readonly nameServers: readonly string[];
  readonly vlan?: number;
  readonly bond?: {
    readonly name: string;
    readonly ports: readonly string[];
    readonly options: readonly string[];
  };
  readonly bindToMac: boolean;
}

/** Commands with a meaning here, beside those of the storage model. */
const KNOWN = new Set([
  ...['lang', 'keyboard', 'timezone', 'timesource', 'network', 'rootpw', 'sshkey', 'bootloader'],
  ...['liveimg', 'repo', 'poweroff', 'shutdown', 'halt', 'reboot'],
  ...['zerombr', 'ignoredisk', 'clearpart', 'part', 'partition', 'raid', 'volgroup', 'logvol'],
]);

/** Commands that ask for nothing this installer does not do anyway. */
const HARMLESS = new Set([
  'text',
  'cmdline',
  'graphical',
  'firstboot',
  'skipx',
  'eula',
  'logging',
  'install',
]);

export interface ConfigResult {
  readonly config: SystemConfig;
  readonly problems: readonly Problem[];
}

/** Reads the configuration; a command this installer cannot honour is a problem, never silently skipped. */
export function readSystemConfig(document: KickstartDocument): ConfigResult {
  const commands = document.items.filter((item): item is CommandLine => item.kind === 'command');
  const sections = document.items.filter((item): item is Section => item.kind === 'section');
  const problems = commands
    .filter((command) => !KNOWN.has(command.name) && !HARMLESS.has(command.name))
    .map((command) =>
      problemAt(
        { ...command, raw: command.name },
        'unsupported-command',
        `this installer does not carry out '${command.name}'`,
        'remove it, or install with the vendor’s installer',
      ),
    );
  const all = (name: string): readonly CommandLine[] => commands.filter((command) => command.name === name);
  const last = (name: string): CommandLine | undefined => all(name).at(-1);
  const word = (name: string): string | undefined => last(name)?.positionals[0]?.text;

  const liveimg = last('liveimg');
  const image = liveimg === undefined ? undefined : text(liveimg, '--url');
  if (liveimg === undefined || image?.startsWith('file://') !== true) {
    const place = liveimg ?? commands[0];
    if (place !== undefined) {
      problems.push(
        problemAt(place, 'payload', 'the kickstart names no image on the medium: liveimg --url=file://…'),
      );
    }
  }
  const hostname = all('network')
    .flatMap((command) => text(command, '--hostname') ?? [])
    .at(-1);
  const keyboard = last('keyboard');
  const bootloader = last('bootloader');
  const checksum = liveimg === undefined ? undefined : text(liveimg, '--checksum');
  const packages = sections.filter((section) => section.name === 'packages');
  return {
    config: {
      ...(hostname === undefined ? {} : { hostname }),
      interfaces: all('network').flatMap((command) => networkConfig(command) ?? []),
      locale: word('lang') ?? 'C.UTF-8',
      keymap: (keyboard === undefined ? undefined : text(keyboard, '--vckeymap')) ?? word('keyboard') ?? 'us',
      timezone: word('timezone') ?? 'UTC',
      timeServers: all('timesource').flatMap((command) => text(command, '--ntp-server') ?? []),
      root: rootAccess(last('rootpw')),
      sshKeys: all('sshkey').flatMap((command) =>
        text(command, '--username') === 'root' ? rest(command) : [],
      ),
      bootArguments: (bootloader === undefined ? '' : (text(bootloader, '--append') ?? ''))
        .split(/\s+/)
        .filter(Boolean),
      bootTimeout: (bootloader === undefined ? undefined : number(bootloader, '--timeout')) ?? 3,
      ...(image === undefined ? {} : { image }),
      ...(checksum === undefined ? {} : { imageChecksum: checksum.toLowerCase() }),
      repositories: all('repo').flatMap(
        (command) => (text(command, '--baseurl') ?? '').replace(/^file:\/\//, '') || [],
      ),
      packages: packages.flatMap((section) => packageNames(section.body)),
      ignoreMissingPackages: packages.some((section) => section.options.has('--ignoremissing')),
      after: afterwards(commands),
    },
    problems,
  };
}

const rest = (command: CommandLine): readonly string[] => {
  const key = command.positionals.map((word) => word.text).join(' ');
  return key === '' ? [] : [key];
};

function rootAccess(command: CommandLine | undefined): RootAccess {
  const password = command?.positionals[0]?.text;
  if (command === undefined || password === undefined || flag(command, '--lock')) return { kind: 'locked' };
  return flag(command, '--iscrypted') ? { kind: 'hash', hash: password } : { kind: 'plain', password };
}

/** Undefined for a line that only sets the host name. */
function networkConfig(command: CommandLine): NetworkConfig | undefined {
  const device = text(command, '--device');
  const ip = text(command, '--ip');
  if (device === undefined && ip === undefined && !command.options.has('--bootproto')) return undefined;
  const gateway = text(command, '--gateway');
  const vlan = number(command, '--vlanid');
  const ports = list(command, '--bondslaves');
  const name = device ?? 'link';
  return {
    device: name,
    dhcp: ip === undefined && !flag(command, '--noipv4'),
    ...(ip === undefined
      ? {}
      : { address: `${ip}/${prefixLength(text(command, '--netmask') ?? '255.255.255.0')}` }),
    ...(gateway === undefined ? {} : { gateway }),
    nameServers: list(command, '--nameserver'),
    ...(vlan === undefined ? {} : { vlan }),
    ...(ports.length === 0 ? {} : { bond: { name, ports, options: list(command, '--bondopts') } }),
    bindToMac: text(command, '--bindto') === 'mac',
  };
}

/** `255.255.255.0` → 24 */
export function prefixLength(netmask: string): number {
  const bits = netmask
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('');
  return bits.indexOf('0') === -1 ? 32 : bits.indexOf('0');
}

/** Names of single packages; groups and exclusions mean nothing for an image. */
function packageNames(body: string): readonly string[] {
  return body
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '' && !/^[@^-]/.test(line));
}

function afterwards(commands: readonly CommandLine[]): SystemConfig['after'] {
  const names = commands.map((command) => command.name);
  const last = names.filter((name) => ['poweroff', 'shutdown', 'halt', 'reboot'].includes(name)).at(-1);
  if (last === 'reboot' || last === 'halt') return last;
  // Anaconda's default is halt after a key press; without a person there, power-off is the same and shows.
  return 'poweroff';
}
