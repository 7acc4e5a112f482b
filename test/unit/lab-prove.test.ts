import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { diskMaps } from '../../src/commands/disk-maps.ts';
import type { Command, Exec } from '../../src/engine/command.ts';
import type { LabMachineSpec } from '../../src/lab/engine.ts';
import { type Cell, EVIDENCE_VERSION, type Run } from '../../src/lab/evidence/types.ts';
import { EvidenceBook } from '../../src/lab/prove/book.ts';
import { carryOut } from '../../src/lab/prove/carry-out.ts';
import { kernelArguments, parseStepEvent } from '../../src/lab/prove/installer-run.ts';
import { planProofs } from '../../src/lab/prove/plan-proofs.ts';
import type { ProofGroup } from '../../src/lab/prove/proof.ts';
import { planSabotage, type Sabotage } from '../../src/lab/prove/sabotage.ts';
import { SABOTAGES } from '../../src/lab/prove/sabotage-names.ts';
import { matches, repeatCommand, selectCells, unmatched } from '../../src/lab/prove/select.ts';
import type { Plan } from '../../src/plan/types.ts';
import { type ScriptedEngine, scriptedEngine } from '../helpers/scripted-engine.ts';
import { examplePlan } from '../helpers/tiny-base.ts';
import { inTempDir } from '../helpers/tmp.ts';

const STEPS = [
  { id: 'partition-disks', title: 'Partition the disks' },
  { id: 'seal-installation', title: 'Prove every disk' },
];

const groupsOf = (plan: Plan): readonly ProofGroup[] =>
  planProofs(plan, { iso: '/d/x.iso', volumes: [], installerSteps: STEPS, diskMaps });
const idsOf = (groups: readonly ProofGroup[]): readonly string[] =>
  groups.flatMap(({ cells }) => cells.map(({ id }) => id));

describe('the cells that a plan is proven by', () => {
  it('are every way to start times everything that may become of mirrored disks', async () => {
    const ids = idsOf(groupsOf(await examplePlan('standalone-raid1')));
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(
      ids.filter((id) => id.startsWith('boot-matrix/uefi-secure-cd/')).map((id) => id.split('/')[2]),
      ['installs', 'all-disks', 'disk-1-alone', 'disk-2-alone', 'replaced', 'foreign', 'nvram-lost'],
    );
    assert.deepEqual(
      [...new Set(ids.filter((id) => id.startsWith('boot-matrix/')).map((id) => id.split('/')[1]))],
      ['bios-cd', 'uefi-cd', 'uefi-secure-cd', 'bios-usb', 'uefi-usb'],
    );
    assert.ok(!ids.includes('boot-matrix/bios-cd/nvram-lost'), 'BIOS has no entries to lose');
    assert.deepEqual(
      ids.filter((id) => !id.startsWith('boot-matrix/')),
      [
        ...['second-run/bios-cd/agent', 'second-run/bios-cd/installer', 'undeclared-disks/bios-cd'],
        ...['trap/bios-cd/power-cut-at-5', 'trap/bios-cd/power-cut-at-50', 'trap/bios-cd/power-cut-at-95'],
        ...['trap/bios-cd/reboot-before-sync', 'trap/bios-cd/missing-member'],
        ...['power-cuts/bios-cd/partition-disks', 'power-cuts/bios-cd/seal-installation'],
        'power-cuts/bios-cd/installed',
      ],
    );
  });

  it('leave out mirrors where there are none, and firmware that the layout does without', async () => {
    const plan = await examplePlan('one-disk');
    const ids = idsOf(groupsOf(plan));
    assert.deepEqual(
      ids.filter((id) => /disk-\d|replaced|foreign|trap/.test(id)),
      [],
    );
    const bios = {
      ...plan,
      nodes: plan.nodes.map((node) => ({
        ...node,
        layout: { ...node.layout, firmware: ['bios' as const] },
      })),
    };
    assert.deepEqual(
      idsOf(groupsOf(bios)).filter((id) => id.includes('uefi')),
      [],
    );
  });

  it('are proven on one node of each kind, named only where there are several', async () => {
    const pair = await examplePlan('ha-pair');
    assert.ok(idsOf(groupsOf(pair)).every((id) => !id.includes('node-')));
    assert.deepEqual(
      idsOf(groupsOf(pair)).filter((id) => id.startsWith('failover/')),
      ['failover/installs', 'failover/complete', 'failover/power-cut'],
    );
    const [first, second] = pair.nodes;
    assert.ok(first !== undefined && second !== undefined);
    const layout = { ...second.layout, firmware: ['uefi' as const] };
    const ids = idsOf(groupsOf({ ...pair, nodes: [first, { ...second, layout }] }));
    assert.ok(ids.includes('boot-matrix/node-a-bios-cd/installs'));
    assert.ok(ids.includes('boot-matrix/node-b-uefi-cd/installs'));
    assert.ok(!ids.includes('boot-matrix/node-b-bios-cd/installs'));
  });
});

