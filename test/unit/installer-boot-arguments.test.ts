import assert from 'node:assert/strict';
import { StepFailure } from '../../src/engine/failure.ts';
import { parseBootArguments, parseKickstartSource } from '../../src/installer/boot-arguments.ts';

describe("the installer's boot arguments", () => {
  const volume = (name: string, path: string) => ({ kind: 'volume', volume: name, path });

  for (const [text, source] of [
    ['hd:LABEL=SLIPWAY:/ks/a.ks', volume('LABEL=SLIPWAY', '/ks/a.ks')],
    ['hd:LABEL=SLIPWAY:ks/a.ks', volume('LABEL=SLIPWAY', '/ks/a.ks')],
    ['hd:LABEL=My\\x20Disk\\x3a1:/a\\x20b.ks', volume('LABEL=My Disk:1', '/a b.ks')],
    ['hd:UUID=1A2B-3C4D', volume('UUID=1A2B-3C4D', '/ks.cfg')],
    ['hd:sdb1:/ks.cfg', volume('sdb1', '/ks.cfg')],
    ['hd:/dev/sdb1:/a.ks', volume('/dev/sdb1', '/a.ks')],
    ['cdrom:/ks/a.ks', { kind: 'cdrom', path: '/ks/a.ks' }],
    ['cdrom', { kind: 'cdrom', path: '/ks.cfg' }],
    ['file:/a.ks', { kind: 'file', path: '/a.ks' }],
    ['file:///a.ks', { kind: 'file', path: '///a.ks' }],
    ['http://10.0.0.1:8000/a.ks?x=1', { kind: 'http', url: 'http://10.0.0.1:8000/a.ks?x=1' }],
    ['https://example.org/a.ks', { kind: 'http', url: 'https://example.org/a.ks' }],
  ] as const) {
    it(`reads inst.ks=${text}`, () => assert.deepEqual(parseKickstartSource(text), source));
  }

  for (const text of [
    '',
    'hd',
    'hd:',
    'hd::/a.ks',
    'file',
    'file:',
    'nfs:10.0.0.1:/a.ks',
    'http://',
    '/a.ks',
  ]) {
    it(`refuses inst.ks=${text}`, () => {
      assert.throws(
        () => parseKickstartSource(text),
        (error) =>
          error instanceof StepFailure &&
          error.failureClass === 'config-invalid' &&
          error.message === `inst.ks=${text} is not a place for a kickstart`,
      );
    });
  }

  it('takes the last of several equal arguments, and whole words only', () => {
    assert.deepEqual(
      parseBootArguments(
        'quiet inst.ks=cdrom xinst.ks=file:/b slipway.node=a inst.ks=file:/c slipway.node=b\n',
      ),
      { kickstart: { kind: 'file', path: '/c' }, node: 'b' },
    );
  });

  it('finds nothing where nothing is asked', () => {
    assert.deepEqual(parseBootArguments('BOOT_IMAGE=/vmlinuz quiet inst.ks\n'), {});
  });
});
