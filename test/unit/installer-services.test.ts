import assert from 'node:assert/strict';
import { runStep } from '../../src/engine/run-step.ts';
import { configLinks } from '../../src/installer/config-files.ts';
import type { Installation } from '../../src/installer/installation.ts';
import { enableServices, wantedUnits } from '../../src/installer/steps/enable-services.ts';
import { readSystemConfig, type SystemConfig } from '../../src/installer/system-config.ts';
import { nftablesConfig, readFirewall } from '../../src/installer/system-config-firewall.ts';
import { readServices, selinuxConfig } from '../../src/installer/system-config-services.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import {
  brief,
  commandsOf,
  documentOf,
  goodModel,
  installationOf,
  RAID1,
  why,
} from '../helpers/installer.ts';

const configOf = (text: string): SystemConfig => {
  const { config, problems } = readSystemConfig(documentOf(`${text}\n`));
  assert.deepEqual(problems, []);
  return config;
};

describe('the services of a kickstart', () => {
  it('have a suffix, and Debian’s names', () => {
    const { services } = configOf('services --disabled=sshd,a --enabled=b.socket,b.socket,getty@ttyS1');
    assert.deepEqual(services.disabled, ['ssh.service', 'a.service']);
    assert.deepEqual(services.enabled, ['b.socket', 'getty@ttyS1.service']);
  });

  it('start to the graphical target only when the kickstart says so', () => {
    for (const [text, target] of [
      ['graphical', 'multi-user.target'],
      ['skipx', 'multi-user.target'],
      ['xconfig --startxonboot', 'graphical.target'],
    ] as const) {
      assert.equal(configOf(text).services.defaultTarget, target, text);
    }
  });

  it('go with time and firewall, unless the kickstart names them itself', () => {
    const resolved = 'systemd-resolved.service';
    assert.deepEqual(wantedUnits(configOf('zerombr')), {
      enabled: ['systemd-timesyncd.service'],
      disabled: [resolved],
    });
    assert.deepEqual(wantedUnits(configOf('timesource --ntp-disable\nfirewall --enabled')), {
      enabled: ['nftables.service'],
      disabled: ['systemd-timesyncd.service', resolved],
    });
    assert.deepEqual(wantedUnits(configOf('firewall --enabled\nservices --disabled=nftables')), {
      enabled: ['systemd-timesyncd.service'],
      disabled: ['nftables.service', resolved],
    });
    assert.deepEqual(wantedUnits(configOf('services --disabled=a --enabled=a')).enabled, [
      'a.service',
      'systemd-timesyncd.service',
    ]);
  });

  it('hold the name servers of a lease where the kickstart names none', () => {
    for (const [text, on] of [
      ['network --bootproto=dhcp', true],
      ['network --device=a --ipv6=dhcp --noipv4', true],
      ['network --bootproto=dhcp --nameserver=10.0.0.1', false],
      ['network --bootproto=dhcp --nodns', false],
      ['network --device=a --ip=10.0.0.5 --netmask=255.0.0.0', false],
    ] as const) {
      const { enabled } = wantedUnits(configOf(text));
      assert.equal(enabled.includes('systemd-resolved.service'), on, text);
      assert.equal(configLinks(configOf(text)).has('/etc/resolv.conf'), on, text);
    }
  });

  it('are refused by a name that is none', () => {
    const { problems } = readServices(commandsOf('services --enabled="a b"\n'));
    assert.deepEqual(problems.map(brief), ["1:20 service: 'a b' is no service"]);
  });

  it('record SELinux’s mode and nothing more', () => {
    assert.match(selinuxConfig('permissive'), /^SELINUX=permissive$/m);
    assert.match(selinuxConfig('enforcing'), /nothing is enforced/);
    assert.equal(configOf('selinux').services.selinux, 'enforcing');
    assert.equal(configOf('zerombr').services.selinux, undefined);
  });
});

