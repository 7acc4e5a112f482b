import assert from 'node:assert/strict';
import { chronyConfig, readTime, timesyncdConfig } from '../../src/installer/system-config-time.ts';
import { brief, commandsOf } from '../helpers/installer.ts';

const read = (text: string): ReturnType<typeof readTime> => readTime(commandsOf(`${text}\n`));

describe('the time of a kickstart', () => {
  for (const [text, zone, hardwareClock] of [
    ['zerombr', 'UTC', 'UTC'],
    ['timezone Japan', 'Japan', 'LOCAL'],
    ['timezone Europe/Prague --utc', 'Europe/Prague', 'UTC'],
    ['timezone Europe/Prague --isUtc', 'Europe/Prague', 'UTC'],
    ['timezone Etc/GMT+5', 'Etc/GMT+5', 'LOCAL'],
  ] as const) {
    it(`has zone and hardware clock: ${text}`, () => {
      const { time, problems } = read(text);
      assert.deepEqual([problems, time.zone, time.hardwareClock], [[], zone, hardwareClock]);
    });
  }

  it('is kept by servers and pools', () => {
    const { time } = read(
      'timezone UTC --ntpservers=a,b\ntimesource --ntp-server=c\ntimesource --ntp-pool=0.pool.ntp.org',
    );
    assert.equal(timesyncdConfig(time), '[Time]\nNTP=a b c 0.pool.ntp.org\n');
    assert.match(chronyConfig(time) ?? '', /^server c iburst\npool 0\.pool\.ntp\.org iburst$/m);
    assert.equal(time.synchronised, true);
  });

  it('is kept by nobody when the kickstart says so', () => {
    for (const text of ['timezone UTC --nontp', 'timesource --ntp-server=a\ntimesource --ntp-disable']) {
      const { time } = read(text);
      assert.equal(time.synchronised, false, text);
      assert.deepEqual([timesyncdConfig(time), chronyConfig(time)], [undefined, undefined]);
    }
  });

  for (const [text, problem] of [
    ['timezone Europa/Wien', "1:10 time-zone: 'Europa/Wien' is no time zone"],
    ['timezone ../../etc/passwd', "1:10 time-zone: '../../etc/passwd' is no time zone"],
    ['timesource --ntp-server="a b"', "1:25 time-server: 'a b' is no name of a server"],
  ] as const) {
    it(`is refused: ${text}`, () =>
      assert.deepEqual(
        read(text).problems.map((one) => brief(one).replace(/^1:\d+/, '')),
        [problem.replace(/^1:\d+/, '')],
      ));
  }
});
