/** The part of the spec about nodes that keep one service running together. */
import * as z from 'zod';
import { about } from './about.ts';
import { NO_FENCING, text } from './formats.ts';

const FenceDevice = z.strictObject({
  node: text('hostName').meta(about('The node it switches off.', { example: 'node-a' })),
  kind: z
    .enum(['ipmi', 'redfish', 'libvirt', 'lab-switch'])
    .meta(
      about(
        'What it is: a service processor, spoken to by IPMI 2.0 or Redfish; the libvirt host of a virtual machine, over SSH; ' +
          'the power switch of a lab.',
        { example: 'ipmi' },
      ),
    ),
  address: text('fenceAddress').meta(
    about('Where it answers; of a `lab-switch` its URL.', { unit: 'host or URL', example: '10.10.9.11' }),
  ),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .meta(about('Its port, where that is not the usual one.', { example: '6230' })),
  user: text('fenceUser')
    .optional()
    .meta(
      about('Who logs in there. The password never stands here: `slipway enrol --fencing`.', {
        example: 'fence',
      }),
    ),
  plug: text('fencePlug')
    .optional()
    .meta(
      about(
        'How it calls the node: domain of libvirt, system of Redfish, plug of a switch. The node’s name when absent.',
        {
          example: '/redfish/v1/Systems/1',
        },
      ),
    ),
});

const Sbd = z.strictObject({
  watchdog: text('deviceFile')
    .default('/dev/watchdog')
    .meta(about('The hardware watchdog of every node.', { example: '/dev/watchdog' })),
  disks: z
    .array(text('deviceFile'))
    .min(1)
    .max(3)
    .meta(
      about('Small disks that all nodes share, for `sbd`.', {
        example: '[/dev/disk/by-id/scsi-3600a0b8000123456]',
      }),
    ),
});

export const Ha = z.strictObject({
  fencing: z
    .union([z.array(FenceDevice).min(1).max(64), Sbd, text('noFencing')])
    .meta(
      about(
        `How a node that does not answer is made harmless: a list with a device for each node, or shared disks with a ` +
          `watchdog (sbd), or in these words \`${NO_FENCING}\`.`,
        { example: '[{ node: node-a, kind: ipmi, address: 10.10.9.11, user: fence }]' },
      ),
    ),
  vip: text('serviceAddress')
    .optional()
    .meta(
      about('The address that moves with the service.', { unit: 'IPv4/prefix', example: '10.10.0.100/24' }),
    ),
  services: z
    .array(text('systemdService'))
    .max(32)
    .default([])
    .meta(
      about('systemd services that run where the data and the address are, in the order they are started.', {
        example: '[nginx.service]',
      }),
    ),
});

export type HaSpec = z.output<typeof Ha>;
export type FenceDeviceSpec = z.output<typeof FenceDevice>;
