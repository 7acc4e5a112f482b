import assert from 'node:assert/strict';
import { debianPackages, offeredPackages, unmetPackages } from '../../src/installer/packages.ts';
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
describe('the packages of a system', () => {
  it('are those dpkg has wholly', async () => {
    assert.deepEqual([...(await debianPackages(machineWith('/mnt'), '/mnt'))], ['bash', 'held']);
    assert.deepEqual([...(await debianPackages(machineWith(), '/'))], ['bash', 'held']);
    assert.deepEqual([...(await debianPackages(fakeMachine(), '/'))], []);
  });

  it('meet a kickstart by dpkg, by rpm or by a repository', async () => {
    const machine = machineWith();
    const offered = await offeredPackages(machine, ['/repo']);
    const wanted = ['bash', 'runtime', 'agent', 'gone', 'httpd'];
    assert.deepEqual(await unmetPackages(machine, wanted, offered, '/'), ['gone', 'httpd']);
  });

  it('are not asked about when nothing is wanted', async () => {
    const machine = machineWith();
    assert.deepEqual(await unmetPackages(machine, [], new Map(), '/'), []);
    assert.deepEqual(machine.ran, []);
  });
});
