/** What systemd-networkd reads of a kickstart's `network` lines: systemd.network(5), systemd.netdev(5). Pure. */
import type { NetworkConfig } from './system-config.ts';

type NamedFile = readonly [name: string, text: string];

/**
 * File name → text. networkd sets a link up by the first file that matches it, so all lines of a device make one file.
 */
export function networkFiles(lines: readonly NetworkConfig[]): readonly NamedFile[] {
  const devices = [...new Set(lines.map(({ device }) => device))];
  return devices.flatMap((device, index) => {
    const ofDevice = lines.filter((line) => line.device === device);
    const elsewhere = lines.filter((line) => line.device !== device).map(({ vlan }) => vlan);
    const vlanName = (id: number): string => (elsewhere.includes(id) ? `vlan${id}-${index}` : `vlan${id}`);
    return deviceFiles(device, ofDevice, `${10 + index}-slipway`, vlanName);
  });
}

function deviceFiles(
  device: string,
  lines: readonly NetworkConfig[],
  stem: string,
  vlanName: (id: number) => string,
): readonly NamedFile[] {
  const bond = lines.find((line) => line.bond !== undefined)?.bond;
  const untagged = lines.find(({ vlan }) => vlan === undefined);
  const tagged = lines.flatMap((line) =>
    line.vlan === undefined ? [] : [{ line, id: line.vlan, name: vlanName(line.vlan) }],
  );
  const own = untagged === undefined ? ['LinkLocalAddressing=no'] : addressLines(untagged);
  return [
    ...(bond === undefined ? [] : bondFiles(device, bond, stem)),
    ...tagged.map(
      ({ id, name }): NamedFile => [
        `${stem}-${name}.netdev`,
        unit(['NetDev', `Name=${name}`, 'Kind=vlan'], ['VLAN', `Id=${id}`]),
      ],
    ),
    [
      `${stem}.network`,
      unit(['Match', ...match(device)], ['Network', ...tagged.map(({ name }) => `VLAN=${name}`), ...own]),
    ],
    ...tagged.map(
      ({ line, name }): NamedFile => [
        `${stem}-${name}.network`,
        unit(['Match', `Name=${name}`], ['Network', ...addressLines(line)]),
      ],
    ),
  ];
}

function bondFiles(
  name: string,
  { ports, options }: NonNullable<NetworkConfig['bond']>,
  stem: string,
): readonly NamedFile[] {
  const given = new Map(options.map((pair) => [pair.split('=', 1)[0] ?? '', pair.replace(/^[^=]*=/, '')]));
  const mode = given.get('mode');
  const monitor = given.get('miimon');
  const body = [
    ...(mode === undefined ? [] : [`Mode=${mode}`]),
    ...(monitor === undefined ? [] : [`MIIMonitorSec=${monitor}ms`]),
  ];
  return [
    [`${stem}-${name}.netdev`, unit(['NetDev', `Name=${name}`, 'Kind=bond'], ['Bond', ...body])],
    ...ports.map(
      (port, index): NamedFile => [
        `${stem}-port${index}.network`,
        unit(['Match', ...match(port)], ['Network', `Bond=${name}`]),
      ],
    ),
  ];
}

/** A MAC address with `Type=ether`, since VLANs and bonds take over the address of their card. */
function match(device: string): readonly string[] {
  if (device === 'link') return ['Name=en* eth*', 'Type=ether'];
  return /^([\da-f]{2}:){5}[\da-f]{2}$/i.test(device)
    ? [`MACAddress=${device.toLowerCase()}`, 'Type=ether']
    : [`Name=${device}`];
}

function addressLines({ dhcp, ipv6, address, gateway, nameServers }: NetworkConfig): readonly string[] {
  return [
    ...(dhcp ? [ipv6 ? 'DHCP=yes' : 'DHCP=ipv4'] : []),
    ...(address === undefined ? [] : [`Address=${address}`]),
    ...(gateway === undefined ? [] : [`Gateway=${gateway}`]),
    ...nameServers.map((server) => `DNS=${server}`),
    ...(ipv6 ? [] : ['LinkLocalAddressing=no', 'IPv6AcceptRA=no']),
  ];
}

/** An ini file of sections, each a name and its lines. */
function unit(...sections: readonly (readonly string[])[]): string {
  return `${sections.map(([name, ...lines]) => [`[${name}]`, ...lines].join('\n')).join('\n\n')}\n`;
}
