import assert from 'node:assert/strict';
import { debianPackages, unmetPackages } from '../../src/installer/packages.ts';
import type { PayloadConfig } from '../../src/installer/system-config-payload.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';

const STATUS = `Package: bash
Status: install ok installed
Version: 5.2

Package: gone
Status: deinstall ok config-files

Package: held
Status: hold ok installed
`;

const machineWith = (root = ''): FakeMachine =>
  fakeMachine({
    files: { [`${root}/var/lib/dpkg/status`]: STATUS },
    commands: {
      find: () => '/repo/agent.rpm\n',
      rpm: ({ args }) => (args.includes('--package') ? 'agent\t1-1\t\n' : 'runtime\t2-1\n'),
    },
  });
const wanting = (...packages: readonly string[]): PayloadConfig => ({
  image: { url: 'file:///x' },
  repositories: ['/repo'],
  packages,
  excluded: [],
  packageGroups: [],
  ignoreMissingPackages: false,
});

describe('the packages of a system', () => {
  it('are those dpkg has wholly', async () => {
    assert.deepEqual([...(await debianPackages(machineWith('/mnt'), '/mnt'))], ['bash', 'held']);
    assert.deepEqual([...(await debianPackages(machineWith(), '/'))], ['bash', 'held']);
    assert.deepEqual([...(await debianPackages(fakeMachine(), '/'))], []);
  });

  it('meet a kickstart by dpkg, by rpm or by a repository', async () => {
    const unmet = await unmetPackages(
      machineWith(),
      wanting('bash', 'runtime', 'agent', 'gone', 'httpd'),
      '/',
    );
    assert.deepEqual(unmet, ['gone', 'httpd']);
  });

  it('are not asked about when nothing is wanted', async () => {
    const machine = machineWith();
    assert.deepEqual(await unmetPackages(machine, wanting(), '/'), []);
    assert.deepEqual(machine.ran, []);
  });
});
