/** What a kickstart says about the installed system beside its disks. Pure. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine, KickstartDocument, Place, Section } from '../kickstart/types.ts';
import { flag, list, number, option, problemAt, text } from './command-words.ts';

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
  /** False switches it off altogether. */
  readonly ipv6: boolean;
  /** IPv4, with prefix length. */
  readonly address?: string;
  readonly gateway?: string;
  readonly nameServers: readonly string[];
  readonly vlan?: number;
  /** The device is a bond of these. */
  readonly bond?: { readonly ports: readonly string[]; readonly options: readonly string[] };
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

/** Options that ask for something this installer does not do. Those of storage commands are with the storage model. */
const UNSUPPORTED_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  network: [
    ...['--ipv6', '--ipv6gateway', '--nodefroute', '--nodns', '--mtu', '--ethtool', '--interfacename'],
    ...['--bridgeslaves', '--bridgeopts', '--teamslaves', '--teamconfig', '--essid', '--wepkey', '--wpakey'],
    ...['--dhcpclass', '--ipv4-dns-search', '--ipv6-dns-search', '--ipv4-ignore-auto-dns'],
    '--ipv6-ignore-auto-dns',
  ],
  bootloader: ['--disabled', '--extlinux', '--iscrypted', '--nombr', '--password', '--sdboot'],
  repo: ['--metalink', '--mirrorlist'],
  rootpw: ['--allow-ssh'],
  timesource: ['--nts'],
};

/** Sections this installer carries out. */
const SECTIONS: readonly string[] = ['pre', 'pre-install', 'post', 'packages'];

const HOST_NAME = /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i;

export interface ConfigResult {
  readonly config: SystemConfig;
  readonly problems: readonly Problem[];
}

/** Reads the configuration; what this installer cannot honour is a problem, never silently skipped. */
export function readSystemConfig(document: KickstartDocument): ConfigResult {
  const commands = document.items.filter((item): item is CommandLine => item.kind === 'command');
  const sections = document.items.filter((item): item is Section => item.kind === 'section');
  const all = (name: string): readonly CommandLine[] => commands.filter((command) => command.name === name);
  const last = (name: string): CommandLine | undefined => all(name).at(-1);
  const word = (name: string): string | undefined => last(name)?.positionals[0]?.text;
  const problems = [
    ...unsupported(commands, sections),
    ...payloadProblems(document.file, last('liveimg'), all('repo')),
    ...all('network').flatMap(networkProblems),
    ...repeatedNetworks(all('network')),
    ...accessProblems(commands),
  ];

  const liveimg = last('liveimg');
  const image = liveimg === undefined ? undefined : text(liveimg, '--url');
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
      timeServers: all('timesource').flatMap(
        (command) => text(command, '--ntp-server') ?? text(command, '--ntp-pool') ?? [],
      ),
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
      repositories: all('repo').flatMap((command) => localPath(text(command, '--baseurl')) ?? []),
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
  return {
    device: device ?? 'link',
    dhcp: ip === undefined && !flag(command, '--noipv4'),
    ipv6: !flag(command, '--noipv6'),
    ...(ip === undefined ? {} : { address: `${ip}/${prefixLength(text(command, '--netmask') ?? '') ?? 32}` }),
    ...(gateway === undefined ? {} : { gateway }),
    nameServers: list(command, '--nameserver'),
    ...(vlan === undefined ? {} : { vlan }),
    ...(ports.length === 0 ? {} : { bond: { ports, options: list(command, '--bondopts') } }),
  };
}

/** `255.255.255.0` → 24; undefined for what is no netmask. */
export function prefixLength(netmask: string): number | undefined {
  const octets = netmask.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet <= 255))) return undefined;
  const bits = octets.map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
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

/** The path of a `file://` URL; undefined for any other. */
function localPath(url: string | undefined): string | undefined {
  return url?.startsWith('file:///') === true ? url.slice('file://'.length) : undefined;
}

