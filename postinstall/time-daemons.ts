/** The daemons that keep a platform's clock, and how each is told its servers. */
import type { Machine } from '../src/engine/machine.ts';

export interface TimeDaemon {
  readonly name: string;
  readonly unit: string;
  /** The file with our servers in it. */
  readonly file: string;
  /** The file's text once it names `servers`; the same text when it does already. */
  withServers(text: string, servers: readonly string[]): string;
}

const chrony = (unit: string, file: string): TimeDaemon => ({
  name: 'chrony',
  unit,
  file,
  withServers(text, servers) {
    const lines = text.split('\n');
    const known = lines.map((line) => /^\s*(?:server|pool|peer)\s+(\S+)/.exec(line)?.[1]);
    const missing = servers
      .filter((server) => !known.includes(server))
      .map((server) => `server ${server} iburst`);
    if (missing.length === 0) return text;
    return `${[text.trimEnd(), ...missing].join('\n').trimStart()}\n`;
  },
});

const timesyncd: TimeDaemon = {
  name: 'systemd-timesyncd',
  unit: 'systemd-timesyncd.service',
  file: '/etc/systemd/timesyncd.conf.d/slipway.conf',
  withServers: (_, servers) => `# Written by slipway-agent.\n[Time]\nNTP=${servers.join(' ')}\n`,
};

/** By the unit that is installed: EL's chrony, Debian's chrony, timesyncd. */
const DAEMONS: readonly TimeDaemon[] = [
  chrony('chronyd.service', '/etc/chrony.conf'),
  chrony('chrony.service', '/etc/chrony/chrony.conf'),
  timesyncd,
];

export async function findTimeDaemon(machine: Machine): Promise<TimeDaemon | undefined> {
  for (const daemon of DAEMONS) {
    const folders = ['/usr/lib/systemd/system', '/lib/systemd/system'];
    for (const folder of folders) if (await machine.exists(`${folder}/${daemon.unit}`)) return daemon;
  }
  return undefined;
}