describe('choosing cells', () => {
  it('takes patterns part by part, and what a pattern leaves out may be anything', () => {
    const id = 'boot-matrix/uefi-cd/disk-1-alone';
    for (const pattern of [id, 'boot-matrix', 'boot-matrix/uefi-*', '*/*/disk-*-alone', 'boot-matrix/'])
      assert.ok(matches(id, pattern), pattern);
    for (const pattern of ['boot', 'uefi-cd', 'boot-matrix/uefi', 'boot-matrix/*/disk-1-alone/x', '.*'])
      assert.ok(!matches(id, pattern), pattern);
  });

  it('takes what a cell starts from along, names what no cell is called, and repeats one cell', async () => {
    const groups = groupsOf(await examplePlan('standalone-raid1'));
    assert.deepEqual(idsOf(selectCells(groups, ['boot-matrix/bios-usb/disk-2-alone'])), [
      'boot-matrix/bios-usb/installs',
      'boot-matrix/bios-usb/all-disks',
      'boot-matrix/bios-usb/disk-2-alone',
    ]);
    assert.deepEqual(idsOf(selectCells(groups, [])), idsOf(groups));
    assert.deepEqual(unmatched(groups, ['trap', 'nonsense', 'boot-matrix/x']), ['nonsense', 'boot-matrix/x']);
    assert.equal(
      repeatCommand('my specs/a.yaml', 'trap/bios-cd', ['--sabotage', 'no-gate']),
      "slipway lab prove 'my specs/a.yaml' --only trap/bios-cd --sabotage no-gate",
    );
  });

  it('has a sabotage for each proof', async () => {
    const groups = groupsOf(await examplePlan('standalone-raid1'));
    const struck = SABOTAGES.map((name) => planSabotage(name, groups).cell?.split('/')[0]);
    assert.deepEqual(new Set(struck), new Set(idsOf(groups).map((id) => id.split('/')[0])));
  });
});

describe('what the installer tells', () => {
  it('is asked for behind the words of the very entry of the node', () => {
    const menu = [
      "menuentry 'd  Boot from disk' --id='disk' --hotkey=d {\n  exit\n}",
      "menuentry '1  Install a' --id='node:a' --hotkey=1 {\n  linux ($medium)/boot/vmlinuz one=1 two\n  initrd x\n}",
      "menuentry '2  Install ab' --id='node:ab' --hotkey=2 {\n  linux ($medium)/boot/vmlinuz three\n  initrd x\n}",
    ].join('\n');
    assert.equal(kernelArguments(menu, 'a'), 'one=1 two');
    assert.equal(kernelArguments(menu, 'ab'), 'three');
    assert.equal(kernelArguments(menu, 'b'), undefined);
  });

  it('is read from its events, and from nothing else', () => {
    const line = '{"seconds":9,"event":"step","id":"create-arrays","state":"applying","why":"x"}';
    assert.deepEqual(parseStepEvent(line), { id: 'create-arrays', state: 'applying' });
    for (const other of [line.slice(0, 40), `[ 1.0] ${line}`, '{"event":"said","line":"x"}', 'null'])
      assert.equal(parseStepEvent(other), undefined, other);
  });
});

