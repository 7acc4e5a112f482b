import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  escapeValue,
  netmask,
  quoted,
  staticAddress,
  UnsafeValueError,
} from '../../src/kickstart/render-values.ts';

describe('a value in a kickstart', () => {
  it('is printed as it is when it is one plain word or a number', () => {
    for (const word of [
      'node-a',
      'en_US.UTF-8',
      '52:54:00:10:00:0a',
      '/run/install/repo',
      'mode=802.3ad,miimon=100',
    ]) {
      assert.equal(escapeValue(word), word);
    }
    assert.equal(escapeValue(0), '0');
    assert.equal(escapeValue(600), '600');
  });

  it('is never undefined, null, empty, or of another type', () => {
    for (const value of [undefined, null, '', true, {}, [], Number.NaN, -1, 1.5]) {
      assert.throws(() => escapeValue(value), UnsafeValueError);
    }
    assert.throws(() => quoted(undefined), UnsafeValueError);
  });

  for (const [what, value] of [
    ['a newline', 'a\nclearpart --all'],
    ['a carriage return', 'a\rb'],
    ['a blank', 'a --wipe'],
    ['a single quote', "a'b"],
    ['a double quote', 'a"b'],
    ['a backslash', 'a\\b'],
    ['a section', 'a%end'],
    ['a comment', 'a#b'],
    ['a variable', 'a$HOME'],
    ['a command', 'a`id`'],
    ['a list of commands', 'a;id'],
    ['an option', '--wipe'],
    ['a control character', 'a\x07'],
  ] as const) {
    it(`cannot smuggle in ${what}`, () => assert.throws(() => escapeValue(value), UnsafeValueError));
  }

  it('may hold blanks, signs of comment and variables between quotes', () => {
    assert.equal(escapeValue(quoted('ssh-ed25519 AAAA me@desk')), "'ssh-ed25519 AAAA me@desk'");
    assert.equal(escapeValue(quoted('$6$salt$hash')), "'$6$salt$hash'");
    assert.equal(escapeValue(quoted('')), "''");
  });

  it('cannot leave its quotes', () => {
    for (const text of ["a'b", 'a"b', 'a\\', 'a\nb', 'a%end', 'a`b', 'a\u2028b', 'a\0']) {
      assert.throws(() => escapeValue(quoted(text)), UnsafeValueError);
    }
  });

  it('stays one word of one line, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        let word: string;
        try {
          word = escapeValue(text);
        } catch (error) {
          assert.ok(error instanceof UnsafeValueError);
          return;
        }
        assert.match(word, /^[^\s'"\\%#$;&|<>()*?[\]{}~!`-][^\s'"\\%#$;&|<>()*?[\]{}~!`]*$/);
      }),
    );
  });
});

describe('an address', () => {
  it('has a netmask of its prefix length', () => {
    const masks = [0, 1, 8, 9, 20, 24, 31, 32].map((prefix) => netmask(prefix));
    assert.deepEqual(masks, [
      '0.0.0.0',
      '128.0.0.0',
      '255.0.0.0',
      '255.128.0.0',
      '255.255.240.0',
      '255.255.255.0',
      '255.255.255.254',
      '255.255.255.255',
    ]);
    for (const prefix of [-1, 33, 1.5, Number.NaN]) assert.throws(() => netmask(prefix), RangeError);
  });

  it('is static or comes from DHCP', () => {
    assert.deepEqual(staticAddress('10.10.0.21/20'), { ip: '10.10.0.21', netmask: '255.255.240.0' });
    assert.equal(staticAddress('dhcp'), undefined);
  });
});