describe('the firewall of a kickstart', () => {
  const firewall = (line: string) => readFirewall(commandsOf(`firewall ${line}\n`));

  it('lets in SSH, what is asked for, and nothing that is taken out again', () => {
    assert.deepEqual(firewall('--enabled --port=22001:tcp,6400:udp,99 --service=tftp,smtp --http').firewall, {
      enabled: true,
      ports: ['22/tcp', '25/tcp', '69/udp', '80/tcp', '99/tcp', '546/udp', '6400/udp', '22001/tcp'],
      trusted: [],
    });
    assert.deepEqual(firewall('--enabled --remove-service=ssh --trust=eth1').firewall, {
      enabled: true,
      ports: ['546/udp'],
      trusted: ['eth1'],
    });
  });

  it('keeps its rules when it is off, and has none by default', () => {
    assert.equal(firewall('--disabled --port=1:tcp').firewall?.enabled, false);
    assert.deepEqual(firewall('--disabled --port=1:tcp').firewall?.ports, ['1/tcp', '22/tcp', '546/udp']);
    assert.equal(firewall('--use-system-defaults --port=1:tcp').firewall, undefined);
    assert.equal(readFirewall([]).firewall, undefined);
  });

  it('is written as nftables rules', () => {
    const rules = nftablesConfig({ enabled: true, ports: ['22/tcp', '53/udp', '80/tcp'], trusted: ['eth1'] });
    assert.match(rules, /^ {4}type filter hook input priority filter; policy drop;$/m);
    assert.match(rules, /^ {4}tcp dport \{ 22, 80 \} accept$/m);
    assert.match(rules, /^ {4}udp dport \{ 53 \} accept$/m);
    assert.match(rules, /^ {4}iifname "eth1" accept$/m);
    assert.doesNotMatch(rules, /sctp/);
    assert.doesNotMatch(nftablesConfig({ enabled: true, ports: [], trusted: [] }), /dport/);
  });

  for (const [line, problem] of [
    ['--service=ssh,gopher', "firewall: this installer does not know the ports of the service 'gopher'"],
    ['--port=0:tcp', "firewall: '0:tcp' is no port"],
    ['--port=70000', "firewall: '70000' is no port"],
    ['--port=9-8:tcp', "firewall: '9-8:tcp' is no port"],
    ['--port=80:icmp', "firewall: '80:icmp' is no port"],
    ['--trust="a b"', "firewall: 'a b' is no interface"],
  ] as const) {
    it(`refuses ${line}`, () => {
      const { problems } = firewall(`--enabled ${line}`);
      assert.deepEqual(
        problems.map(({ rule, message }) => `${rule}: ${message}`),
        [problem],
      );
    });
  }
});

describe('enable-services', () => {
  function machineWith(units: Readonly<Record<string, string>>): FakeMachine {
    const states = new Map(Object.entries(units));
    let target = 'graphical.target';
    return fakeMachine({
      commands: {
        systemctl: ({ args }) => {
          const [, verb, unit = ''] = args;
          const state = states.get(unit);
          if (verb === 'get-default') return `${target}\n`;
          if (verb === 'set-default') target = unit;
          if (verb === 'is-enabled')
            return state === undefined
              ? { exitCode: 1 }
              : { stdout: `${state}\n`, exitCode: state === 'enabled' ? 0 : 1 };
          if (verb === 'enable') states.set(unit, 'enabled');
          if (verb === 'disable') states.set(unit, 'disabled');
          return '';
        },
      },
    });
  }
  const installation = (text: string): Installation => installationOf(goodModel(RAID1), text);
  const changes = ({ ran }: FakeMachine): readonly string[] =>
    ran.filter(({ effect }) => effect === 'write').map(({ args }) => args.slice(1).join(' '));
  const UNITS = { 'systemd-timesyncd.service': 'enabled', 'a.service': 'disabled', 'ssh.service': 'enabled' };

  it('turns on and off what differs, once', async () => {
    const machine = machineWith({ ...UNITS, 'still.service': 'static' });
    const what = installation('services --disabled=sshd,still,gone --enabled=a');
    const step = enableServices();
    assert.equal((await runStep(step, machine, what)).outcome, 'changed');
    assert.equal((await runStep(step, machine, what)).outcome, 'already-done');
    assert.deepEqual(changes(machine), [
      'disable ssh.service',
      'enable a.service',
      'set-default multi-user.target',
    ]);
  });

  it('goes on without a service that is not installed, and says so', async () => {
    const machine = machineWith(UNITS);
    const said: string[] = [];
    const report = await runStep(enableServices(), machine, installation('services --enabled=radvd'), {
      listener: (event) => event.kind === 'said' && said.push(event.line),
    });
    assert.ok(report.outcome === 'changed');
    assert.deepEqual(said, ['radvd.service is not installed, so it cannot be enabled']);
    assert.deepEqual(report.evidence['missing'], ['radvd.service']);
  });

  it('does not believe a systemctl that did nothing', async () => {
    const machine = machineWith(UNITS);
    const broken: FakeMachine = {
      ...machine,
      exec: (command, onLine) =>
        command.args.includes('enable')
          ? Promise.resolve({ stdout: '', stderr: '', exitCode: 0, durationMs: 1 })
          : machine.exec(command, onLine),
    };
    const report = await runStep(enableServices(), broken, installation('services --enabled=a'));
    assert.equal(why(report), 'applied, but still: a.service is disabled');
  });
});