/** Carries the wanted cells of the mirrored example out on scripted machines. */
async function proven(
  dir: string,
  engine: ScriptedEngine,
  only: readonly string[],
  change: {
    readonly sabotage?: (groups: readonly ProofGroup[]) => Sabotage;
    readonly signal?: AbortSignal;
    readonly exec?: Exec;
    readonly example?: string;
    readonly jobs?: number;
  } = {},
): Promise<Run> {
  const groups = selectCells(groupsOf(await examplePlan(change.example ?? 'standalone-raid1')), only);
  const cells = groups.flatMap((group) => group.cells);
  const book = new EvidenceBook(dir, Date.now(), {
    ...{ version: EVIDENCE_VERSION, command: 'x', cluster: 'x', plan: 'x', machine: 'x', versions: {} },
    ...{ startedAt: new Date().toISOString(), nodes: [] },
    cells: cells.map(({ id, proof, row, column }) => ({
      ...{ id, proof, row, column, verdict: 'not-run', repeat: '' },
    })),
  });
  await carryOut(groups, {
    ...{ report: dir, work: join(dir, 'work'), book, jobs: change.jobs ?? 1, cpus: 1 },
    exec: change.exec ?? answering(),
    engine: (listeners) => engine.create(listeners),
    signal: change.signal ?? new AbortController().signal,
    sabotages: change.sabotage === undefined ? [] : [change.sabotage(groups)],
    told: () => undefined,
  });
  return JSON.parse(await readFile(join(dir, 'run.json'), 'utf8'));
}

const BOOT_MENU =
  "menuentry '1  Install' --id='node:standalone' {\n  linux ($medium)/boot/vmlinuz inst.ks=x\n}\n";

/** Stands in for qemu-img, mke2fs and xorriso: every image is as it was, and the boot menu has one entry. */
function answering(compare = 0, ran: Command[] = []): Exec {
  return async (command) => {
    ran.push(command);
    const menu = command.args.find((word) => word.endsWith('-grub.cfg'));
    if (menu !== undefined) await writeFile(menu, BOOT_MENU);
    const initrd = command.args.find((word) => word.endsWith('-initrd'));
    if (initrd !== undefined) await writeFile(initrd, 'an initramfs');
    const exitCode = command.args[0] === 'compare' ? compare : 0;
    return {
      stdout: exitCode === 0 ? '' : 'Content mismatch at offset 7!',
      stderr: '',
      exitCode,
      durationMs: 0,
    };
  };
}

const verdicts = ({ cells }: Run): Readonly<Record<string, string>> =>
  Object.fromEntries(cells.map(({ id, verdict }) => [id.split('/').slice(1).join('/'), verdict]));
const cellOf = ({ cells }: Run, end: string): Cell => {
  const cell = cells.find(({ id }) => id.endsWith(end));
  assert.ok(cell, end);
  return cell;
};

const MENU = ['d  Boot from disk', 'slipway: installed standalone'];
const AGENT = [
  'slipway: [1/2] Identity: already-done (0.1 s)',
  'slipway: [2/2] Host names: already-done (0.2 s)',
];
const COMPLETE = ['GNU GRUB', ...AGENT, 'slipway: complete standalone'];
const DEGRADED = [
  ...['GNU GRUB', 'slipway: failed standalone: verify-failed: pass-md-gate: array boot is degraded: 1 of 2'],
  'standalone login:',
];
/** What a node does that is as it should be. */
const sound = ({ medium, disks }: LabMachineSpec): readonly string[] =>
  medium !== undefined ? MENU : disks.length === 1 ? DEGRADED : COMPLETE;

