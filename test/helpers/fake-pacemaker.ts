/** As much of Pacemaker as a formation touches; what it prints was recorded from Pacemaker 2.1.5. */
import { allOf, parseXml } from '../../postinstall/cluster/xml.ts';
import { isOneCluster, seenBy } from './fake-corosync.ts';
import { attached, drbdStatus, settle } from './fake-drbd.ts';
import { type FakeNode, type FakePair, type FakePrograms, failing, nodeOf } from './fake-nodes.ts';

export const EMPTY_CIB =
  '<cib epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config><cluster_property_set id="cib-bootstrap-options">' +
  '<nvpair id="cib-bootstrap-options-dc-version" name="dc-version" value="2.1.5"/></cluster_property_set></crm_config>' +
  '<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources/><constraints/></configuration><status/></cib>';

const isUp = ({ run }: FakeNode): boolean => run.units.includes('pacemaker.service');

/** Pacemaker, once it is there on both nodes, starts what is configured. */
function place(pair: FakePair): void {
  const running = pair.nodes.filter(isUp);
  if (pair.service !== undefined && !isUp(nodeOf(pair, pair.service))) pair.service = undefined;
  if (running.length < 2 || !isOneCluster(pair) || !pair.cib.includes('slipway-service')) return;
  for (const node of running) node.run.drbd ??= attached(node);
  settle(pair);
  pair.service ??= running[0]?.name;
  const at = pair.service;
  for (const { name, run } of pair.nodes) if (run.drbd !== undefined) run.drbd.primary = name === at;
}

/** What `crm_mon --output-as=xml` prints. */
function monitor(pair: FakePair, asked: FakeNode): string {
  const up = seenBy(pair, asked).filter(isUp);
  const nodes = pair.nodes
    .map(
      ({ name }) =>
        `<node name="${name}" id="${name.slice(1)}" online="${up.some((one) => one.name === name)}" pending="false"/>`,
    )
    .join('');
  const at = pair.service;
  const one = (id: string, role: string, node: string): string =>
    `<resource id="${id}" role="${role}" active="true" failed="false"><node name="${node}" id="1" cached="true"/></resource>`;
  const primitives = allOf(parseXml(pair.cib), 'primitive').map(({ attributes }) => attributes['id'] ?? '');
  // Fence devices wait for no data.
  const fences = primitives.filter((id) => id.startsWith('slipway-fence-'));
  const others = primitives.filter((id) => id !== 'slipway-data' && !fences.includes(id));
  const first = up[0]?.name;
  const service = [
    ...(first === undefined ? [] : fences.map((id) => one(id, 'Started', first))),
    ...(at === undefined ? [] : others.map((id) => one(id, 'Started', at))),
  ];
  const data =
    at === undefined || !primitives.includes('slipway-data')
      ? []
      : up.map(({ name }) => one('slipway-data', name === at ? 'Promoted' : 'Unpromoted', name));
  return `<pacemaker-result><summary><current_dc present="${up.length > 0}" with_quorum="${up.length > 1}"/></summary><nodes>${nodes}</nodes><resources>${[...service, ...data].join('')}</resources></pacemaker-result>`;
}

export const PACEMAKER_PROGRAMS: FakePrograms = {
  // DRBD's, and Pacemaker is who has it run once the service is configured.
  drbdsetup: (pair, node) => {
    place(pair);
    settle(pair);
    return node.run.drbd === undefined ? failing(10, 'slipway: No such resource\n') : drbdStatus(pair, node);
  },
  crm_mon: (pair, node) => {
    if (!isUp(node)) return failing(102);
    place(pair);
    return monitor(pair, node);
  },
  cibadmin: (pair, node, { args }) => {
    if (!isUp(node)) return failing(102);
    if (args[0] === '--patch') {
      pair.cib = String(node.machine.files.get('/run/slipway/cib-after.xml'));
      return '';
    }
    return pair.cib;
  },
  crm_verify: () => '',
  crm_diff: () => failing(1, '', '<diff/>'),
  crm_resource: (pair, _, { args }) => {
    const to = args[args.indexOf('--node') + 1];
    if (!args.includes('--move') || to === undefined || pair.service === undefined) return '';
    if (pair.service === to) return failing(108, '', 'Requested item already exists\n');
    const data = [...nodeOf(pair, pair.service).machine.files].filter(([path]) =>
      path.startsWith('/srv/data/'),
    );
    for (const [path, content] of data) nodeOf(pair, to).machine.files.set(path, content);
    pair.service = to;
    return '';
  },
};
