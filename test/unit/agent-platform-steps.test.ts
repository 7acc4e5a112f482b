import assert from 'node:assert/strict';
import type { AgentStep, NodeFacts } from '../../postinstall/agent-step.ts';
import { findLink, readLinks } from '../../postinstall/links.ts';
import { matchInterfaces } from '../../postinstall/steps/match-interfaces.ts';
import { matchSelinux } from '../../postinstall/steps/match-selinux.ts';
import { restrictSsh, withBlock } from '../../postinstall/steps/restrict-ssh.ts';
import { startFirewall } from '../../postinstall/steps/start-firewall.ts';
import { runStep, type StepReport } from '../../src/engine/run-step.ts';
import type { InterfacePlan } from '../../src/plan/types.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { PLAN } from '../helpers/installed-node.ts';

const run = (
  step: AgentStep,
  machine: FakeMachine,
  interfaces: readonly InterfacePlan[] = [],
): Promise<StepReport> => {
  const facts: NodeFacts = { plan: { ...PLAN, interfaces }, builtAt: 0 };
  return runStep(step, machine, facts);
};

function failure(report: StepReport): string {
  assert.equal(report.outcome, 'failed');
  return `${report.problem.failureClass}: ${report.problem.message}`;
}

const evidence = (report: StepReport): unknown => report.outcome !== 'failed' && report.evidence;

describe('restrict-ssh', () => {
  /** What sshd of Debian 12 says about a file, as far as it is asked: the first value counts. */
  const sshd = (text: string, defaults: Readonly<Record<string, string>>): string => {
    const set = new Map<string, string>();
    for (const line of text.split('\n')) {
      const [keyword = '', value = ''] = line.split(' ');
      if (!keyword.startsWith('#') && keyword !== '' && !set.has(keyword.toLowerCase()))
        set.set(keyword.toLowerCase(), value);
    }
    return Object.entries(defaults)
      .map(([keyword, value]) => `${keyword} ${set.get(keyword) ?? value}\n`)
      .join('');
  };
  const DEBIAN = {
    permitrootlogin: 'without-password',
    pubkeyauthentication: 'yes',
    passwordauthentication: 'yes',
    kbdinteractiveauthentication: 'no',
    permitemptypasswords: 'no',
  };
  const EL8 = {
    permitrootlogin: 'yes',
    pubkeyauthentication: 'yes',
    passwordauthentication: 'yes',
    challengeresponseauthentication: 'yes',
    permitemptypasswords: 'no',
  };

  function withSshd(
    unit: string,
    files: Readonly<Record<string, string>>,
    defaults: Readonly<Record<string, string>>,
    state = 'active',
  ): FakeMachine {
    return fakeMachine({
      files: { '/usr/sbin/sshd': '', ...files },
      commands: {
        systemctl: ({ args }) =>
          args[0] !== 'is-active'
            ? ''
            : args[1] === unit
              ? `${state}\n`
              : { exitCode: 3, stdout: 'inactive\n' },
        '/usr/sbin/sshd': (_, { files: now }) =>
          sshd(
            [
              '/etc/ssh/sshd_config.d/00-slipway.conf',
              '/etc/ssh/sshd_config.d/50-own.conf',
              '/etc/ssh/sshd_config',
            ]
              .map((path) => String(now.get(path) ?? ''))
              .join('\n'),
            defaults,
          ),
      },
    });
  }
  const MAIN = 'Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n';

  it('closes passwords by a file that comes first, and tells the daemon, once', async () => {
    const machine = withSshd(
      'ssh.service',
      { '/etc/ssh/sshd_config': MAIN, '/etc/ssh/sshd_config.d/50-own.conf': 'PasswordAuthentication yes\n' },
      DEBIAN,
    );
    assert.equal((await run(restrictSsh, machine)).outcome, 'changed');
    assert.match(
      String(machine.files.get('/etc/ssh/sshd_config.d/00-slipway.conf')),
      /^# BEGIN.*\nPubkeyAuthentication yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n/,
    );
    assert.equal(machine.files.get('/etc/ssh/sshd_config'), MAIN);
    assert.deepEqual(
      machine.ran.filter(({ effect }) => effect === 'write').map(({ args }) => args.join(' ')),
      ['--no-block try-reload-or-restart ssh.service'],
    );
    const again = await run(restrictSsh, machine);
    assert.deepEqual(
      [again.outcome, evidence(again)],
      ['already-done', { unit: 'ssh.service', permitRootLogin: 'without-password' }],
    );
  });

  it('writes at the top of the file where the daemon includes none, in its own words', async () => {
    const text = 'PasswordAuthentication yes\nMatch User x\n  X11Forwarding no\n';
    const machine = withSshd('sshd.service', { '/etc/ssh/sshd_config': text }, EL8);
    assert.equal((await run(restrictSsh, machine)).outcome, 'changed');
    const now = String(machine.files.get('/etc/ssh/sshd_config'));
    assert.match(
      now,
      /^# BEGIN slipway.*\nPubkeyAuthentication yes\nPasswordAuthentication no\nChallengeResponseAuthentication no\n/,
    );
    assert.equal(now.endsWith(`# END slipway\n${text}`), true);
    assert.equal((await run(restrictSsh, machine)).outcome, 'already-done');
  });

  it('believes what the daemon says, not what was written', async () => {
    const machine = withSshd(
      'ssh.service',
      { '/etc/ssh/sshd_config': `PasswordAuthentication yes\n${MAIN}` },
      DEBIAN,
    );
    machine.writeFile = async () => {};
    assert.match(
      failure(await run(restrictSsh, machine)),
      /^verify-failed: applied, but still: sshd: PasswordAuthentication is yes$/,
    );
  });

  it('has nothing to do where no sshd runs, and waits for one that starts', async () => {
    assert.deepEqual(evidence(await run(restrictSsh, fakeMachine())), { sshd: 'does not run' });
    const machine = withSshd('ssh.service', {}, DEBIAN, 'activating');
    assert.equal(failure(await run(restrictSsh, machine)), 'transient: ssh.service is starting');
  });

  it('has one block, however often it is written', () => {
    const once = withBlock('a\nb\n', ['X y']);
    assert.equal(withBlock(once, ['X y']), once);
    assert.equal(
      withBlock(once, ['Z']),
      '# BEGIN slipway: written by slipway-agent\nZ\n# END slipway\na\nb\n',
    );
  });
});

