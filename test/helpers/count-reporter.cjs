'use strict';
/** Mocha's usual reporter, which also leaves mocha's own counts as JSON in the file $SLIPWAY_TEST_COUNTS. */
const { writeFileSync } = require('node:fs');
const { reporters } = require('mocha');

module.exports = class CountReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = runner.stats;
      const file = process.env['SLIPWAY_TEST_COUNTS'];
      if (file) writeFileSync(file, JSON.stringify({ passes, failures, pending }));
    });
  }
};
