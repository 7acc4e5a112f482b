import assert from 'node:assert/strict';
import { ConsoleSpans } from '../../src/lab/evidence/console-spans.ts';

/** Feeds `[seconds, line]` pairs. */
function spansOf(lines: readonly (readonly [number, string])[]) {
  const spans = new ConsoleSpans();
  for (const [at, line] of lines) spans.line(line, at);
  return spans.spans;
}

describe('steps told from a console', () => {
  it('takes titles of the installer for steps, and neither what explains them nor the kernel', () => {
    const spans = spansOf([
      [10, '[     5.5] installing standalone by /slipway/ks/standalone.ks'],
      [12, '[     7.1] Partition the disks'],
      [13, '[     8.0]   /dev/vda: 5 partitions'],
      [14, '[   40.002938] XFS (vda3): Ending clean mount'],
      [15, '[     9.9] nothing answers at 10.0.2.2: going on without the network'],
      [16, '[    10.4] Wait for /boot and the ESP, and prove every disk'],
      [30, 'slipway: installed standalone'],
    ]);
    assert.deepEqual(
      spans.map(({ title, from, to, outcome }) => [title, from, to, outcome]),
      [
        ['Read the kickstart', 10, 12, 'changed'],
        ['Partition the disks', 12, 16, 'changed'],
        ['Wait for /boot and the ESP, and prove every disk', 16, 30, 'changed'],
      ],
    );
    assert.ok(spans.every(({ by }) => by === 'installer'));
  });

  it('takes the time of a step that had nothing to do from what the agent says at its end', () => {
    const [identity, layout] = spansOf([
      [50, 'standalone login: slipway: [1/7] Identity: already-done (0.1 s)'],
      [55, 'slipway: [2/7] Storage layout: already-done (4.6 s)'],
    ]);
    assert.deepEqual(identity, {
      by: 'agent',
      step: 'identity',
      title: 'Identity',
      from: 49.9,
      to: 50,
      outcome: 'already-done',
    });
    assert.equal(layout?.from, 50.4);
  });

  it('joins what a step says under its id, its title and its position', () => {
    const spans = spansOf([
      [1, 'slipway: [3/7] Arrays in sync: boot is at 12 %'],
      [2, 'slipway: [3/7] pass-md-gate: boot is at 60 %'],
      [9, 'slipway: [3/7] Arrays in sync: changed (8.4 s)'],
      [10, 'slipway: [4/7] Boot loader on every disk: failed (verify-failed): /dev/vdb: no core image'],
    ]);
    assert.deepEqual(
      spans.map(({ step, title, from, to, outcome }) => [step, title, from, to, outcome]),
      [
        ['pass-md-gate', 'Arrays in sync', 1, 9, 'changed'],
        ['boot-loader-on-every-disk', 'Boot loader on every disk', 10, 10, 'failed'],
      ],
    );
  });

  it("reads the installer's events, cut off ones excepted", () => {
    const spans = spansOf([
      [1, '{"seconds":1.0,"event":"step","id":"make-file-systems","state":"checking"}'],
      [
        2,
        '{"seconds":2.0,"event":"step","id":"make-file-systems","state":"applying","why":"/dev/vda2 is empty"}',
      ],
      [2, '{"seconds":2.0,"event":"said","line":"Make the file systems"}'],
      [3, '{"seconds":3.0,"event":"step","id":"make-file-systems","sta'],
      [4, '{"seconds":4.0,"event":"step","id":"make-file-systems","state":"changed"}'],
      [5, '{"seconds":5.0,"event":"step","id":"mount-target","state":"checking"}'],
    ]);
    assert.deepEqual(spans, [
      {
        by: 'installer',
        step: 'make-file-systems',
        title: 'Make the file systems',
        from: 1,
        to: 4,
        outcome: 'changed',
      },
      { by: 'installer', step: 'mount-target', title: 'Mount target', from: 5 },
    ]);
  });

  it('marks the step that ran when the node gave up, and leaves open how a cut one would have ended', () => {
    const [failed] = spansOf([
      [1, '[     1.0] Unpack the image'],
      [3, 'slipway: failed node-a: verify-failed: unpack-image: the medium cannot be read'],
    ]);
    assert.deepEqual([failed?.to, failed?.outcome], [3, 'failed']);
    const cut = new ConsoleSpans();
    cut.line('[     1.0] Unpack the image', 1);
    cut.end(2);
    assert.deepEqual(
      cut.spans.map(({ to, outcome }) => [to, outcome]),
      [[2, undefined]],
    );
  });
});