describe('start-firewall', () => {
  const withUnits = (states: Readonly<Record<string, string>>): FakeMachine => {
    const started = new Set<string>();
    return fakeMachine({
      commands: {
        systemctl: ({ args: [verb, ...words] }) => {
          if (verb === 'start') for (const unit of words) started.add(unit);
          if (verb === 'start') return '';
          return words
            .filter((unit) => !unit.startsWith('--'))
            .map((unit) => {
              const isActive = states[unit] === 'active' || started.has(unit);
              const file = states[unit] === undefined ? 'disabled' : 'enabled';
              return `Id=${unit}\nActiveState=${isActive ? 'active' : 'inactive'}\nUnitFileState=${file}\n`;
            })
            .join('\n');
        },
      },
    });
  };

  it('starts what is enabled and does not run, and nothing else', async () => {
    const machine = withUnits({ 'firewalld.service': 'inactive' });
    const report = await run(startFirewall, machine);
    assert.deepEqual([report.outcome, evidence(report)], ['changed', { active: 'firewalld.service' }]);
    assert.deepEqual(
      machine.ran.filter(({ effect }) => effect === 'write').map(({ args }) => args.join(' ')),
      ['start firewalld.service'],
    );
  });

  it('asks nothing of a node that enables none', async () => {
    // A unit that is not installed has no file at all.
    const machine = fakeMachine({
      commands: { systemctl: () => 'Id=firewalld.service\nActiveState=inactive\nUnitFileState=\n' },
    });
    assert.deepEqual(evidence(await run(startFirewall, machine)), { active: 'none is enabled' });
  });

  it('fails when the firewall does not stay up', async () => {
    const machine = fakeMachine({
      commands: {
        systemctl: ({ args }) =>
          args[0] === 'start' ? '' : 'Id=nftables.service\nActiveState=failed\nUnitFileState=enabled\n',
      },
    });
    assert.match(
      failure(await run(startFirewall, machine)),
      /^verify-failed: applied, but still: nftables\.service: enabled and not active$/,
    );
  });
});

