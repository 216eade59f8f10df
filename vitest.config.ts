// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

// `unit` needs no privileges and is the fast loop, nor does `security`, which attacks the API
// for longer, nor `store`, which breaks files, nor `octavia`, the Python driver; the others load the XDP program, and
// `netns` sends real traffic through network namespaces: one file at a time.
export default defineConfig({
  test: {
    // A deadline against hanging, not a measure: machines may be slow.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/support/closing-line-reporter.ts'],
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { extends: true, test: { name: 'packets', include: ['test/packets/**/*.test.ts'] } },
      { extends: true, test: { name: 'native', include: ['test/native/**/*.test.ts'] } },
      { extends: true, test: { name: 'store', include: ['test/store/**/*.test.ts'] } },
      { extends: true, test: { name: 'security', include: ['test/security/**/*.test.ts'] } },
      { extends: true, test: { name: 'octavia', include: ['test/octavia/**/*.test.ts'] } },
      { extends: true, test: { name: 'packaging', include: ['test/packaging/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'netns',
          include: ['test/netns/**/*.test.ts'],
          fileParallelism: false,
        },
      },
    ],
  },
});
