/** The spec that `slipway init` writes: commented, and sound as it stands. */

export interface StarterAnswers {
  readonly cluster: string;
  readonly kind: 'ha-pair' | 'raid1' | 'single';
  /** Of the first node, with prefix length, or `dhcp`. */
  readonly addresses: readonly string[];
  /** One OpenSSH public key; undefined leaves root locked. */
  readonly sshKey?: string;
}

/** What is written when nobody is asked. The addresses are of TEST-NET-1 (RFC 5737): they reach nothing by mistake. */
export const STARTER_DEFAULTS: StarterAnswers = {
  cluster: 'my-cluster',
  kind: 'ha-pair',
  addresses: ['192.0.2.11/24', '192.0.2.12/24'],
};

/** Placeholders of fence devices, of TEST-NET-2: nothing is switched off by mistake. */
const DEVICES = ['198.51.100.11', '198.51.100.12'];

/** Writes the YAML for the answers. */
export function starterSpec({ cluster, kind, addresses, sshKey }: StarterAnswers): string {
  const names = kind === 'ha-pair' ? ['node-a', 'node-b'] : ['node-a'];
  const nodes = names.map((name, i) => node(name, kind, addresses[i] ?? 'dhcp'));
  return `# Slipway cluster spec. Every key: docs/spec.md. Check: slipway check. See: slipway plan. Build: slipway iso.
slipway: 1
cluster: ${cluster}

# What is installed: the embedded base, or the vendor medium the kickstarts are for (rhel8, rhel9, rhel10, fedora44).
release: embedded

locale: en_US.UTF-8
keyboard: us
timezone: UTC
# timeServers: [ntp1.example.org]
# nameServers: [192.0.2.1]

${access(sshKey)}

nodes:
${nodes.join('\n')}
layouts:
${layout(kind)}
${kind === 'ha-pair' ? `${ha(addresses)}\n` : ''}# Your own steps, run on the installed node: every folder in here holds an executable \`check\` and \`apply\`.
# steps: ./steps

media:
  default: disk           # what the boot menu takes after its timeout; by-mac or a node's name installs unattended
  timeout: 60 s
  # rpms: [./rpms]       # packages of yours for the medium; packages: [name] installs them (docs/packages.md)
`;
}

function access(sshKey: string | undefined): string {
  if (sshKey !== undefined)
    return `# Who may log in as root. Without a hash the password is locked.\naccess:\n  sshKeys:\n    - ${sshKey}`;
  return `# Who may log in as root. As it stands nobody can: the password is locked and there is no key.
# access:
#   rootPasswordHash: <the output of \`openssl passwd -6\`>
#   sshKeys:
#     - ssh-ed25519 AAAA... me@desk`;
}

function node(name: string, kind: StarterAnswers['kind'], address: string): string {
  const disks = kind === 'single' ? 1 : 2;
  return `  - name: ${name}
${kind === 'ha-pair' ? '    role: ha-pair         # one of two nodes that replicate their clustered volume\n' : ''}    layout: system
    interfaces:
      - name: lan
        # mac: 52:54:00:10:00:0a   # the card; without it the first wired one is taken
        address: ${address}
        # gateway: 192.0.2.1
    # Exactly this many disks must match and be empty, or nothing is touched.
    disks:
      count: ${disks}
      match: { minSize: 7 GiB }
    # By identity is better, and the only way to let old data be destroyed:
    # disks:
    #   - { serial: S45PNA0M100001, wipe: true }
    afterInstall: reboot    # or poweroff, halt
`;
}

function layout(kind: StarterAnswers['kind']): string {
  const last = kind === 'ha-pair' ? 'role: clustered' : 'role: data, mount: /srv';
  return `  system:
    kind: ${kind === 'single' ? 'single' : 'raid1 '}          # ${kind === 'single' ? 'one disk' : 'every volume is mirrored over the disks'}
    firmware: [bios, uefi]
    volumes:
      - { role: esp, size: 600 MiB }
      - { role: boot, size: 1 GiB }
      - { role: root, size: 3 GiB }     # 20 GiB and more in real life
      - { role: swap, size: 512 MiB }
      - { ${last}, size: rest }
`;
}

/** What the pair runs together. A spec that accepted split brain by itself would accept it for somebody. */
function ha([first = 'dhcp']: readonly string[]): string {
  const devices = DEVICES.map(
    (address, i) => `    - { node: node-${'ab'[i]}, kind: ipmi, address: ${address}, user: fence }\n`,
  );
  return `# What the two keep running together; see docs/cluster.md.
ha:
  # vip: ${first === 'dhcp' ? '192.0.2.100/24' : sibling(first)}    # the address that moves with the service
  services: []            # systemd services that run where data and address are: [nginx.service]
  # What switches a node off that does not answer, before the other takes over. Passwords: slipway enrol --fencing.
  # Without any, in these words: fencing: none, I accept split brain
  fencing:
${devices.join('')}`;
}

/** An address in the same subnet, as an example: the last number is 100. */
const sibling = (cidr: string): string => cidr.replace(/\.\d+\//, '.100/');