describe('match-selinux', () => {
  const CONFIG = '/etc/selinux/config';
  const ENFORCE = '/sys/fs/selinux/enforce';
  const withSelinux = (wanted: string, enforce?: string): FakeMachine =>
    fakeMachine({
      files: {
        [CONFIG]: `# SELINUX= can take one of three values\nSELINUX=${wanted}\nSELINUXTYPE=targeted\n`,
        ...(enforce === undefined ? {} : { [ENFORCE]: enforce }),
      },
      commands: { setenforce: ({ args }, m) => void m.files.set(ENFORCE, args[0] ?? '') },
    });

  it('makes the kernel do what the configuration says, in either direction', async () => {
    for (const [wanted, is] of [
      ['enforcing', '0'],
      ['permissive', '1'],
    ] as const) {
      const machine = withSelinux(wanted, is);
      assert.equal((await run(matchSelinux, machine)).outcome, 'changed');
      assert.equal((await run(matchSelinux, machine)).outcome, 'already-done');
    }
  });

  it('needs a restart, with new labels, where the kernel was started without it', async () => {
    const machine = withSelinux('enforcing');
    assert.match(
      failure(await run(matchSelinux, machine)),
      /^needs-reboot: SELinux is disabled until the next start/,
    );
    assert.equal(machine.files.get('/.autorelabel'), '');
    const off = withSelinux('disabled', '1');
    assert.match(failure(await run(matchSelinux, off)), /^needs-reboot: SELinux is enforcing/);
    assert.equal(off.files.has('/.autorelabel'), false);
  });

  it('refuses a configuration that says nothing known, and accepts a platform without one', async () => {
    assert.match(
      failure(await run(matchSelinux, withSelinux('maybe', '1'))),
      /^config-invalid: \/etc\/selinux\/config/,
    );
    assert.deepEqual(evidence(await run(matchSelinux, fakeMachine())), { selinux: 'the platform has none' });
  });
});