function unsupported(commands: readonly CommandLine[], sections: readonly Section[]): readonly Problem[] {
  const hint = 'remove it, or install with the vendor’s installer';
  const refused = (place: Place, what: string): Problem =>
    problemAt(
      { ...place, raw: what },
      'unsupported-command',
      `this installer does not carry out '${what}'`,
      hint,
    );
  const options = commands.flatMap((command) =>
    [...command.options]
      .filter(([name]) => UNSUPPORTED_OPTIONS[command.name]?.includes(name))
      .flatMap(([name, [given]]) =>
        given === undefined
          ? []
          : problemAt(given.option, 'unsupported-option', `this installer does not know ${name} yet`, hint),
      ),
  );
  return [
    ...commands
      .filter(({ name }) => !KNOWN.has(name) && !HARMLESS.has(name))
      .map((command) => refused(command, command.name)),
    ...options,
    ...sections
      .filter(({ name }) => !SECTIONS.includes(name))
      .map((section) => refused(section, `%${section.name}`)),
  ];
}

function payloadProblems(
  file: string,
  liveimg: CommandLine | undefined,
  repositories: readonly CommandLine[],
): readonly Problem[] {
  const image = liveimg === undefined ? undefined : option(liveimg, '--url');
  const noImage = problemAt(
    image ?? liveimg ?? { file, line: 1, column: 1 },
    'payload',
    'the kickstart names no image on the medium: liveimg --url=file://…',
  );
  const remote = repositories.flatMap((repo) => {
    const url = option(repo, '--baseurl');
    if (url === undefined || localPath(url.text) !== undefined) return [];
    return problemAt(
      url,
      'repository',
      `this installer reads packages from the medium only, not from ${url.text}`,
    );
  });
  return [...(localPath(image?.text) === undefined ? [noImage] : []), ...remote];
}

function networkProblems(command: CommandLine): readonly Problem[] {
  const problems: Problem[] = [];
  const refuse = (place: Place, message: string, hint?: string): void => {
    problems.push(problemAt(place, 'network', message, hint));
  };
  const hostName = option(command, '--hostname');
  if (hostName !== undefined && !HOST_NAME.test(hostName.text)) {
    refuse(hostName, `'${hostName.text}' is no host name`);
  }
  const ip = option(command, '--ip');
  const netmask = option(command, '--netmask');
  if (ip !== undefined && netmask === undefined) refuse(ip, '--ip without --netmask');
  if (netmask !== undefined && prefixLength(netmask.text) === undefined) {
    refuse(netmask, `'${netmask.text}' is no netmask`);
  }
  const protocol = option(command, '--bootproto');
  if (protocol?.text === 'static' && ip === undefined) {
    refuse(protocol, 'a static address without --ip', 'add --ip= and --netmask=');
  }
  if (protocol !== undefined && ['query', 'ibft'].includes(protocol.text)) {
    refuse(protocol, `this installer does not know --bootproto=${protocol.text}`);
  }
  const onBoot = option(command, '--onboot');
  if (onBoot !== undefined && /^(no|off|false|0)$/i.test(onBoot.text)) {
    refuse(onBoot, 'this installer sets up interfaces for the start only', 'remove the line');
  }
  return problems;
}

/** A device may have many lines, but only one for each VLAN and one without. */
function repeatedNetworks(commands: readonly CommandLine[]): readonly Problem[] {
  const seen = new Set<string>();
  return commands.flatMap((command) => {
    const network = networkConfig(command);
    if (network === undefined) return [];
    const name = network.vlan === undefined ? network.device : `VLAN ${network.vlan} on ${network.device}`;
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return problemAt(command, 'network', `${name} is set up twice`);
  });
}

function accessProblems(commands: readonly CommandLine[]): readonly Problem[] {
  return commands.flatMap((command) => {
    if (command.name === 'sshkey') {
      const user = option(command, '--username');
      if (user?.text === 'root') return [];
      return problemAt(
        user ?? command,
        'access',
        'this installer knows no user but root',
        'say --username=root',
      );
    }
    const location = command.name === 'bootloader' ? option(command, '--location') : undefined;
    if (location === undefined || location.text === 'mbr') return [];
    return problemAt(
      location,
      'boot-loader',
      `this installer puts the boot loader on the disks themselves, not '${location.text}'`,
      'say --location=mbr',
    );
  });
}