describe('carrying proofs out', () => {
  it('keeps verdict, console, what shows it, screenshot and times of each cell, and leaves no disk', async () => {
    await inTempDir(async (dir) => {
      const engine = scriptedEngine(sound);
      const run = await proven(dir, engine, ['boot-matrix/bios-usb/disk-2-alone']);
      assert.deepEqual(verdicts(run), {
        'bios-usb/installs': 'passed',
        'bios-usb/all-disks': 'passed',
        'bios-usb/disk-2-alone': 'passed',
      });
      const alone = cellOf(run, 'disk-2-alone');
      assert.equal(alone.excerpt, DEGRADED.slice(1).join('\n'));
      assert.match(
        await readFile(join(dir, alone.console ?? ''), 'utf8'),
        /^--- switched on: bios.*LAB00002\nGNU GRUB\n/,
      );
      assert.equal(await readFile(join(dir, alone.screenshot ?? ''), 'utf8'), 'PNG');
      assert.ok(alone.from !== undefined && alone.seconds !== undefined);
      assert.deepEqual(
        engine.started[2]?.disks.map(({ serial }) => serial),
        ['LAB00002'],
      );
      assert.deepEqual(
        run.nodes.map(({ name, spans }) => [name, spans.map(({ title }) => title)]),
        [['standalone: BIOS, USB', ['Identity', 'Host names']]],
      );
      assert.equal(engine.running.size, 0);
      assert.deepEqual(await readdir(join(dir, 'work')), []);
    });
  });

  it('begins with what takes longest where several machines run, and reports in the order of the plan', async () => {
    await inTempDir(async (dir) => {
      const engine = scriptedEngine(sound);
      const long = ['uefi-cd', 'bios-usb'];
      const only = ['boot-matrix/bios-cd/installs', ...long.map((id) => `boot-matrix/${id}/disk-1-alone`)];
      const run = await proven(dir, engine, only, { jobs: 2 });
      assert.deepEqual(Object.keys(verdicts(run)), [
        'bios-cd/installs',
        ...long.flatMap((id) => [`${id}/installs`, `${id}/all-disks`, `${id}/disk-1-alone`]),
      ]);
      const isShort = ({ firmware, medium }: LabMachineSpec) => firmware === 'bios' && medium?.kind === 'cd';
      // Not before one of the others is over.
      assert.ok(engine.started.findIndex(isShort) >= 3);
      assert.ok(engine.started.every(({ cpus }) => cpus === 1));
    });
  });

  it('fails a cell that does not show it, with the last that was printed, and tries nothing that starts from it', async () => {
    await inTempDir(async (dir) => {
      const panics = ['GNU GRUB', 'Kernel panic - not syncing: no init'];
      const engine = scriptedEngine((spec) => (spec.medium === undefined ? panics : MENU));
      const run = await proven(dir, engine, ['boot-matrix/bios-cd/disk-*-alone']);
      assert.deepEqual(Object.values(verdicts(run)), ['passed', 'failed', 'not-run', 'not-run']);
      const red = cellOf(run, 'all-disks');
      assert.match(red.message ?? '', /^gave up before .*Kernel panic/);
      assert.equal(red.excerpt, panics.join('\n'));
      assert.equal(
        cellOf(run, 'disk-1-alone').message,
        'it starts from boot-matrix/bios-cd/all-disks, which has not passed',
      );
      assert.equal(engine.started.length, 2);
    });
  });

  it('does not take a second run for good in which a step had something to do', async () => {
    await inTempDir(async (dir) => {
      const again = COMPLETE.map((line) => line.replace('Host names: already-done', 'Host names: changed'));
      const engine = scriptedEngine((spec, start) => (start === 3 ? again : sound(spec)));
      const run = await proven(dir, engine, ['second-run/bios-cd/agent']);
      assert.equal(cellOf(run, '/agent').verdict, 'failed');
      assert.equal(cellOf(run, '/agent').message, 'done again: Host names');
      assert.match(cellOf(run, '/agent').excerpt ?? '', /Host names: changed/);
    });
  });

  it('does not take a refusal for good after which a disk is not what it was', async () => {
    await inTempDir(async (dir) => {
      const refuses = [
        'GNU GRUB',
        'slipway: failed standalone: refused-foreign-data: replace-disk: x',
        'standalone login:',
      ];
      const engine = scriptedEngine((spec, start) => (start === 3 ? refuses : sound(spec)));
      const run = await proven(dir, engine, ['boot-matrix/bios-cd/foreign'], { exec: answering(1) });
      assert.equal(cellOf(run, 'foreign').verdict, 'failed');
      assert.equal(
        cellOf(run, 'foreign').message,
        'the foreign disk was written to: Content mismatch at offset 7!',
      );
    });
  });

  it('sees another node take over with what the one wrote that lost its power', async () => {
    const told = ({ medium, name, oemStrings }: LabMachineSpec): readonly string[] => {
      if (medium !== undefined) return ['Boot from disk', `slipway: installed ${name}`];
      const serves =
        name === 'node-a' ? ['proof: node-a serves, data of node-a'] : ['proof: node-b stands by'];
      const takesOver =
        name === 'node-b' ? ['proof: node-b serves, data of node-a node-b', 'slipway: failed node-b: x'] : [];
      const complete = [`slipway: complete ${name}`];
      return oemStrings === undefined ? complete : [...complete, ...serves, ...takesOver];
    };
    for (const [wrote, verdict] of [
      ['data of node-a node-b', 'passed'],
      ['data of node-b', 'failed'],
    ] as const) {
      await inTempDir(async (dir) => {
        const engine = scriptedEngine((spec) =>
          told(spec).map((line) => line.replace('data of node-a node-b', wrote)),
        );
        const run = await proven(dir, engine, ['failover'], { example: 'ha-pair' });
        assert.deepEqual(Object.values(verdicts(run)), ['passed', 'passed', verdict]);
        const wires = engine.started.flatMap(({ nics }) => nics.flatMap(({ wire }) => wire?.hub ?? []));
        assert.deepEqual([wires[0], wires[2]], [wires[1], wires[3]]);
        assert.equal(wires.length, 4);
        assert.deepEqual(
          run.nodes.map(({ name }) => name),
          ['node-a: BIOS, CD', 'node-b: BIOS, CD'],
        );
        assert.equal(engine.running.size, 0);
        assert.deepEqual(await readdir(join(dir, 'work')), []);
      });
    }
  });

  const event = (id: string, state: string): string => JSON.stringify({ event: 'step', id, state });

  it('starts the ISO again from what a power cut in a step left, and believes one kind of refusal', async () => {
    const installs = [
      ...[event('partition-disks', 'checking'), event('partition-disks', 'applying')],
      ...[event('seal-installation', 'checking'), event('seal-installation', 'already-done')],
      'slipway: installed standalone',
    ];
    for (const [says, verdict, message] of [
      ['slipway: failed standalone: refused-foreign-data: disk 1 holds a table', 'passed', undefined],
      [
        'slipway: failed standalone: config-invalid: 1 disk matches',
        'failed',
        /^gave up before .*config-invalid/,
      ],
    ] as const) {
      await inTempDir(async (dir) => {
        const engine = scriptedEngine(({ kernel }) =>
          kernel === undefined ? ['Boot from disk', says] : installs,
        );
        const ran: Command[] = [];
        const run = await proven(dir, engine, ['power-cuts'], { exec: answering(0, ran) });
        assert.deepEqual(Object.values(verdicts(run)), [verdict, 'not-run', verdict]);
        assert.match(cellOf(run, 'seal-installation').message ?? '', /nothing to do/);
        if (message !== undefined) assert.match(cellOf(run, 'partition-disks').message ?? '', message);
        assert.equal(engine.started[0]?.kernel?.commandLine, 'inst.ks=x slipway.events=1');
        // The first moment is what was installed on, the second one what was written to after the first.
        const [first] = engine.frozen;
        const backing = ran
          .filter(({ args }) => args.includes('create'))
          .map(({ args }) => args[args.indexOf('-b') + 1]);
        assert.match(backing[0] ?? '', /disk1\.raw$/);
        assert.deepEqual(backing.slice(2), first);
      });
    }
  });

  it('is not content with an installation that finishes and does not start', async () => {
    await inTempDir(async (dir) => {
      const engine = scriptedEngine(({ kernel, medium }) => {
        if (kernel !== undefined)
          return [event('partition-disks', 'applying'), 'slipway: installed standalone'];
        return medium === undefined ? ['GNU GRUB', 'Kernel panic - not syncing: x'] : MENU;
      });
      const run = await proven(dir, engine, ['power-cuts/bios-cd/partition-disks']);
      assert.equal(cellOf(run, 'partition-disks').verdict, 'failed');
    });
  });

  it('cuts the power when /boot is so far, and calls an installation on less than all disks a failure', async () => {
    await inTempDir(async (dir) => {
      const percents = [2, 7, 51, 99].map(
        (percent) => `{"event":"said","line":"  boot: resync ${percent} %, 9 KiB/s"}`,
      );
      const arrays = [event('create-arrays', 'changed'), event('seal-installation', 'applying')];
      const engine = scriptedEngine(({ kernel, disks }) => {
        if (kernel !== undefined) return [...arrays, ...percents, 'slipway: installed standalone'];
        if (disks.length === 1) return DEGRADED;
        return ['GNU GRUB', 'slipway: [1/2] Arrays in sync: changed (9.0 s)', ...COMPLETE];
      });
      const run = await proven(dir, engine, ['trap/*/power-cut-*', 'trap/*/missing-member']);
      assert.deepEqual(Object.values(verdicts(run)), ['passed', 'passed', 'passed', 'failed']);
      assert.equal(cellOf(run, 'missing-member').message, 'installed on less than all disks');
      assert.equal(engine.frozen.length, 3);
      assert.deepEqual(engine.limited, ['LAB00002']);
    });
  });

  it('does not call 36 % of /boot 5 %', async () => {
    await inTempDir(async (dir) => {
      const engine = scriptedEngine(({ kernel }) =>
        kernel === undefined
          ? COMPLETE
          : [event('seal-installation', 'applying'), '{"event":"said","line":"  boot: resync 36 %"}'],
      );
      const run = await proven(dir, engine, ['trap/*/power-cut-at-5']);
      assert.equal(cellOf(run, 'power-cut-at-5').verdict, 'failed');
      assert.equal(
        cellOf(run, 'power-cut-at-5').message,
        'boot was at 36 % already when it was to be seen at 5 %',
      );
    });
  });

  it('spares what the cells of a group have in common', async () => {
    await inTempDir(async (dir) => {
      const engine = scriptedEngine(({ kernel }) =>
        kernel === undefined
          ? ['Boot from disk', 'slipway: failed standalone: refused-foreign-data: disk 1 holds a table']
          : [
              ...[event('partition-disks', 'applying'), event('seal-installation', 'applying')],
              'slipway: installed standalone',
            ],
      );
      await proven(dir, engine, ['power-cuts/*/partition-disks', 'power-cuts/*/seal-installation'], {
        sabotage: (groups) => planSabotage('disk-missing', groups),
      });
      assert.deepEqual(
        engine.started.map(({ disks }) => disks.length),
        [2, 1, 2],
      );
    });
  });

  it('strikes the one cell that a sabotage is for', async () => {
    await inTempDir(async (dir) => {
      const ran: Command[] = [];
      const engine = scriptedEngine(sound);
      const run = await proven(dir, engine, ['boot-matrix/bios-cd/disk-*-alone'], {
        exec: answering(0, ran),
        sabotage: (groups) => planSabotage('grub-erased', groups),
      });
      assert.ok(cellOf(run, 'disk-2-alone').verdict);
      assert.deepEqual(
        ran.filter(({ file }) => file === 'qemu-io').map(({ args }) => args.slice(0, 4).join(' ')),
        ['-f qcow2 -c write -q -P 0 0 440'],
      );
    });
  });

  it('leaves nothing when it is interrupted, and calls no cell proven that was not', async () => {
    await inTempDir(async (dir) => {
      const abort = new AbortController();
      const engine = scriptedEngine((spec) => {
        if (spec.medium === undefined) setImmediate(() => abort.abort(new Error('interrupted')));
        return spec.medium === undefined ? ['GNU GRUB'] : MENU;
      });
      const { signal } = abort;
      await assert.rejects(proven(dir, engine, ['boot-matrix/bios-cd'], { signal }), /interrupted/);
      const run: Run = JSON.parse(await readFile(join(dir, 'run.json'), 'utf8'));
      assert.equal(cellOf(run, 'installs').verdict, 'passed');
      assert.deepEqual([...new Set(run.cells.slice(1).map(({ verdict }) => verdict))], ['not-run']);
      assert.equal(engine.running.size, 0);
      assert.deepEqual(await readdir(join(dir, 'work')), []);
    });
  });

  it('ends everything when something happens that no proof is about', async () => {
    await inTempDir(async (dir) => {
      const engine = scriptedEngine(sound);
      const exec: Exec = async (command) => {
        if (command.file === 'qemu-img') throw new Error('no space left on device');
        return answering()(command);
      };
      await assert.rejects(proven(dir, engine, ['boot-matrix/bios-cd'], { exec }), /no space left/);
      const run: Run = JSON.parse(await readFile(join(dir, 'run.json'), 'utf8'));
      assert.deepEqual(cellOf(run, 'disk-1-alone').message, 'the run has broken off');
      assert.ok(run.cells.every(({ verdict }) => verdict !== 'running'));
      assert.equal(engine.running.size, 0);
      assert.deepEqual(await readdir(join(dir, 'work')), []);
    });
  });
});
