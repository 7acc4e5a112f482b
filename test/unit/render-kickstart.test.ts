import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatProblems, InputError } from '../../src/errors/problem.ts';
import { renderKickstart } from '../../src/kickstart/render.ts';
import { MEDIUM } from '../../src/media/types.ts';
import type { NodePlan, Release } from '../../src/plan/types.ts';
import { goldenPlan, nodeOf, RELEASE_NAMES, render, TEMPLATES } from '../helpers/rendered.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const lines = (text: string, start: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith(start));

function refusal(node: NodePlan): InputError {
  try {
    render(node);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  assert.fail('it was rendered');
}

describe('a rendered kickstart', () => {
  it('is the same text every time', () => {
    assert.equal(render(nodeOf('two-disks'), 'rhel9'), render(nodeOf('two-disks'), 'rhel9'));
  });

  it('takes no disk but those %pre has found', () => {
    for (const release of RELEASE_NAMES) {
      const text = render(nodeOf('two-disks'), release);
      assert.deepEqual(lines(text, '%include'), ['%include /tmp/slipway-disks.ks']);
      assert.deepEqual(
        lines(text.slice(0, text.indexOf('\n%pre ')), 'part'),
        [],
        'partitions stand nowhere outside of %pre',
      );
    }
  });

  it('names what lies on the medium by the names the medium is built with', () => {
    const text = render(nodeOf('two-disks'));
    assert.deepEqual(lines(text, 'liveimg'), [
      `liveimg --url=file://${MEDIUM.mountPoint}/${MEDIUM.squashfs}`,
    ]);
    assert.deepEqual(lines(text, 'repo'), [
      `repo --name=slipway --baseurl=file://${MEDIUM.mountPoint}/${MEDIUM.repository}`,
    ]);
    assert.match(text, new RegExp(`install -D -m 0644 ${MEDIUM.mountPoint}/${MEDIUM.node('node-a')} `));
  });

  it('says a VLAN on a bond in the way its release reads', () => {
    const bonds = (release: Release) => lines(render(nodeOf('bond'), release), 'network --device=bond1');
    const ports = '--bondslaves=$ports1 --bondopts=mode=802.3ad,miimon=100';
    const address = '--bootproto=static --ip=192.168.42.31 --netmask=255.255.255.0 --onboot=yes';
    assert.deepEqual(bonds('rhel9'), [`network --device=bond1 ${ports} --vlanid=42 --bindto=mac ${address}`]);
    assert.deepEqual(bonds('rhel8'), [
      `network --device=bond1 ${ports} --bindto=mac --noipv4 --noipv6 --onboot=yes`,
      `network --device=bond1 --vlanid=42 ${address}`,
    ]);
  });

  it('leaves VLANs that share a card to %pre, since no two lines may be for one device', () => {
    const mac = '52:54:00:20:00:01';
    const text = render(
      nodeOf('one-disk', {
        interfaces: [
          { name: 'a', mac, address: '10.0.1.1/24', vlan: 1 },
          { name: 'b', mac, address: '10.0.2.1/24', vlan: 2 },
        ],
      }),
    );
    const main = text.slice(0, text.indexOf('\n%pre '));
    assert.deepEqual(lines(main, '%include /tmp/slipway-network'), ['%include /tmp/slipway-network.ks']);
    assert.deepEqual(lines(main, 'network'), ['network --hostname=solo']);
    assert.equal(lines(text, `network --device=${mac} --vlanid=`).length, 2);
  });

  it('never holds a passphrase: where something is encrypted, the installer may ask', () => {
    const text = render(nodeOf('luks-root'), 'rhel9');
    assert.doesNotMatch(text, /--passphrase|--escrowcert/);
    assert.match(text, /^text$/m);
    assert.match(text, /^raid \/ .*--encrypted --luks-version=luks2 raid\.root0 raid\.root1$/m);
    assert.match(render(nodeOf('two-disks'), 'rhel9'), /^cmdline$/m);
  });

  it("locks root's password unless the plan has a hash", () => {
    assert.deepEqual(lines(render(nodeOf('two-disks')), 'rootpw'), ['rootpw --lock']);
    const access = { rootPasswordHash: '$6$salt$hash', sshKeys: [] };
    assert.deepEqual(lines(render(nodeOf('two-disks', { access })), 'rootpw'), [
      "rootpw --iscrypted '$6$salt$hash'",
    ]);
  });

  it('gives each disk a biosboot partition that pykickstart takes for another one', () => {
    const text = render(nodeOf('raid1-spare'), 'rhel9');
    assert.deepEqual(
      lines(text, 'part').filter((line) => line.includes('--fstype=biosboot')),
      ['biosboot', 'None', 'biosboot2'].map(
        (name, disk) => `part ${name} --fstype=biosboot --size=1 --ondisk=\${stable[${disk}]}`,
      ),
    );
  });

  it('keeps the names of members apart when the name of a volume ends in a digit', () => {
    const { layout } = nodeOf('raid1-spare');
    const [array] = layout.arrays.slice(-1);
    const [partition] = layout.partitions.slice(-1);
    const [volume] = layout.volumes.filter(({ role }) => role === 'data');
    assert.ok(array && partition && volume);
    const node = nodeOf(
      'raid1-spare',
      {},
      {
        arrays: [{ ...array, name: 'srv1' }],
        partitions: [{ ...partition, gptName: 'slipway-srv1' }],
        volumes: [{ ...volume, name: 'srv1' }],
      },
    );
    assert.match(render(node), / raid\.srv1-0 raid\.srv1-1 raid\.srv1-2$/m);
  });

  it('asks Anaconda for what makes both firmwares bootable, as far as the layout has them', () => {
    const both = render(nodeOf('two-disks'), 'rhel9');
    assert.match(both, /grub2-install --target=i386-pc/);
    assert.match(both, /BOOTX64\.EFI/);
    assert.doesNotMatch(render(nodeOf('uefi-only'), 'rhel9'), /grub2-install/);
    assert.doesNotMatch(render(nodeOf('bios-only'), 'rhel9'), /BOOTX64/);
    assert.doesNotMatch(render(nodeOf('two-disks'), 'embedded'), /grub2-install|BOOTX64/);
  });
});

describe('a value that does not fit a kickstart', () => {
  for (const [what, node, line] of [
    ['a newline in the time zone', nodeOf('one-disk', { timezone: 'UTC\nclearpart --all' }), /timezone <%=/],
    ['a blank in the host name', nodeOf('one-disk', { name: 'a b' }), /it\.node\.name/],
    ['a quote in a key', nodeOf('one-disk', { access: { sshKeys: ["ssh-rsa A' x"] } }), /sshkey/],
    [
      'a quote in a serial number',
      nodeOf('one-disk', {
        disks: { kind: 'identified', disks: [{ by: 'serial', value: "x'; id; '", wipe: true }] },
      }),
      /wanted_value/,
    ],
    ['a command in a label', withLabel('a$(id)'), /target\.label/],
  ] as const) {
    it(`is shown with the line of its template: ${what}`, () => {
      const error = refusal(node);
      const [problem] = error.problems;
      assert.equal(problem?.rule, 'unsafe-value');
      assert.match(problem.file, /^kickstart\/[\w-]+\.ejs$/);
      const source = readFileSync(join(TEMPLATES, '..', problem.file), 'utf8').split('\n');
      assert.match(source[problem.line - 1] ?? '', line);
      assert.doesNotMatch(formatProblems(error.problems, error.sources), / {4}at /);
    });
  }

  it('is an undefined one, too', () => {
    const node: NodePlan = JSON.parse(
      JSON.stringify(nodeOf('one-disk'), (key, value) => (key === 'timezone' ? undefined : value)),
    );
    const [problem] = refusal(node).problems;
    assert.deepEqual(
      { file: problem?.file, message: problem?.message },
      { file: 'kickstart/time.ejs', message: 'a value is undefined' },
    );
  });
});

describe('a mistake in a template', () => {
  it('is reported with its line and not as the fault of the spec', () => {
    const folder = makeTempDir('slipway templates-');
    try {
      cpSync(TEMPLATES, folder, { recursive: true });
      writeFileSync(join(folder, 'time.ejs'), 'timezone UTC\n<%= it.nowhere.at.all %>\n');
      const plan = goldenPlan('one-disk');
      const [node] = plan.nodes;
      assert.ok(node);
      assert.throws(
        () => renderKickstart(node, plan, { templates: folder, medium: MEDIUM }),
        (error) =>
          error instanceof TypeError &&
          !(error instanceof InputError) &&
          / >> 2\| <%= it\.nowhere/.test(error.message),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function withLabel(label: string): NodePlan {
  const { layout } = nodeOf('one-disk');
  return nodeOf('one-disk', {}, { volumes: layout.volumes.map((volume) => ({ ...volume, label })) });
}
