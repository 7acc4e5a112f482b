/** IPv4 arithmetic, as far as a spec needs it. Texts come in checked by the schema. */

export interface Subnet {
  /** Host-order 32-bit numbers, unsigned. */
  readonly network: number;
  readonly broadcast: number;
  readonly prefix: number;
}

/** The 32-bit number of a dotted IPv4 address. */
function ipv4Number(text: string): number {
  return text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

/** Dotted form of a 32-bit number. */
export function ipv4Text(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The address without its prefix length: `10.10.0.11/24` → `10.10.0.11`. */
export function hostPart(cidr: string): string {
  return cidr.split('/')[0] ?? cidr;
}

/** The subnet an address with prefix length lies in. */
export function subnetOf(cidr: string): Subnet {
  const prefix = Number(cidr.split('/')[1]);
  const size = 2 ** (32 - prefix);
  const network = Math.floor(ipv4Number(hostPart(cidr)) / size) * size;
  return { network, broadcast: network + size - 1, prefix };
}

/** What an address with prefix length stands for when it is no host's; undefined for a host's. */
export function reservedAs(cidr: string): 'network' | 'broadcast' | undefined {
  const { network, broadcast, prefix } = subnetOf(cidr);
  // A /31 has two hosts and no broadcast (RFC 3021).
  if (prefix === 31) return undefined;
  const value = ipv4Number(hostPart(cidr));
  return value === network ? 'network' : value === broadcast ? 'broadcast' : undefined;
}

export function inSubnet(address: string, subnet: Subnet): boolean {
  const value = ipv4Number(address);
  return value >= subnet.network && value <= subnet.broadcast;
}

export function subnetText(subnet: Subnet): string {
  return `${ipv4Text(subnet.network)}/${subnet.prefix}`;
}