describe('match-interfaces', () => {
  const card = (name: string, mac: string, more: Readonly<Record<string, unknown>> = {}) => ({
    ifname: name,
    link_type: 'ether',
    address: mac,
    flags: ['BROADCAST', 'UP', 'LOWER_UP'],
    addr_info: [{ scope: 'link', local: 'fe80::1', prefixlen: 64 }],
    ...more,
  });
  const address = (local: string, prefixlen = 24) => ({ addr_info: [{ scope: 'global', local, prefixlen }] });
  const LAN: InterfacePlan = { name: 'lan', mac: '52:54:00:00:00:0a', address: '10.0.0.11/24' };
  const DHCP: InterfacePlan = { name: 'lan', address: 'dhcp' };

  /** A machine whose links are what `links` says at that time (milliseconds since the start). */
  function withLinks(
    links: (ms: number, machine: FakeMachine) => readonly object[],
    networkd = true,
  ): FakeMachine {
    const machine: FakeMachine = fakeMachine({
      files: networkd ? { '/run/systemd/netif/links/2': '' } : {},
      commands: {
        ip: (_, m) => JSON.stringify(links(m.clock - began, m)),
        networkctl: () => '',
        nmcli: () => '',
      },
    });
    const began = machine.clock;
    return machine;
  }
  const wrote = (machine: FakeMachine): readonly string[] =>
    machine.ran
      .filter(({ effect }) => effect === 'write')
      .map(({ file, args }) => `${file} ${args.join(' ')}`);

  it('finds a card by its address whatever it is called, and says what it has', async () => {
    const machine = withLinks(() => [
      card('ens4', '52:54:00:00:00:0B'),
      card('ens3', '52:54:00:00:00:0A', address('10.0.0.11')),
    ]);
    const report = await run(matchInterfaces, machine, [LAN]);
    assert.deepEqual(
      [report.outcome, evidence(report)],
      ['already-done', { interfaces: ['lan: ens3 10.0.0.11/24'] }],
    );
  });

  it('knows the links of bonds and VLANs', async () => {
    const machine = withLinks(() => [
      card('ens3', '02:00:00:00:00:01', { permaddr: '52:54:00:00:00:0a', master: 'bond0' }),
      card('bond0', '02:00:00:00:00:01', { linkinfo: { info_kind: 'bond' } }),
      card('vlan7', '02:00:00:00:00:01', {
        link: 'bond0',
        linkinfo: { info_kind: 'vlan', info_data: { id: 7 } },
      }),
    ]);
    const links = await readLinks(machine);
    const bond = { name: 'x', address: 'dhcp', bond: { mode: 'active-backup', macs: ['52:54:00:00:00:0a'] } };
    assert.deepEqual(
      [bond, { ...bond, vlan: 7 }, { ...bond, vlan: 8 }, LAN].map((one) => findLink(one, links)?.name),
      ['bond0', 'vlan7', undefined, 'ens3'],
    );
  });

  it('gives the network time after a boot', async () => {
    const machine = withLinks((ms) => [card('ens3', LAN.mac ?? '', ms < 5000 ? {} : address('10.0.0.11'))]);
    assert.equal((await run(matchInterfaces, machine, [LAN])).outcome, 'changed');
    assert.deepEqual(wrote(machine), []);
  });

  it('has an interface set up again that lost its address', async () => {
    for (const [networkd, command] of [
      [true, 'networkctl reconfigure ens3'],
      [false, 'nmcli --wait 15 device connect ens3'],
    ] as const) {
      const machine = withLinks(
        (_, m) => [card('ens3', LAN.mac ?? '', wrote(m).length > 0 ? address('10.0.0.11') : {})],
        networkd,
      );
      assert.equal((await run(matchInterfaces, machine, [LAN])).outcome, 'changed');
      assert.deepEqual(wrote(machine), [command]);
    }
  });

  it('waits for whoever plugs in the cable or starts the DHCP server', async () => {
    const unplugged = withLinks(() => [card('ens3', LAN.mac ?? '', { flags: ['UP'] })]);
    assert.equal(
      failure(await run(matchInterfaces, unplugged, [LAN])),
      'waiting-operator: lan: ens3 has no link',
    );
    const silent = withLinks(() => [card('ens3', '52:54:00:00:00:0a')]);
    assert.equal(
      failure(await run(matchInterfaces, silent, [DHCP])),
      'waiting-operator: lan: ens3 has no address by DHCP',
    );
  });

  it('fails for a card that is not there, and names those that are', async () => {
    const machine = withLinks(() => [card('ens9', '52:54:00:00:00:0f')]);
    assert.equal(
      failure(await run(matchInterfaces, machine, [LAN])),
      'verify-failed: lan: no interface on 52:54:00:00:00:0a; there are ens9 52:54:00:00:00:0f',
    );
  });

  it('fails for an address that does not come, although it is a fixed one', async () => {
    const machine = withLinks(() => [card('ens3', LAN.mac ?? '', address('10.0.0.12'))]);
    assert.equal(
      failure(await run(matchInterfaces, machine, [LAN])),
      'verify-failed: lan: ens3 has not the address 10.0.0.11/24',
    );
  });

  it('asks nothing of a plan that names no card on a machine that has none', async () => {
    assert.deepEqual(
      evidence(
        await run(
          matchInterfaces,
          withLinks(() => []),
          [DHCP],
        ),
      ),
      {
        interfaces: ['lan: no wired card'],
      },
    );
    const none = fakeMachine();
    assert.equal((await run(matchInterfaces, none)).outcome, 'already-done');
    assert.deepEqual(none.ran, []);
  });
});
